"""The steps of the artifact evaluation, in the order in which each finds what it needs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from ns_ray import shipped
from ns_ray.config.artifact import Artifact, ArtifactTarget
from ns_ray.dataset.ladder import LADDER, hr_name, video_folder
from ns_ray.errors import ConfigError, ModelError
from ns_ray.report.artifact_files import NAIVE
from ns_ray.report.artifact_places import ArtifactPlaces
from ns_ray.report.step import Step
from ns_ray.sr.checkpoints import checkpoint_folder, weights_path
from ns_ray.sr.spec import ModelSpec

TARGETS: tuple[ArtifactTarget, ...] = ("per-frame", "selective", "engorgio")
"""In the order of their figures: engorgio's are set against the others'."""
_ANCHORS = ("jpeg:90", "av1:43", "jpeg-residual:75")


@dataclass(frozen=True, slots=True)
class _Material:
    """A content's videos, and how jobs are told of it.

    Attributes:
        lr, hr: the videos.
        trained: whether the DNNs were trained on it.
    """

    name: str
    lr: Path
    hr: Path
    trained: bool


class Plan:
    """Which jobs are run, with which options."""

    def __init__(self, places: ArtifactPlaces, data_dir: Path, common: tuple[str, ...], machine: str) -> None:
        """Lay the evaluation out.

        Args:
            places: what is evaluated, and where results go.
            data_dir: of prepared contents.
            common: options of every job.
            machine: what is told of the machine, as text.

        Raises:
            ConfigError: the evaluation makes no sense.
        """
        self._places, self._data_dir, self._common, self._machine = places, data_dir, common, machine
        self._artifact: Artifact = places.artifact
        if not self._artifact.contents:
            raise ConfigError("artifact.contents: name at least one")
        if self._artifact.videos == self._artifact.paced_videos:
            raise ConfigError("artifact.videos and artifact.paced_videos must differ: both runs would have one folder")
        self._targets = [target for target in TARGETS if target in self._artifact.methods]
        self._contents = [self._material(name) for name in self._artifact.contents]

    def steps(self) -> list[Step]:
        """All of them."""
        return [
            *self._parts(),
            *(self._runs() if "engorgio" in self._targets else ()),
            *self._throughput(),
            *(step for content in self._contents for step in self._quality(content)),
        ]

    def _material(self, name: str) -> _Material:
        artifact, content = self._artifact, self._artifact.contents[name]
        if content.lr:
            return _Material(name, shipped.found(content.lr), shipped.found(content.hr), trained=False)
        if artifact.rows not in LADDER:
            known = ", ".join(map(str, LADDER))
            raise ConfigError(f"artifact.rows {artifact.rows}: prepared videos have {known} rows; or name lr and hr")
        folder = video_folder(self._data_dir, name)
        lr = folder / LADDER[artifact.rows].name(artifact.duration, "test")
        return _Material(
            name, lr, folder / hr_name(artifact.rows * artifact.scale, artifact.duration, "test"), trained=True
        )

    def _weights(self, content: _Material, model: str) -> Path:
        """The file of a DNN's weights; one that is not there where none can be told, for the jobs to say so."""
        if not content.trained:
            return weights_path(ModelSpec.parse(model))
        artifact = self._artifact
        try:
            folder = checkpoint_folder(self._places.result_dir, content.name, artifact.rows, artifact.duration)
        except ModelError:
            folder = self._places.result_dir / content.name / "checkpoint"
        return folder / model / f"{model}.pt"

    def _step(
        self, name: str, job: str, options: list[object], outputs: list[Path], inputs: list[Path], answers: bool = False
    ) -> Step:
        return Step(name, job, (*map(_word, options), *self._common), tuple(outputs), tuple(inputs), answers=answers)

    def _parts(self) -> Iterator[Step]:
        """Inference, encoders and decoders by themselves."""
        artifact, places, first = self._artifact, self._places, self._contents[0]
        named: list[object] = ["-c", first.name, "-d", artifact.duration]
        for model in dict.fromkeys(map(places.model, self._targets)):
            options = [*named, "-r", artifact.rows, "-m", model, "--requests", artifact.requests]
            options += ["--warm-up", artifact.warm_up, "--naive-requests", artifact.naive_requests]
            outputs = [places.infer(model)] + ([places.infer(model, NAIVE)] if artifact.naive_requests else [])
            yield self._step(f"inference {model}", "benchmark_infer", options, outputs, [self._weights(first, model)])
        hr, lr = ([] if first.trained else ["--input", video] for video in (first.hr, first.lr))
        options = [*named, *hr, "-n", artifact.encoder_frames]
        yield self._step("encoders", "benchmark_encoder", options, [places.software_encoder], [first.hr])
        options = [*named, *lr, "-r", artifact.rows, "-n", artifact.decoder_frames]
        yield self._step("decoder", "benchmark_decode", options, [places.decoder], [first.lr])

    def _runs(self) -> Iterator[Step]:
        """Runs of the whole system, and whether the paced one was in real time."""
        artifact, places, first = self._artifact, self._places, self._contents[0]
        model = places.model("engorgio")
        weights = self._weights(first, model)
        options: list[object] = ["-g", artifact.gpus, "-m", model, "-f", artifact.methods["engorgio"].anchors / 40]
        options += ["--anchor-share", "none"]  # qualities as published
        if first.trained:
            options += ["-c", first.name, "-r", artifact.rows, "-d", artifact.duration, "--weights", weights]
        else:
            options += ["--input", first.lr, "--reference", first.hr]
        inputs = [first.lr, first.hr, weights]
        fast = [*options, "-v", artifact.videos, "-n", artifact.run_frames]
        others = [target for target in self._targets if target != "engorgio"]
        if others:
            fast += ["--against", *others, "--against-frames", artifact.against_frames]
        yield self._step("run, as fast as possible", "benchmark", fast, [places.run], inputs)
        paced = [*options, "-v", artifact.paced_videos, "-n", artifact.paced_frames, "--paced", "--own-weights"]
        yield self._step("run, paced", "benchmark", paced, [places.paced_run], inputs)
        check = ["--log_dir", places.infer(model).parent, "--num_gpus", artifact.gpus]
        check += ["--num_videos", artifact.paced_videos]
        yield self._step("real time", "check_realtime", check, [places.realtime], [places.paced_run], answers=True)

    def _throughput(self) -> Iterator[Step]:
        """Streams and costs by method."""
        artifact, places = self._artifact, self._places
        for target in self._targets:
            method = artifact.methods[target]
            options: list[object] = ["--target", target, "--num_blocks", method.blocks]
            options += ["--num_channels", method.channels, "--input_resolution", artifact.rows, "-s", artifact.scale]
            inputs = [places.infer(places.model(target))]
            if target != "per-frame":
                options += ["--num_anchors", method.anchors]
            if target == "engorgio":
                others = [one for one in self._targets if one != "engorgio"]
                inputs += [places.decoder, places.run, places.paced_run]
                inputs += [places.streams(one, "cost") for one in others]
            else:
                inputs += [places.software_encoder]
            outputs = [places.streams(target, kind) for kind in ("throughput", "cost")]
            step = self._step(f"streams of {target}", "measure_throughput", options, outputs, inputs)
            yield replace(step, settings=self._machine)

    def _quality(self, content: _Material) -> Iterator[Step]:
        """What each method gains on a content; JPEG 2000 beside JPEG; gain by the share of anchors."""
        artifact, places = self._artifact, self._places
        for target, codec in [*((target, "jpeg") for target in self._targets), ("engorgio", "j2k")]:
            if target not in self._targets:
                continue
            model, method = places.model(target), artifact.methods[target]
            weights = self._weights(content, model)
            options: list[object] = ["--target", target, "-n", artifact.quality_frames]
            if content.trained:
                options += ["--content", content.name, "-d", artifact.duration]
            else:
                options += ["--input", content.lr, "--reference", content.hr]
            options += ["--num_blocks", method.blocks, "--num_channels", method.channels]
            options += ["--input_resolution", artifact.rows, "--output_resolution", artifact.rows * artifact.scale]
            options += [
                "--crop",
                artifact.quality_frames * 3 // 4,
                "--output",
                places.quality_folder(content.name, codec),
            ]
            if target != "per-frame":
                options += ["--num_anchors", method.anchors]
            outputs = [places.quality(content.name, target, codec)]
            name = f"quality of {target}, {content.name}"
            if codec != "jpeg":
                name, options = f"{name}, {codec}", [*options, "--codec", codec]
            elif target == "engorgio":
                outputs.append(places.size(content.name))
            yield self._step(name, "measure_quality", options, outputs, [content.lr, content.hr, weights])
        if "engorgio" in self._targets:
            model = places.model("engorgio")
            weights = self._weights(content, model)
            output = places.curves(content.name)
            options = [content.lr, content.hr, "-m", model, "--weights", weights, "--frames", artifact.curve_frames]
            options += ["--selections", "neuroscaler", "uniform"]
            options += ["--output", places.curves_folder(content.name)]
            options += ["--fractions", *artifact.fractions, "--no-vmaf"]  # which rates have
            yield self._step(f"curves, {content.name}", "curves", options, [output], [content.lr, content.hr, weights])
            if artifact.rate_frames:
                options = [content.lr, content.hr, "-m", model, "--weights", weights, "--frames", artifact.rate_frames]
                options += ["-f", artifact.methods["engorgio"].anchors / 40, "--anchors", *_ANCHORS]
                options += ["--output", places.rates_folder(content.name)]
                options += [] if find_spec("imageio_ffmpeg") else ["--no-vmaf"]
                output = places.rates(content.name)
                inputs = [content.lr, content.hr, weights]
                yield self._step(f"rates, {content.name}", "rate_distortion", options, [output], inputs)


def _word(option: object) -> str:
    """An option's value; files below the current folder by their paths in it."""
    if isinstance(option, Path):
        return shown(option)
    return f"{option:g}" if isinstance(option, float) else str(option)


def shown(path: Path) -> str:
    """A path as it is typed in the current folder."""
    path, here = path.resolve(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
