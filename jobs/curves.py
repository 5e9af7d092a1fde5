"""Quality over the share of anchors: every way to choose them, both ways to rebuild, against super-resolving all.

    python jobs/curves.py LR HR [-m EDSR_B8_F32_S3] [--fractions 0.025 0.05 ...] [--frames N] [--threads N]

LR is a VP9 stream, HR the original of the same frames; a larger one is scaled down. Anchors pass through their codec,
as they do in a hybrid stream; Mbit are of 2^20. PSNR is that of luma, and of all planes.
Writes curves.json, curves.png and curves_all_planes.png to RESULT_DIR/evaluation/curves/<LR's name>/<model>.
Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress
from rich.table import Column, Table

from jobs.cli import entry
from jobs.cli.despite import despite, despite_options
from jobs.cli.loaded_engine import loaded_engine
from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.policies import Fraction, Policy
from ns_ray.config.load import load_config
from ns_ray.errors import MediaError
from ns_ray.evaluation.choice import choose
from ns_ray.evaluation.figures import described
from ns_ray.evaluation.method import PER_FRAME, ImageCodec, Method
from ns_ray.evaluation.oracle import Tried, nemo, tried
from ns_ray.evaluation.original import originals
from ns_ray.evaluation.tally import Tally
from ns_ray.evaluation.trial import Trial, records_of
from ns_ray.evaluation.upscaled import UPSCALED
from ns_ray.picture.coding import CODECS, LARGEST_FRACTION, Codec
from ns_ray.report.curve_plot import draw
from ns_ray.run_folder import claimed
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe
from ns_ray.vp9.records import FrameRecord, FrameType
from ns_ray.whole_file import write_record

SELECTIONS: dict[str, Callable[[float], Policy]] = {
    "neuroscaler": Fraction,
    "published": partial(Fraction, horizon="gop"),
    "published-quality": partial(Fraction, horizon="epoch"),
    "uniform": Uniform,
    "uniform-coded": partial(Uniform, among="coded"),
}
"""How anchors are chosen, by the fraction of them. `published` is `neuroscaler` with the horizon of the published
engine, `published-quality` with that of its quality code; normalisers make no difference to a single stream."""
ORACLE = "nemo"
"""As many anchors in each epoch as `neuroscaler` has, chosen by trying every frame: see `ns_ray.evaluation.oracle`."""
USUAL = ("neuroscaler", "published", "uniform")
MODES = ("best", "plain")

Point = tuple[float, str, str]
"""A fraction, a selection and a mode."""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    selections = f"how to choose: {', '.join(SELECTIONS)}; {ORACLE} tries every frame, which takes minutes a GOP"
    add("lr", type=Path, metavar="LR", help="the LR video: a path, or one below --data-dir")
    add("hr", type=Path, metavar="HR", help="the original, likewise")
    add("-m", "--model", default="EDSR_B8_F32_S3", help="what super-resolves")
    add("--weights", type=Path, metavar="FILE", help="its weights; the ones that ship where not said")
    add("--fractions", type=float, nargs="+", default=[0.025, 0.05, 0.075, 0.1, 0.15, 0.2], metavar="X", help="anchors")
    add("--selections", nargs="+", choices=(*SELECTIONS, ORACLE), default=list(USUAL), metavar="NAME", help=selections)
    add("--modes", nargs="+", choices=MODES, default=list(MODES), metavar="NAME", help="how to rebuild")
    add("--anchor-codec", choices=CODECS, help="how anchors are compressed; default: the configuration's")
    add("--quality", type=int, metavar="Q", help="of anchors, 1 to 100; default: by the codec and their share")
    add("--frames", type=int, metavar="N", help="stop after N; all where not said")
    add("--threads", type=int, default=1, metavar="N", help="points rebuilt at a time")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's, or torch where that is auto")
    add("--output", type=Path, metavar="DIR", help="where it goes; default: by the LR video's name and the model")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="where it runs")
    despite_options(parser)
    options = parser.parse_args(argv)
    if options.quality is not None and not 1 <= options.quality <= 100:
        parser.error("--quality must be 1 to 100")
    if not all(0 < fraction <= 0.2 for fraction in options.fractions):
        parser.error("fractions lie above 0, up to 0.2: no more frames than that are ranked")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Measure, write, show.

    Raises:
        ConfigError: a setting is wrong.
        NsRayError: the model or its weights are missing, or a video cannot be read.
    """
    config = load_config(options.config, options.set)
    options.lr, options.hr = (str(entry.found(path, options.data_dir)) for path in (options.lr, options.hr))
    named = options.engine or config.enhancer.engine
    codec = options.anchor_codec or config.anchor_codec
    info = probe(options.lr)
    spec = ModelSpec.parse(options.model)
    compared = originals(info, options.hr, spec.scale, despite(options))
    engine = loaded_engine(named, spec, info, options.weights, options.device)
    records = records_of(info, options.frames)
    points: list[Point] = list(product(options.fractions, options.selections, options.modes))
    console = entry.console()
    with Progress(console=console, transient=True) as bar, ThreadPoolExecutor(options.threads) as pool:
        gops: list[Tried] = []
        if ORACLE in options.selections:
            packets = islice(read_packets(info), options.frames)
            trying = tried(info, engine, packets, originals(info, options.hr, spec.scale, despite(options)), pool)
            due = sum(record.type is FrameType.KEY for record in records)
            gops = list(bar.track(trying, total=due, description="GOPs tried"))
        methods = {"full": PER_FRAME} | {
            point: _method(point, records, gops, codec, options.quality) for point in points
        }
        trial = Trial(info, engine, list(methods.values()), options.frames)
        tally = Tally(UPSCALED, methods)
        due = sum(record.shown for record in records)
        for frame in bar.track(trial.run(compared, pool), total=due, description="frames"):
            tally.add(frame)
    if not tally.gops:
        raise MediaError(f"{options.lr} and {options.hr} have no frame in common; is either empty?")
    bilinear = tally.series["bilinear"]
    figures = {
        name: {"gain_over_bilinear": series.over(bilinear)} | described(series, tally.gops)
        for name, series in tally.series.items()
    }
    result: dict[str, Any] = {name: figures[name] for name in (*UPSCALED, "full")}
    result["points"] = [
        {"fraction": x, "selection": how, "mode": mode, "anchors": len(methods[x, how, mode].anchors or ())}
        | {"size": tally.size((x, how, mode), float(info.frame_rate))}
        | figures[x, how, mode]
        for x, how, mode in points
    ]
    result |= {
        "anchor_codec": codec,
        "quality": options.quality,
        "lr": Path(options.lr).name,
        "hr": Path(options.hr).name,
        "model": spec.name,
    }
    folder = options.output or options.result_dir / "evaluation" / "curves" / Path(options.lr).stem / spec.name
    console.print(table(result))
    with claimed(folder, console.print) as folder:
        write_record(folder / "curves.json", result)
        draw(result, folder / "curves.png")
        draw(result, folder / "curves_all_planes.png", "psnr")
    console.print(f"{folder}/curves.json, curves.png and curves_all_planes.png written")


def _method(point: Point, records: list[FrameRecord], gops: list[Tried], codec: Codec, quality: int | None) -> Method:
    fraction, selection, mode = point
    anchors = choose(records, SELECTIONS.get(selection, Fraction)(fraction))
    image = ImageCodec.published(codec, min(fraction, LARGEST_FRACTION))
    image = image._replace(quality=quality or image.quality)
    return Method(nemo(gops, anchors) if selection == ORACLE else anchors, "best" if mode == "best" else "plain", image)


def table(result: dict[str, Any]) -> Table:
    """The means, and how each point compares."""
    bilinear, full = result["bilinear"], result["full"]
    figures = ("luma PSNR, dB", "over bilinear", "of SR's gain", "worst GOP over bilinear")
    made = Table(
        Column("", no_wrap=True),
        "anchors",
        "Mbit/s of them",
        *figures,
        "all planes, dB",
        "over bilinear",
        "of SR's gain",
    )
    for name in (*UPSCALED, "full"):
        made.add_row(name if name != "full" else "SR on all", "", "", *_row(result[name], bilinear, full))
    for point in result["points"]:
        title = f"{point['selection']}, {point['mode']}, {point['fraction']:.1%}"
        made.add_row(title, str(point["anchors"]), f"{point['size']['images']:.2f}", *_row(point, bilinear, full))
    return made


def _row(one: dict[str, Any], bilinear: dict[str, Any], full: dict[str, Any]) -> tuple[str, ...]:
    worst = min(a - b for a, b in zip(one["gops"], bilinear["gops"], strict=True))
    luma, all_planes = (_over(one[figure], bilinear[figure], full[figure]) for figure in ("psnr_y", "psnr"))
    return *luma, f"{worst:+.2f}", *all_planes


def _over(one: float, bilinear: float, full: float) -> tuple[str, str, str]:
    gain, best = one - bilinear, full - bilinear
    return f"{one:.2f}", f"{gain:+.2f}", f"{gain / best:.0%}" if best > 0 else ""


if __name__ == "__main__":
    sys.exit(main())
