"""What a method gains on a content, after the losses that it really has: measured, written, shown."""

import argparse
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.table import Table

from ns_ray import shipped
from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.policies import Fraction
from ns_ray.codecs.records import FrameRecord
from ns_ray.config.config import Config
from ns_ray.errors import MediaError
from ns_ray.evaluation.choice import EPOCH, choose
from ns_ray.evaluation.crops import method_crops
from ns_ray.evaluation.method import PER_FRAME, ImageCodec, Method
from ns_ray.evaluation.original import originals
from ns_ray.evaluation.reencode import Reencode
from ns_ray.evaluation.tally import Tally
from ns_ray.evaluation.trial import Trial, records_of
from ns_ray.evaluation.upscaled import LIBYUV, UPSCALED
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite
from ns_ray.jobs.cli.device import device_of
from ns_ray.jobs.cli.loaded_engine import loaded_engine
from ns_ray.jobs.cli.progress import Progress
from ns_ray.jobs.cli.published_quality import FRAMES, PUBLISHED_KEYS
from ns_ray.jobs.cli.quality_source import QualitySource
from ns_ray.picture.yuv import Plane
from ns_ray.run_folder import set_aside
from ns_ray.video.encode import published_kbps
from ns_ray.whole_file import write_record

ANCHORS = {"selective": 8, "engorgio": 3}
UPSCALINGS = (*UPSCALED, LIBYUV)
BASES = ("bilinear", LIBYUV)
"""What gains are over: bilinear as all of our figures have it, and as the published ones."""


def run(options: argparse.Namespace, config: Config, source: QualitySource) -> None:
    """Measure, write, show.

    Raises:
        NsRayError: a video is damaged.
    """
    options.device = device_of(options.device)
    named = options.engine or config.enhancer.engine
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
    with Progress(console) as bar, ThreadPoolExecutor(options.threads) as pool:
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
        "weights": shipped.everywhere(source.weights),
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
