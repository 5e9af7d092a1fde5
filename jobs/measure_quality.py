"""Step 5 of the published evaluation: what each method gains over bilinear, after the losses that it really has.

    python jobs/measure_quality.py --content lol0 --mode eval-small --target per-frame --num_channels 16
    python jobs/measure_quality.py --lr LR --hr HR -n 240 --target engorgio --num_anchors 3 --codec jpeg

per-frame    every shown frame is super-resolved, encoded anew and decoded
selective    equally spaced coded frames are; the others are rebuilt by plain reuse, all encoded anew and decoded
engorgio     (NeuroScaler) anchors are chosen and compressed as images; the others are rebuilt, by plain reuse as
             published, and by the best mode beside it

Gains are means over the shown frames of a method's PSNR less that of bilinear, of luma and of all planes. The published
ones, under the published key, are of all planes and over bilinear as libyuv has it, which is up to a dB worse than ours
(docs/artifact.md); both are shown. Nothing but the result touches the disk: RESULT_DIR/artifact/{per_frame,selective,
engorgio}_quality.json, and of engorgio size.json, whose Mbit are of 2^20. Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import shlex
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from rich.progress import Progress
from rich.table import Table

from jobs.cli import entry
from jobs.cli.despite import despite, despite_options
from jobs.cli.loaded_engine import loaded_engine
from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.policies import Fraction, Horizon
from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError, MediaError
from ns_ray.evaluation.choice import EPOCH, choose
from ns_ray.evaluation.crops import method_crops
from ns_ray.evaluation.method import COMPARED, PER_FRAME, ImageCodec, Method
from ns_ray.evaluation.original import originals
from ns_ray.evaluation.reencode import Reencode
from ns_ray.evaluation.tally import Tally
from ns_ray.evaluation.trial import Trial, records_of
from ns_ray.evaluation.upscaled import LIBYUV, UPSCALED
from ns_ray.picture.yuv import Plane
from ns_ray.run_folder import set_aside
from ns_ray.sr.checkpoints import checkpoint_folder, trained_weights
from ns_ray.sr.dataset import content_pair
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import weights_path
from ns_ray.video.encode import published_kbps
from ns_ray.video.probe import VideoInfo, probe
from ns_ray.vp9.records import FrameRecord
from ns_ray.whole_file import write_record

FRAMES = {"test": 360, "eval-small": 3000, "eval": 32400}
"""Shown frames by published mode."""
PUBLISHED_KEYS = {"per-frame": "Per-frame", "selective": "Selective", "engorgio": "Selective"}
"""What the gain is called in the published files; the last one is a slip that is kept."""
CHANNELS = {"per-frame": 16, "selective": 32, "engorgio": 32}
ANCHORS = {"selective": 8, "engorgio": 3}
UPSCALINGS = (*UPSCALED, LIBYUV)
BASES = ("bilinear", LIBYUV)
"""What gains are over: bilinear as all of our figures have it, and as the published ones."""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("--target", choices=PUBLISHED_KEYS, default="engorgio", help="the method")
    add("--content", type=entry.name, metavar="NAME", help="its test video, and the weights trained on it")
    add("--lr", type=Path, metavar="FILE", help="in place of --content: the LR video, a path or one below --data-dir")
    add("--hr", type=Path, metavar="FILE", help="with --lr: the original; a larger one is scaled down")
    add("-d", "--duration", type=int, default=60, metavar="S", help="seconds in the names of the content's videos")
    add("--mode", choices=FRAMES, default="test", help=", ".join(f"{name}: {n} frames" for name, n in FRAMES.items()))
    add("-n", "--frames", type=int, metavar="N", help="so many shown frames, whatever the mode")
    add("--codec", choices=COMPARED, default="jpeg", help="of engorgio's anchors")
    add("--input-resolution", type=int, metavar="ROWS", help="LR; default: 720, or that of --lr")
    add("--output-resolution", type=int, metavar="ROWS", help="HR; default: 3 times LR")
    add("--num-blocks", type=int, default=8, metavar="N", help="residual blocks")
    add("--num-channels", type=int, metavar="N", help="default: 16 for per-frame, else 32")
    add("--num-anchors", type=int, metavar="N", help="of 40 frames; default: selective 8, engorgio 3")
    add("--horizon", choices=get_args(Horizon), default="gap", help="of engorgio's choice; published here: epoch")
    add("--bitrate", type=int, metavar="KBPS", help="of the re-encode; default: 35500 at 2160p, 6750 at 1080p")
    add("--weights", type=Path, metavar="FILE", help="default: those of the content; with --lr the ones that ship")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's, or torch where that is auto")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="where it runs")
    add("--threads", type=int, default=4, metavar="N", help="methods and upscalings at work at a time")
    add(
        "--crop",
        type=int,
        metavar="N",
        help="write PNG images of frame N beside the figures, of the window without lettering where "
        "bilinear errs most: a folder <target>_crops",
    )
    add("--output", type=Path, metavar="DIR", help="where the files go; default: RESULT_DIR/artifact")
    despite_options(parser)
    options = parser.parse_args(argv)
    options.command = shlex.join(["python", "jobs/measure_quality.py", *(sys.argv[1:] if argv is None else argv)])
    if options.content is None and (options.lr is None or options.hr is None):
        parser.error("name a --content, or --lr and --hr")
    if options.content is not None and (options.lr is not None or options.hr is not None):
        parser.error("--content has its own videos: leave out --lr and --hr")
    if options.target == "per-frame" and options.num_anchors is not None:
        parser.error("per-frame has no anchors: leave out --num_anchors")
    if options.num_anchors is not None and not 1 <= options.num_anchors <= EPOCH:
        parser.error(f"--num_anchors lies in 1..{EPOCH}")
    if options.crop is not None and options.crop < 0:
        parser.error("--crop must be 0 or more")
    if options.frames is not None and options.frames < 1:
        parser.error("-n must be at least 1")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: run(options))


@dataclass(frozen=True, slots=True)
class _Source:
    """What is measured: the LR video, the HR one, the model and the file of its weights."""

    info: VideoInfo
    hr: str
    spec: ModelSpec
    weights: Path

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of HR."""
        return self.info.width * self.spec.scale, self.info.height * self.spec.scale


def run(options: argparse.Namespace) -> None:
    """Measure, write, show.

    Raises:
        ConfigError: a setting or a combination of options makes no sense.
        NsRayError: a video or weights are missing or damaged.
    """
    config = load_config(options.config, options.set)
    named = options.engine or config.enhancer.engine
    source = _source(options)
    compared = originals(source.info, source.hr, source.spec.scale, despite(options))
    asked = options.frames or FRAMES[options.mode]
    records = records_of(source.info, asked)
    kbps = options.bitrate or published_kbps(*source.size)
    methods = _methods(options, records, kbps)
    engine = loaded_engine(named, source.spec, source.info, source.weights, options.device)
    trial = Trial(source.info, engine, list(methods.values()), asked, UPSCALINGS)
    tally = Tally(UPSCALINGS, methods)
    console = entry.console()
    folder = options.output or options.result_dir / "artifact"
    crops: dict[str, Any] | None = None
    before: Plane | None = None
    with Progress(console=console, transient=True) as bar, ThreadPoolExecutor(options.threads) as pool:
        shown = trial.run(compared, pool)
        for frame in bar.track(shown, total=sum(record.shown for record in records), description="frames"):
            if len(tally.gops) == options.crop:
                crops = method_crops(frame, before, methods, folder, f"{_stem(options.target)}_crops")
            tally.add(frame)
            before = frame.lr.y
    count = len(tally.gops)
    if not count:
        raise MediaError(f"{source.info.path} and {source.hr} have no frame in common; is either empty?")
    if count < asked:
        console.print(f"only {count} of {asked} frames are there: the videos end", style="yellow")
    name, method = next(iter(methods.items()))
    figures = _figures(tally, methods, float(source.info.frame_rate))
    result = {
        PUBLISHED_KEYS[options.target]: figures[name][f"gain_over_{LIBYUV}"]["psnr"],
        "command": options.command,
        "target": options.target,
        "content": options.content,
        "lr": Path(source.info.path).name,
        "hr": Path(source.hr).name,
        "model": source.spec.name,
        "weights": _named(source.weights),
        "engine": engine.name,
        "device": options.device,
        "frames": count,
        "frames_asked": asked,
        "epochs": count // EPOCH,
        "anchors": count if method.anchors is None else sum(index < count for index, _ in method.anchors),
        "image": method.image._asdict() if method.image else None,
        "horizon": options.horizon if options.target == "engorgio" else None,
        "reencode_kbps": kbps if method.reencode else None,
        "crops": crops,
        "methods": figures,
    }
    console.print(table(result))
    written = {f"{_stem(options.target)}_quality.json": result}
    if options.target == "engorgio":
        written["size.json"] = figures[name]["size"]
    for file, record in written.items():
        set_aside(folder / file, console.print)
        write_record(folder / file, record)
        console.print(f"{folder / file} written", soft_wrap=True)


def _stem(target: str) -> str:
    """How the target's files begin."""
    return target.replace("-", "_")


def _source(options: argparse.Namespace) -> _Source:
    """The videos and the model that the options name."""
    content, duration = options.content, options.duration
    lr = None if content else entry.found(options.lr, options.data_dir)
    rows = options.input_resolution or (probe(str(lr)).height if lr else 720)
    spec = _spec(options, rows)
    if lr:
        hr = entry.found(options.hr, options.data_dir)
        weights = options.weights or weights_path(spec)
    else:
        _, lr, hr = content_pair(options.data_dir, content, rows, duration, spec.scale, "test")
        weights = options.weights or trained_weights(
            checkpoint_folder(options.result_dir, content, rows, duration), spec, content
        )
    info = probe(str(lr))
    if info.height != rows:
        raise ConfigError(f"{lr} has {info.height} rows, not {rows}: see --input_resolution")
    return _Source(info, str(hr), spec, weights)


def _spec(options: argparse.Namespace, rows: int) -> ModelSpec:
    scale, rest = divmod(options.output_resolution or 3 * rows, rows)
    if rest:
        raise ConfigError(f"{options.output_resolution} rows are no multiple of {rows}: choose other resolutions")
    channels = options.num_channels or CHANNELS[options.target]
    return ModelSpec.parse(f"EDSR_B{options.num_blocks}_F{channels}_S{scale}")


def _named(path: Path) -> str:
    """A file as it is called in every clone, if it is of the repository."""
    return str(path.relative_to(entry.ROOT) if path.is_relative_to(entry.ROOT) else path)


def _methods(options: argparse.Namespace, records: list[FrameRecord], kbps: int) -> dict[str, Method]:
    """What is compared, by name; the first is the published method, which the published key is about."""
    reencode = Reencode.published(kbps)
    if options.target == "per-frame":
        return {"per-frame": Method(reencode=reencode), "before re-encode": PER_FRAME}
    anchors = options.num_anchors or ANCHORS[options.target]
    share = anchors / EPOCH
    if options.target == "selective":
        names = choose(records, Uniform(share, among="coded"))
        return {"selective": Method(names, reencode=reencode), "before re-encode": Method(names)}
    image = ImageCodec.published(options.codec, share)
    names = choose(records, Fraction(share, horizon=options.horizon))
    return {"plain": Method(names, "plain", image), "best": Method(names, "best", image)}


def _figures(tally: Tally[str], methods: Mapping[str, Method], frame_rate: float) -> dict[str, dict[str, Any]]:
    """Everything that was measured, by name, and what the methods send."""
    made: dict[str, dict[str, Any]] = {}
    for name in (*UPSCALINGS, *methods):
        series = tally.series[name]
        made[name] = series.mean | {f"gain_over_{base}": series.over(tally.series[base]) for base in BASES}
        if name in methods:
            made[name]["size"] = tally.size(name, frame_rate)
        made[name]["frames"] = series.frames
    return made


def table(result: dict[str, Any]) -> Table:
    """The means, and what each gains."""
    title = f"{result['target']}, {result['model']}, {result['frames']} frames, {result['anchors']} super-resolved"
    made = Table(
        "", "luma PSNR, dB", "over bilinear", "all planes, dB", "over bilinear", "over libyuv's", "Mbit/s", title=title
    )
    for name, one in result["methods"].items():
        over, published = one["gain_over_bilinear"], one[f"gain_over_{LIBYUV}"]
        size = one.get("size")
        made.add_row(
            name,
            f"{one['psnr_y']:.2f}",
            f"{over['psnr_y']:+.2f}",
            f"{one['psnr']:.2f}",
            f"{over['psnr']:+.2f}",
            f"{published['psnr']:+.2f}",
            f"{size['all']:.2f}" if size else "",
        )
    return made


if __name__ == "__main__":
    sys.exit(main())
