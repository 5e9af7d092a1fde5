"""Quality over the share of anchors: measured, written, shown."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from ns_ray.anchors.policies import Fraction
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.config.config import Config
from ns_ray.errors import MediaError
from ns_ray.evaluation.choice import choose
from ns_ray.evaluation.dnn_time import dnn_seconds
from ns_ray.evaluation.figures import described
from ns_ray.evaluation.looks import Looks
from ns_ray.evaluation.method import PER_FRAME, ImageCodec, Method
from ns_ray.evaluation.oracle import Tried, nemo, tried
from ns_ray.evaluation.original import originals
from ns_ray.evaluation.tally import Tally
from ns_ray.evaluation.trial import Trial, records_of
from ns_ray.evaluation.upscaled import UPSCALED
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite
from ns_ray.jobs.cli.device import device_of
from ns_ray.jobs.cli.loaded_engine import loaded_engine
from ns_ray.jobs.cli.progress import Progress
from ns_ray.jobs.cli.selections import ORACLE, SELECTIONS
from ns_ray.picture.coding import LARGEST_FRACTION, Codec
from ns_ray.report.curve_plot import draw
from ns_ray.report.rate_distortion_plot import FIGURES
from ns_ray.run_folder import new_run, of_inputs, publish
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe
from ns_ray.whole_file import write_record

Point = tuple[float, str, str]
"""A fraction, a selection and a mode."""
_PLOTS = {"psnr_y": "curves", "psnr": "curves_all_planes"}
_FIGURES = {
    "ssim_y": ("SSIM", 4),
    "vmaf_v1": ("VMAF v1", 1),
    "vmaf_neg": ("VMAF NEG 4K", 1),
    "flicker": ("flicker", 2),
    "flicker_anchors": ("flicker at anchors", 2),
}


def run(options: argparse.Namespace, config: Config) -> None:
    """Measure, write, show.

    Raises:
        NsRayError: the model or its weights are missing, or a video cannot be read.
    """
    options.device = device_of(options.device)
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
    with Progress(console) as bar, ThreadPoolExecutor(options.threads) as pool:
        gops: list[Tried] = []
        if ORACLE in options.selections:
            packets = islice(read_packets(info), options.frames)
            trying = tried(info, engine, packets, originals(info, options.hr, spec.scale, despite(options)), pool)
            due = sum(record.type is FrameType.KEY for record in records)
            gops = list(bar.track(trying, total=due, description="GOPs tried"))
        methods: dict[Point | str, Method] = {"full": PER_FRAME} | {
            point: _method(point, records, gops, codec, options.quality) for point in points
        }
        trial = Trial(info, engine, list(methods.values()), options.frames)
        tally = Tally(UPSCALED, methods)
        due = sum(record.shown for record in records)
        looked_at = _looked_at(options, methods)
        with Looks(looked_at, methods, engine.hr_size, info.frame_rate) as looks:
            for frame in bar.track(trial.run(compared, pool), total=due, description="frames"):
                tally.add(frame)
                looks.add(frame, pool)
            seen = looks.figures() if tally.gops else {}
    if not tally.gops:
        raise MediaError(f"{options.lr} and {options.hr} have no frame in common; is either empty?")
    bilinear = tally.series["bilinear"]
    figures = {
        name: {"gain_over_bilinear": series.over(bilinear)} | described(series, tally.gops) | seen.get(name, {})
        for name, series in tally.series.items()
    }
    rate = float(info.frame_rate)
    for name in figures:
        figures[name] |= {} if name == "full" else tally.mbps(name, rate)
    hour = 3600 * rate * dnn_seconds(engine, frame.lr)
    for name, method in methods.items():
        share = 1 if method.anchors is None else len(method.anchors) / len(tally.gops)
        figures[name]["dnn_seconds_an_hour"] = round(share * hour, 1)
    result: dict[str, Any] = {name: figures[name] for name in (*UPSCALED, "full")}
    result["points"] = [
        {"fraction": x, "selection": how, "mode": mode, "anchors": len(methods[x, how, mode].anchors or ())}
        | {"size": tally.size((x, how, mode), rate)}
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
    with new_run(folder, of_inputs([options.lr]), spec.name) as folder:
        write_record(folder / "curves.json", result)
        for figure in (figure for figure in FIGURES if figure in result["bilinear"]):
            draw(result, folder / f"{_PLOTS.get(figure, f'curves_{figure}')}.png", figure)
        publish(folder)
    console.print(f"{folder}/curves.json and a plot of each figure written")
    if looks.note:
        console.print(f"{looks.note}: VMAF is left out", style="yellow")


def _method(point: Point, records: list[FrameRecord], gops: list[Tried], codec: Codec, quality: int | None) -> Method:
    fraction, selection, mode = point
    anchors = choose(records, SELECTIONS.get(selection, Fraction)(fraction))
    image = ImageCodec.published(codec, min(fraction, LARGEST_FRACTION))
    image = image._replace(quality=quality or image.quality)
    return Method(nemo(gops, anchors) if selection == ORACLE else anchors, "best" if mode == "best" else "plain", image)


def _looked_at(options: argparse.Namespace, methods: dict[Point | str, Method]) -> list[Point | str]:
    """What SSIM, VMAF and flicker are measured of."""
    if options.no_vmaf:
        return []
    first = options.selections[0]
    return [*UPSCALED, *(name for name in methods if isinstance(name, str) or name[1] == first)]


def table(result: dict[str, Any]) -> Table:
    """The means, and how each point compares."""
    bilinear, full = result["bilinear"], result["full"]
    figures = ("luma PSNR, dB", "over bilinear", "of SR's gain", "worst GOP over bilinear")
    columns = {name: words for name, words in _FIGURES.items() if name in bilinear}
    made = Table(
        Column("", no_wrap=True),
        "anchors",
        "video, Mbit/s",
        "anchors, Mbit/s",
        "DNN, s an hour",
        *figures,
        "all planes, dB",
        "over bilinear",
        "of SR's gain",
        *(words for words, _ in columns.values()),
    )

    def add(title: str, one: dict[str, Any]) -> None:
        sent = (f"{one[name]:.2f}" if name in one else "" for name in ("video_mbps", "anchors_mbps"))
        hour = f"{one['dnn_seconds_an_hour']:.0f}" if "dnn_seconds_an_hour" in one else ""
        looks = ("" if one.get(name) is None else f"{one[name]:.{digits}f}" for name, (_, digits) in columns.items())
        made.add_row(title, str(one.get("anchors", "")), *sent, hour, *_row(one, bilinear, full), *looks)

    for name in (*UPSCALED, "full"):
        add(name if name != "full" else "SR on all", result[name])
    for point in result["points"]:
        add(f"{point['selection']}, {point['mode']}, {point['fraction']:.1%}", point)
    return made


def _row(one: dict[str, Any], bilinear: dict[str, Any], full: dict[str, Any]) -> tuple[str, ...]:
    worst = min(a - b for a, b in zip(one["gops"], bilinear["gops"], strict=True))
    luma, all_planes = (_over(one[figure], bilinear[figure], full[figure]) for figure in ("psnr_y", "psnr"))
    return *luma, f"{worst:+.2f}", *all_planes


def _over(one: float, bilinear: float, full: float) -> tuple[str, str, str]:
    gain, best = one - bilinear, full - bilinear
    return f"{one:.2f}", f"{gain:+.2f}", f"{gain / best:.0%}" if best > 0 else ""
