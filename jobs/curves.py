"""Quality over the share of anchors: every way to choose them, both ways to rebuild, against super-resolving all.

    python jobs/curves.py LR HR [-m EDSR_B8_F32_S3] [--fractions 0.025 0.05 ...] [--frames N] [--threads N]

LR is a VP9 stream, HR the original of the same frames; a larger one is scaled down. Anchors pass through JPEG at the
quality that goes with their share, as they do in a hybrid stream. Writes curves.json and curves.png to
RESULT_DIR/evaluation/curves/<LR's name>/<model>. Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice, product, repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from rich.table import Table

from jobs import face
from jobs.quality import reference
from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.epoch import shown_since_key
from ns_ray.anchors.policies import Fraction, Policy
from ns_ray.anchors.select import StreamEpoch, StreamState, select
from ns_ray.client.rebuild import Rebuilder
from ns_ray.config import load_config
from ns_ray.errors import MediaError
from ns_ray.hybrid.anchor_image import LARGEST_FRACTION, decode_anchor, encode_anchor, quality_for
from ns_ray.metrics.psnr import mse, psnr_of_mse
from ns_ray.picture.convert import from_rgb
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.report.curve_plot import draw
from ns_ray.run_folder import claimed
from ns_ray.sr.calibrate import create_engine
from ns_ray.sr.engine import Engine
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import load_weights
from ns_ray.video.decode import DecodedFrame, VideoDecoder
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import VideoInfo, probe
from ns_ray.vp9.records import FrameRecord
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
USUAL = ("neuroscaler", "published", "uniform")
MODES = ("best", "plain")
UPSCALED = ("bilinear", "bicubic")
EPOCH, GOP = 40, 120

Name = tuple[int, int]
"""A frame: its video_index and super_index."""
Anchors = dict[tuple[int, int], Yuv420]
"""Pictures by super_index and JPEG quality."""
Point = tuple[float, str, str]
"""A fraction, a selection and a mode."""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = face.parser(__doc__)
    add = parser.add_argument
    selections = f"how to choose: {', '.join(SELECTIONS)}"
    add("lr", type=Path, metavar="LR", help="the LR video: a path, or one below --data-dir")
    add("hr", type=Path, metavar="HR", help="the original, likewise")
    add("-m", "--model", default="EDSR_B8_F32_S3", help="what super-resolves")
    add("--weights", type=Path, metavar="FILE", help="its weights; the ones that ship where not said")
    add("--fractions", type=float, nargs="+", default=[0.025, 0.05, 0.075, 0.1, 0.15, 0.2], metavar="X", help="anchors")
    add("--selections", nargs="+", choices=SELECTIONS, default=list(USUAL), metavar="NAME", help=selections)
    add("--modes", nargs="+", choices=MODES, default=list(MODES), metavar="NAME", help="how to rebuild")
    add("--frames", type=int, metavar="N", help="stop after N; all where not said")
    add("--threads", type=int, default=1, metavar="N", help="points rebuilt at a time")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's, or torch where that is auto")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="where it runs")
    options = parser.parse_args(argv)
    if not all(0 < fraction <= 0.2 for fraction in options.fractions):
        parser.error("fractions lie above 0, up to 0.2: no more frames than that are ranked")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return face.run(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Measure, write, show.

    Raises:
        ConfigError: a setting is wrong.
        NsRayError: the model or its weights are missing, or a video cannot be read.
    """
    config = load_config(options.config, options.set)
    options.lr, options.hr = (str(face.found(path, options.data_dir)) for path in (options.lr, options.hr))
    named = options.engine or config.enhancer.engine
    info = probe(options.lr)
    spec = ModelSpec.parse(options.model)
    engine = create_engine("torch" if named == "auto" else named, spec, info.width, info.height, options.device)
    engine.load(load_weights(spec, options.weights))
    trial = Trial(info, engine, list(product(options.fractions, options.selections, options.modes)), options.frames)
    console = face.console()
    with Progress(console=console, transient=True) as bar, ThreadPoolExecutor(options.threads) as pool:
        originals = reference(options.hr, (info.width * spec.scale, info.height * spec.scale))
        for _ in bar.track(trial.run(originals, pool), total=len(trial.frames_due), description="frames"):
            pass
    if not trial.gops:
        raise MediaError(f"{options.lr} and {options.hr} have no frame in common; is either empty?")
    result = trial.result() | {"lr": Path(options.lr).name, "hr": Path(options.hr).name, "model": spec.name}
    folder = options.result_dir / "evaluation" / "curves" / Path(options.lr).stem / spec.name
    console.print(table(result))
    with claimed(folder, console.print) as folder:
        write_record(folder / "curves.json", result)
        draw(result, folder / "curves.png")
    console.print(f"{folder}/curves.json and curves.png written")


@dataclass(frozen=True, slots=True)
class Step:
    """One packet: its anchors, the original's luma, and the errors of what needs no rebuilding."""

    packet: Packet
    anchors: Anchors
    original: NDArray[np.uint8]
    errors: dict[str, float]


class Trial:
    """One stream rebuilt at every point at once, frame by frame, so that pictures are read and made only once."""

    def __init__(self, info: VideoInfo, engine: Engine, points: list[Point], frames: int | None) -> None:
        """Choose the anchors.

        Args:
            info: the LR video.
            engine: super-resolves the anchors, and all frames for comparison.
            points: what to compare.
            frames: how many shown frames; None for all.
        """
        self._info, self._engine, self._frames = info, engine, frames
        records = [frame.record for _, decoded in self._decoded() for frame in decoded]
        self.frames_due = [record for record in records if record.shown]
        self.anchors = {(x, how): choose(records, SELECTIONS[how](x)) for x, how, _ in points}
        self._rebuilders = {point: Rebuilder(info, engine.spec.scale, point[2]) for point in points}  # type: ignore[arg-type]
        self.gops: list[int] = []
        self.errors: dict[Any, list[float]] = {key: [] for key in (*UPSCALED, "full", *points)}

    def run(self, originals: Iterable[Yuv420], pool: ThreadPoolExecutor) -> Iterator[None]:
        """Take the originals of the shown frames; yields after each."""
        for step in _ahead(self._steps(originals)):
            errors = pool.map(self._error, self._rebuilders, repeat(step))
            for point, error in zip(self._rebuilders, errors, strict=True):
                self.errors[point].append(error)
            for name, error in step.errors.items():
                self.errors[name].append(error)
            self.gops.append(step.packet.key + (self.gops[-1] if self.gops else -1))
            yield

    def _error(self, point: Point, step: "Step") -> float:
        names, quality, index = self.anchors[point[:2]], _quality(point[0]), step.packet.video_index
        mine = {i: picture for (i, q), picture in step.anchors.items() if q == quality and (index, i) in names}
        frame = self._rebuilders[point].packet(step.packet, mine)
        if frame is None:
            raise MediaError(f"{self._info.path}: {self._rebuilders[point].damaged[-1]}")
        return mse(frame.picture.y, step.original)

    def _steps(self, originals: Iterable[Yuv420]) -> Iterator["Step"]:
        for (packet, decoded), original in zip(self._decoded(), originals, strict=False):
            anchors, full = self._super_resolve(packet.video_index, decoded)
            lr, size = decoded[-1].picture, (original.y.shape[1], original.y.shape[0])
            errors = {name: mse(resize(lr, size, name.upper()).y, original.y) for name in UPSCALED}
            yield Step(packet, anchors, original.y, errors | {"full": mse(full.y, original.y)})

    def result(self) -> dict[str, Any]:
        """Mean PSNR in dB of everything, by GOP too, and every frame's."""
        frames = {key: [min(psnr_of_mse(error), 100.0) for error in errors] for key, errors in self.errors.items()}
        gops = np.array(self.gops)

        def figures(key: Any) -> dict[str, Any]:
            values = np.array(frames[key])
            by_gop = [round(float(values[gops == gop].mean()), 4) for gop in sorted(set(self.gops))]
            return {"psnr_y": round(float(values.mean()), 4), "gops": by_gop, "frames": np.round(values, 3).tolist()}

        points = [
            {"fraction": x, "selection": how, "mode": mode, "anchors": len(self.anchors[x, how])}
            | figures((x, how, mode))
            for x, how, mode in self._rebuilders
        ]
        return {name: figures(name) for name in (*UPSCALED, "full")} | {"points": points}

    def _decoded(self) -> Iterator[tuple[Packet, list[DecodedFrame]]]:
        decoder = VideoDecoder(self._info)
        for packet in islice(read_packets(self._info), self._frames):
            decoded = decoder.decode([packet])
            if decoded.damaged:
                raise MediaError(f"{self._info.path}: packet {packet.video_index}: {decoded.damaged[0][1]}")
            yield packet, decoded.frames

    def _super_resolve(self, video_index: int, frames: list[DecodedFrame]) -> tuple[Anchors, Yuv420]:
        """The anchors among a packet's frames as a client sees them, and its last frame before any compression."""
        pictures: Anchors = {}
        for frame in frames:
            index = frame.record.super_index
            qualities = {_quality(x) for (x, _), names in self.anchors.items() if (video_index, index) in names}
            if qualities or frame is frames[-1]:
                rgb = self._engine.infer(frame.picture.planes)
            for quality in qualities:
                pictures[index, quality] = from_rgb(decode_anchor(encode_anchor(rgb, video_index, index, quality)))
        return pictures, from_rgb(rgb)


def _ahead(steps: Iterator[Step]) -> Iterator[Step]:
    """The same, with the next one made while the caller is at work."""
    with ThreadPoolExecutor(1) as maker:
        due = maker.submit(next, steps, None)
        while (step := due.result()) is not None:
            due = maker.submit(next, steps, None)
            yield step


def choose(records: list[FrameRecord], policy: Policy) -> set[Name]:
    """The anchors of a whole stream, chosen epoch by epoch; `records` are its coded frames in decode order."""
    chosen: set[Name] = set()
    state, since_key = StreamState(), 0
    for start in range(0, records[-1].video_index + 1, EPOCH):
        part = [record for record in records if start <= record.video_index < start + EPOCH]
        since_key = shown_since_key(part, since_key)
        choice = select([StreamEpoch("", part, max(0, GOP - since_key))], {"": state}, policy)[""]
        chosen |= {(part[i].video_index, part[i].super_index) for i in choice.positions}
        state = choice.state
    return chosen


def _quality(fraction: float) -> int:
    return quality_for(min(fraction, LARGEST_FRACTION))


def table(result: dict[str, Any]) -> Table:
    """The means, and how each point compares."""
    bilinear, full = result["bilinear"], result["full"]
    made = Table("", "anchors", "luma PSNR, dB", "over bilinear", "of SR's gain", "worst GOP over bilinear")
    for name in (*UPSCALED, "full"):
        made.add_row(name if name != "full" else "SR on all", "", *_row(result[name], bilinear, full))
    for point in result["points"]:
        title = f"{point['selection']}, {point['mode']}, {point['fraction']:.1%}"
        made.add_row(title, str(point["anchors"]), *_row(point, bilinear, full))
    return made


def _row(one: dict[str, Any], bilinear: dict[str, Any], full: dict[str, Any]) -> tuple[str, str, str, str]:
    gain, best = one["psnr_y"] - bilinear["psnr_y"], full["psnr_y"] - bilinear["psnr_y"]
    worst = min(a - b for a, b in zip(one["gops"], bilinear["gops"], strict=True))
    return f"{one['psnr_y']:.2f}", f"{gain:+.2f}", f"{gain / best:.0%}" if best > 0 else "", f"{worst:+.2f}"


if __name__ == "__main__":
    sys.exit(main())
