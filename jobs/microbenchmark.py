"""Micro-benchmarks: the steps of the system one by one, each on fresh data, against the time it may take."""

import argparse
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ns_ray import shipped
from ns_ray.anchors.policies import Fraction
from ns_ray.anchors.select import StreamEpoch, StreamState, select
from ns_ray.anchors.table import WINDOW
from ns_ray.client.reconstruct import Mode, Reconstructor
from ns_ray.codecs.codec import codec_named
from ns_ray.codecs.h264.parser import FrameParser
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.codecs.vp9.blocks import BlockParser
from ns_ray.codecs.vp9.motion import motion_field
from ns_ray.codecs.vp9.superframe import split
from ns_ray.dataset.ladder import LADDER
from ns_ray.errors import NsRayError
from ns_ray.evaluation.original import reference
from ns_ray.jobs.cli import entry, values
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.outputs import require_other_output
from ns_ray.jobs.cli.progress import Progress
from ns_ray.picture.yuv import Yuv420, resize, to_frame
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets, read_units
from ns_ray.video.probe import VideoInfo, probe
from ns_ray.video.webm import WebmWriter
from ns_ray.whole_file import write_record

REFERENCE = shipped.found("dataset/sample/1080p_d4_test.webm")
FRAMES = 60
PACKETS = 40  # of an epoch

Run = Callable[[], object]
"""What is timed; it owns its input."""


class SlowError(NsRayError):
    """A step took longer than it may."""


@dataclass(frozen=True, slots=True)
class Case:
    """A micro-benchmark.

    Attributes:
        title: what it measures, for the table.
        runs: yields what to time, again and again, with fresh input each time; making it is not timed.
        limit_ms: the median it must stay under; None where there is no such claim.
    """

    title: str
    runs: Callable[[], Iterator[Run]]
    limit_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """The times of one case, in milliseconds."""

    case: str
    title: str
    repeats: int
    median_ms: float
    min_ms: float
    max_ms: float
    limit_ms: float | None

    @property
    def passed(self) -> bool:
        """Whether the case keeps its limit, if it has one."""
        return self.limit_ms is None or self.median_ms < self.limit_ms


def schedule_runs() -> Iterator[Run]:
    """Selection for 100 streams of 40 shown and 3 hidden frames, well into their second GOP."""
    rng = random.Random(0)
    policy = Fraction(0.075)

    def epoch(stream: str) -> StreamEpoch:
        records = []
        for packet in range(40):
            hidden = packet % 16 == 1
            if hidden:
                size = rng.randrange(5000, 20000)
                records.append(FrameRecord(packet, 0, FrameType.ALTREF, size, shown=False))
            records.append(FrameRecord(packet, int(hidden), FrameType.NORMAL, rng.randrange(500, 9000)))
        return StreamEpoch(stream, records, gop_left=rng.randrange(80))

    def state() -> StreamState:
        sizes = np.array([rng.randrange(500, 9000) for _ in range(WINDOW)], np.uint32)
        return StreamState(rng.randrange(100_000), sizes)

    names = [f"stream{number}" for number in range(100)]
    while True:
        epochs = [epoch(name) for name in names]
        states = {name: state() for name in names}
        yield partial(select, epochs, states, policy)


@cache
def clip_file() -> tuple[VideoInfo, TemporaryDirectory[str]]:
    """The sample at 720p, encoded at the published settings, and the folder that it lies in while that is kept."""
    encoding = LADDER[720]
    originals = list(islice(reference(str(REFERENCE), encoding.size), FRAMES))
    folder = TemporaryDirectory()
    path = Path(folder.name) / "720p.webm"
    writer = WebmWriter(path, "libvpx-vp9", encoding.size, probe(str(REFERENCE)).frame_rate, encoding.options)
    for index, original in enumerate(originals):
        writer.write(to_frame(original), index)
    writer.close()
    return probe(str(path)), folder


@cache
def clip() -> tuple[list[bytes], list[Yuv420], tuple[NDArray[np.uint8], ...]]:
    """What is in that file: coded frames, decoded ones, and the first at 2160p."""
    info, _ = clip_file()
    decoder = VideoDecoder(info)
    coded: list[bytes] = []
    decoded: list[Yuv420] = []
    for packet in read_packets(info):
        coded += map(bytes, split(packet.data))
        decoded += [frame.picture for frame in decoder.decode([packet]).frames]
    return coded, decoded, resize(decoded[0], (3840, 2160), "BICUBIC").planes


def read_runs() -> Iterator[Run]:
    """An epoch's packets after the other from a file that is repeated, with the records of their frames."""
    info, _ = clip_file()
    units, records = read_units(info, loop=True), codec_named(info.codec).records()

    def epoch() -> None:
        for unit in islice(units, PACKETS):
            assert unit.packet is not None
            records.read(unit.packet.data, unit.packet.video_index)

    while True:
        yield epoch


def parse_runs() -> Iterator[Run]:
    """One coded frame after the other through the block parser."""
    coded, _, _ = clip()
    while True:
        parser = BlockParser()
        for data in coded:
            yield partial(parser.parse, data)


@cache
def h264_packets() -> list[bytes]:
    """The sample at 720p as streamers send it: x264's preset veryfast, 4 Mbit/s, a key frame every two seconds."""
    rate = probe(str(REFERENCE)).frame_rate
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 1280, 720, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.bit_rate = 1 / rate, rate, 4_000_000
    encoder.options = {
        "preset": "veryfast",
        "x264-params": f"vbv-maxrate=4000:vbv-bufsize=4000:keyint={round(2 * rate)}",
    }
    packets = []
    for index, original in enumerate(islice(reference(str(REFERENCE), (1280, 720)), FRAMES)):
        frame = to_frame(original)
        frame.pts, frame.time_base = index, encoder.time_base
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in [*packets, *encoder.encode(None)]]


def parse_h264_runs() -> Iterator[Run]:
    """One packet after the other through the H.264 parser."""
    packets = h264_packets()
    while True:
        parser = FrameParser()
        for data in packets:
            yield partial(parser.parse, data)


def reconstruct_runs(mode: Mode) -> Iterator[Run]:
    """One frame after the other rebuilt at 2160p on one thread; the first of the clip is an anchor, and not timed."""
    coded, decoded, anchor = clip()
    parsed = [motion_field(parser.parse(data)) for parser in [BlockParser()] for data in coded]
    while True:
        reconstructor = Reconstructor(3, mode)
        reconstructor.frame(parsed[0], decoded[0].planes, anchor)
        for field, picture in zip(parsed[1:], decoded[1:], strict=True):
            yield partial(reconstructor.frame, field, picture.planes)


CASES = {
    "schedule": Case("100 streams x 40 frames", schedule_runs, limit_ms=10.0),
    "read": Case("40 packets of a 720p file, with their records", read_runs, limit_ms=3.0),
    "parse": Case("blocks of a 720p frame", parse_runs, limit_ms=2.5),
    "parse-h264": Case("motion of a 720p frame of H.264 at 4 Mbit/s", parse_h264_runs, limit_ms=3.3),
    "reconstruct": Case("a frame 720p -> 2160p, best mode, 1 thread", partial(reconstruct_runs, "best"), limit_ms=50.0),
    "reconstruct-plain": Case("the same, plain mode", partial(reconstruct_runs, "plain"), limit_ms=50.0),
}


def measure(name: str, repeats: int) -> Measurement:
    """Times one case; a first run, to warm up, does not count."""
    case = CASES[name]
    runs = case.runs()
    next(runs)()
    times = []
    with Progress(entry.console()) as bar:
        for _ in bar.track(range(repeats), description=name):
            run = next(runs)
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
    return Measurement(name, case.title, repeats, statistics.median(times), min(times), max(times), case.limit_ms)


def show(measurements: list[Measurement]) -> None:
    """Prints the table."""
    table = Table("case", "measures", "repeats", "median ms", "min ms", "max ms", "limit ms", "")
    for one in measurements:
        figures = (f"{value:.2f}" for value in (one.median_ms, one.min_ms, one.max_ms))
        limit = "" if one.limit_ms is None else f"{one.limit_ms:g}"
        verdict = "ok" if one.passed else "too slow"
        table.add_row(one.case, one.title, str(one.repeats), *figures, limit, verdict)
    entry.console().print(table)


def write(measurements: list[Measurement], path: Path) -> None:
    """Writes the figures and what they were measured on as JSON."""
    machine = {"platform": platform.platform(), "python": platform.python_version(), "cpus": os.cpu_count()}
    path.parent.mkdir(parents=True, exist_ok=True)
    cases = [asdict(one) | {"passed": one.passed} for one in measurements]
    write_record(path, {"machine": machine, "cases": cases})


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, failed="a step takes longer than it may, or failed")
    parser.epilog = "\n".join(
        ("cases:", *(f"  {name}: {case.title}" for name, case in CASES.items()), "", parser.epilog or "")
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", default=list(CASES), help="which to run; default: all")
    parser.add_argument("--repeats", type=values.count, default=50, metavar="N", help="timed runs of each case")
    parser.add_argument("--json", type=Path, metavar="OUT", help="default: microbenchmark.json in --result-dir")
    options = parser.parse_args(argv)
    unknown = [name for name in options.cases if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; choose from {', '.join(CASES)}")
    options.json = options.json or options.result_dir / "microbenchmark.json"
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: benchmark(options))


def benchmark(options: argparse.Namespace) -> None:
    """Measure, show and write.

    Raises:
        ConfigError: a setting is wrong.
        SlowError: a step takes longer than it may.
    """
    checks = Checks()
    checks.settings(options)
    checks.file(options.json, "--json")
    checks(require_other_output, options, "json")
    checks.done()
    measurements = [measure(name, options.repeats) for name in options.cases]
    show(measurements)
    write(measurements, options.json)
    slow = [
        f"{one.case}: {one.median_ms:.2f} ms is over its limit of {one.limit_ms} ms"
        for one in measurements
        if not one.passed
    ]
    if slow:
        raise SlowError("; ".join(slow))


if __name__ == "__main__":
    sys.exit(main())
