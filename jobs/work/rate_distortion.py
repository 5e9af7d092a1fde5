"""Quality over all that is sent, way by way: measured, written, shown."""

import argparse
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from ns_ray.anchors.policies import Fraction
from ns_ray.config.config import Config
from ns_ray.errors import MediaError
from ns_ray.evaluation.choice import choose
from ns_ray.evaluation.dnn_time import dnn_seconds
from ns_ray.evaluation.equal_rate import at_rate
from ns_ray.evaluation.figures import Series
from ns_ray.evaluation.method import PER_FRAME, Method
from ns_ray.evaluation.original import originals
from ns_ray.evaluation.perceived import Perceived
from ns_ray.evaluation.reencode import Reencode, Reencoder
from ns_ray.evaluation.trial import Shown, Trial, records_of
from ns_ray.evaluation.upscaled import UPSCALED, upscaled
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite
from ns_ray.jobs.cli.device import device_of
from ns_ray.jobs.cli.loaded_engine import loaded_engine
from ns_ray.jobs.cli.progress import Progress
from ns_ray.metrics.psnr import PlaneErrors, plane_errors
from ns_ray.picture.yuv import Yuv420
from ns_ray.report.rate_distortion_plot import FIGURES, draw
from ns_ray.run_folder import new_run, of_inputs, publish
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.encode import published_kbps
from ns_ray.video.probe import probe
from ns_ray.whole_file import write_record

MBIT = 10**6
FULL = "SR of all frames"
VP9, AV1, SOURCE = "per-frame SR, libvpx-vp9", "per-frame SR, AV1", "source, AV1"


@dataclass(slots=True)
class _Way:
    """One way to send the stream, and what came of it so far.

    Attributes:
        name: which way; several rates of one have the same.
        setting: what tells it from others of that name.
        perceived: None where that is not measured.
        video, images: bytes sent.
        sent: whether anything of it could be sent at all.
    """

    name: str
    setting: str
    perceived: Perceived | None
    sent: bool = True
    series: Series = field(default_factory=Series)
    video: int = 0
    images: int = 0

    def add(self, picture: Yuv420, original: Yuv420, errors: PlaneErrors | None = None, anchor: bool = False) -> None:
        self.series.add(errors or plane_errors(picture.planes, original.planes))
        if self.perceived is not None:
            self.perceived.add(picture, original, anchor)

    def row(self, seconds: float) -> dict[str, Any]:
        """Its figures as JSON has them; `seconds` of video."""
        rate = 8 / MBIT / seconds
        return {
            "way": self.name,
            "setting": self.setting,
            "mbps": round((self.video + self.images) * rate, 4) if self.sent else None,
            "video_mbps": round(self.video * rate, 4) if self.sent else None,
            "anchors_mbps": round(self.images * rate, 4) if self.sent else None,
            **self.series.mean,
            **(self.perceived.figures() if self.perceived is not None else {}),
        }


def run(options: argparse.Namespace, config: Config) -> None:
    """Measure, write, show.

    Raises:
        NsRayError: the model or its weights are missing, or a video cannot be read.
    """
    options.device = device_of(options.device)
    options.lr, options.hr = (str(entry.found(path, options.data_dir)) for path in (options.lr, options.hr))
    named = options.engine or config.enhancer.engine
    info = probe(options.lr)
    spec = ModelSpec.parse(options.model)
    compared = originals(info, options.hr, spec.scale, despite(options))
    engine = loaded_engine(named, spec, info, options.weights, options.device)
    size = info.width * spec.scale, info.height * spec.scale
    records = records_of(info, options.frames)
    anchors = choose(records, Fraction(options.fraction))
    published = published_kbps(*size)
    rates = options.kbps or [round(published * share) for share in (0.15, 0.35, 1)]
    methods = [
        (FULL, "", PER_FRAME),
        *((f"hybrid: {image.codec}", str(image), Method(anchors, "best", image)) for image in options.anchors),
        *((VP9, f"{kbps} kbit/s", Method(reencode=Reencode.published(kbps))) for kbps in rates),
        *((AV1, f"{kbps} kbit/s", Method(reencode=Reencode.av1_live(kbps))) for kbps in rates),
    ]
    trial = Trial(info, engine, [method for *_, method in methods], options.frames, ())
    console = entry.console()
    folder = options.output or options.result_dir / "evaluation" / "rate_distortion" / Path(options.lr).stem / spec.name
    with (
        ExitStack() as stack,
        Progress(console) as bar,
        ThreadPoolExecutor(options.threads) as pool,
    ):

        def way(name: str, setting: str) -> _Way:
            perceived = None if options.no_vmaf else stack.enter_context(Perceived(size, info.frame_rate))
            return _Way(name, setting, perceived, sent=name != FULL)

        shown = bar.track(trial.run(compared, pool), sum(record.shown for record in records), description="frames")
        enhanced = [(way(name, setting), method) for name, setting, method in methods]
        others = [way(f"LR, {name}", "") for name in UPSCALED]
        sources = [
            (way(SOURCE, f"{kbps} kbit/s"), Reencoder(size, info.frame_rate, Reencode.av1_live(kbps))) for kbps in rates
        ]
        count = 0
        for frame in shown:
            count += 1
            _take(frame, enhanced, others, sources, pool)
        for _, encoder in sources:
            encoder.close()
        if not count:
            raise MediaError(f"{options.lr} and {options.hr} have no frame in common; is either empty?")
        ways = [*others, *(one for one, _ in enhanced), *(one for one, _ in sources)]
        rows = [one.row(count / float(info.frame_rate)) for one in ways]
        seconds = dnn_seconds(engine, frame.lr)
    hour = 3600 * float(info.frame_rate)
    for row, method in zip(rows[len(others) :], [method for *_, method in methods], strict=False):
        share = 1 if method.anchors is None else sum(index < count for index, _ in method.anchors) / count
        row["dnn_seconds_an_hour"] = round(share * hour * seconds, 1)
    result = {
        "lr": Path(options.lr).name,
        "hr": Path(options.hr).name,
        "model": spec.name,
        "device": options.device,
        "frames": count,
        "fraction": options.fraction,
        "dnn_ms_a_frame": round(1000 * seconds, 3),
        "rows": rows,
    }
    console.print(table(rows))
    console.print(against(rows))
    with new_run(folder, of_inputs([options.lr]), spec.name) as folder:
        write_record(folder / "rate_distortion.json", result)
        for figure in FIGURES:
            if figure in rows[0]:
                draw(result, folder / f"{figure}.png", figure)
        publish(folder)
    console.print(f"{folder}/rate_distortion.json and a plot of each figure written")


def _take(
    frame: Shown,
    enhanced: Iterable[tuple[_Way, Method]],
    others: Iterable[_Way],
    sources: Iterable[tuple[_Way, Reencoder]],
    pool: Executor,
) -> None:
    """Give a frame to all ways, several at a time."""
    lr, original = len(frame.packet.data), frame.original
    rows, columns = original.y.shape
    due = []
    for (way, method), seen in zip(enhanced, frame.methods, strict=True):
        if method.reencode is None:
            way.video += lr
            way.images += seen.bytes
        else:
            way.video += seen.bytes
        anchor = any(index == frame.packet.video_index for index, _ in method.anchors or ())
        due.append(pool.submit(way.add, seen.picture, original, seen.errors, anchor))
    for way, name in zip(others, UPSCALED, strict=True):
        way.video += lr
        due.append(pool.submit(way.add, upscaled(frame.lr, (columns, rows), name), original))
    for way, encoder in sources:
        due.append(pool.submit(_encoded, way, encoder, original))
    for one in due:
        one.result()


def _encoded(way: _Way, encoder: Reencoder, original: Yuv420) -> None:
    picture, size = encoder.through(original)
    way.video += size
    way.add(picture, original)


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """All ways, by name and rate."""
    made = Table("", "", "Mbit/s", "of that anchors", "luma PSNR", "all planes", "SSIM", "VMAF v1", "NEG 4K")
    for column in ("flicker", "at anchors", "DNN, s an hour"):
        made.add_column(column)
    places = {"psnr_y": 2, "psnr": 2, "ssim_y": 4, "vmaf_v1": 2, "vmaf_neg": 2, "flicker": 2, "flicker_anchors": 2}
    for row in sorted(rows, key=lambda row: (row["way"], row["mbps"] or 0)):
        figures = ("" if row.get(name) is None else f"{row[name]:.{digits}f}" for name, digits in places.items())
        sent = ("", "") if row["mbps"] is None else (f"{row['mbps']:.2f}", f"{row['anchors_mbps']:.2f}")
        hour = f"{row['dnn_seconds_an_hour']:.0f}" if "dnn_seconds_an_hour" in row else ""
        made.add_row(row["way"], row["setting"], *sent, *figures, hour)
    return made


def against(rows: Sequence[dict[str, Any]]) -> Table:
    """Each hybrid stream less the other ways at its own rate."""
    figures = {name: digits for name, digits in (("psnr_y", 2), ("vmaf_v1", 1), ("vmaf_neg", 1)) if name in rows[0]}
    made = Table("hybrid less the other way at equal rate", title="above 0: the hybrid stream is better")
    for way in (VP9, AV1, SOURCE):
        for name in figures:
            made.add_column(f"{way}: {FIGURES[name]}")
    for row in rows:
        if not row["way"].startswith("hybrid"):
            continue
        cells = []
        for way in (VP9, AV1, SOURCE):
            same = [other for other in rows if other["way"] == way]
            for name, digits in figures.items():
                value = at_rate([(other["mbps"], other[name]) for other in same], row["mbps"])
                cells.append("not measured" if value is None else f"{row[name] - value:+.{digits}f}")
        made.add_row(f"{row['setting']}, {row['mbps']:.2f} Mbit/s", *cells)
    return made
