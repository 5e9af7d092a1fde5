"""Where every figure of one evaluation lies, by what it is about."""

from dataclasses import dataclass
from pathlib import Path

from ns_ray.config.artifact import Artifact, ArtifactTarget
from ns_ray.report import artifact_files as files
from ns_ray.run_folder import LATEST


@dataclass(frozen=True, slots=True)
class ArtifactPlaces:
    """The files of an evaluation.

    The first content's quality has the published place, as that has no name of a content in it; those of others lie in
    folders of their names.

    Attributes:
        result_dir: the result folder.
        instance: the machine.
        artifact: what is evaluated.
    """

    result_dir: Path
    instance: str
    artifact: Artifact

    @property
    def folder(self) -> Path:
        """Of the report."""
        return files.artifact_folder(self.result_dir, self.instance)

    @property
    def software_encoder(self) -> Path:
        """Of benchmark_encoder."""
        return self._rows(self.artifact.rows * self.artifact.scale) / files.SOFTWARE_ENCODE

    @property
    def decoder(self) -> Path:
        """Of benchmark_decode."""
        return self._rows(self.artifact.rows) / files.DECODE

    @property
    def run(self) -> Path:
        """Of the run as fast as possible."""
        return self._run(self.artifact.videos) / "benchmark.json"

    @property
    def paced_run(self) -> Path:
        """Of the run in real time."""
        return self._run(self.artifact.paced_videos) / "benchmark.json"

    @property
    def realtime(self) -> Path:
        """Of check_realtime."""
        return self._run(self.artifact.paced_videos) / "realtime.json"

    def model(self, target: ArtifactTarget) -> str:
        """The name of a method's DNN."""
        method = self.artifact.methods[target]
        return f"EDSR_B{method.blocks}_F{method.channels}_S{self.artifact.scale}"

    def infer(self, model: str, name: str = files.INFER) -> Path:
        """Of benchmark_infer."""
        return files.model_folder(self.result_dir, self.instance, self.artifact.rows, model) / name

    def streams(self, target: ArtifactTarget, kind: str) -> Path:
        """Of measure_throughput; `kind` is `throughput` or `cost`."""
        return self.folder / f"{stem(target)}_{kind}.json"

    def quality_folder(self, content: str, codec: str = "jpeg") -> Path:
        """Where a content's quality is."""
        first = content == next(iter(self.artifact.contents))
        folder = self.result_dir / "artifact"
        folder = folder if first else folder / content
        return folder if codec == "jpeg" else folder / codec

    def quality(self, content: str, target: ArtifactTarget, codec: str = "jpeg") -> Path:
        """Of measure_quality."""
        return self.quality_folder(content, codec) / f"{stem(target)}_quality.json"

    def size(self, content: str) -> Path:
        """Of measure_quality: what a hybrid stream takes."""
        return self.quality_folder(content) / "size.json"

    def curves_folder(self, content: str) -> Path:
        """Where runs of curves are."""
        return self.folder / "curves" / content

    def curves(self, content: str) -> Path:
        """Of curves."""
        return self.curves_folder(content) / LATEST / "curves.json"

    def rates_folder(self, content: str) -> Path:
        """Where runs of rate_distortion are."""
        return self.folder / "rates" / content

    def rates(self, content: str) -> Path:
        """Of rate_distortion."""
        return self.rates_folder(content) / LATEST / "rate_distortion.json"

    def _rows(self, rows: int) -> Path:
        return files.size_folder(self.result_dir, self.instance, rows)

    def _run(self, videos: int) -> Path:
        return files.last_run(self.infer(self.model("engorgio")).parent, videos, self.artifact.gpus)


def stem(target: str) -> str:
    """How a target's files begin."""
    return target.replace("-", "_")
