"""Plays hybrid streams that were damaged at random, and tells what came of it: a process of its own, as it may die.

    python tests/client/mutations.py COUNT [FIRST]

plays mutations FIRST to FIRST + COUNT - 1 and prints a summary as JSON. Each number is one mutation, always the same.
The last line on the standard error names the one at work when the process died.
"""

import faulthandler
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import av.error
import numpy as np

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "codecs" / "vp9")]

import vp9_streams  # noqa: E402
from jpeg_anchors import encode_anchor  # noqa: E402
from made_streams import info_of, stream_of  # noqa: E402

from ns_ray.client.decoder import HybridDecoder  # noqa: E402
from ns_ray.codecs.vp9.packet_splitter import PacketSplitter  # noqa: E402
from ns_ray.errors import NsRayError  # noqa: E402
from ns_ray.hybrid.writer import HybridFormat, append_epoch  # noqa: E402
from ns_ray.video.decode import VideoDecoder  # noqa: E402
from ns_ray.video.probe import open_input  # noqa: E402

MAX_SAMPLES = 1 << 22
SECONDS = 120
"""Longest that playing one may take: many frames of a claimed 7680x4320 do take a while."""

Rng = np.random.Generator


def originals(folder: Path) -> list[bytes]:
    """Small hybrid streams: plain, error-resilient, of two sizes, with layers of hidden frames."""
    coded = vp9_streams.coded_frames
    small, large = (
        vp9_streams.encode(vp9_streams.Stream(*size, 8, vp9_streams.REALTIME)) for size in ((64, 48), (96, 80))
    )
    with av.open(str(vp9_streams.DATA / "layers.webm")) as container:
        layered = [bytes(packet) for packet in container.demux(video=0) if packet.size][:16]
    made = [
        ([[frame] for frame in coded("key-frames")], 2),
        ([[frame] for frame in coded("error-resilient")], 2),
        ([[packet] for packet in (*small, *large)], 3),
        ([[packet] for packet in layered], 2),
    ]
    files = []
    for number, (packets, scale) in enumerate(made):
        decoded = VideoDecoder(info_of(16, 16)).decode(stream_of(packets)).frames
        rows, columns = decoded[0].picture.y.shape
        anchors = []
        for frame in decoded[:: max(1, len(decoded) // 4)]:
            grey = np.repeat(np.repeat(frame.picture.y, scale, 0), scale, 1)
            record = frame.record
            anchors.append(encode_anchor(np.dstack([grey] * 3), record.video_index, record.super_index, 80))
        path = folder / f"original{number}"
        form = HybridFormat(
            (columns, rows), (columns * scale, rows * scale), Fraction(30), Fraction(1, 1000), video_codec="vp9"
        )
        append_epoch(path, form, 0, stream_of(packets), anchors)
        files.append(path.read_bytes())
    return files


def flip_bits(data: bytearray, rng: Rng) -> None:
    """Single bits, anywhere or near one another."""
    near = int(rng.integers(len(data)))
    reach = int(rng.choice([64, 1024, len(data)]))
    for _ in range(int(rng.integers(1, 24))):
        data[(near + int(rng.integers(reach))) % len(data)] ^= 1 << int(rng.integers(8))


def cut(data: bytearray, rng: Rng) -> None:
    """The end, the beginning or a piece in between is missing."""
    start, length = int(rng.integers(len(data))), int(rng.choice([1, 7, 100, 3000]))
    kind = rng.integers(3)
    if kind == 0:
        del data[start:]
    elif kind == 1:
        del data[: min(start, 300)]
    else:
        del data[start : start + length]


def repeat(data: bytearray, rng: Rng) -> None:
    """A piece comes again somewhere else."""
    start, length, to = (int(rng.integers(len(data))) for _ in range(3))
    data[to:to] = data[start : start + length]


def overwrite(data: bytearray, rng: Rng) -> None:
    """A piece is zeros, ones or noise."""
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 600))
    piece = len(data[start : start + length])
    kind = rng.integers(3)
    data[start : start + piece] = (
        bytes(rng.integers(0, 256, piece, np.uint8)) if kind == 2 else bytes([255 * int(kind)] * piece)
    )


def header(data: bytearray, rng: Rng) -> None:
    """The container's own beginning."""
    for _ in range(int(rng.integers(1, 6))):
        data[int(rng.integers(min(700, len(data))))] = int(rng.integers(256))


def behind(mark: bytes, reach: int) -> Callable[[bytearray, Rng], None]:
    """A mutation of some of the bytes behind a mark: tags, sizes of pictures."""

    def mutate(data: bytearray, rng: Rng) -> None:
        places = [i for i in range(len(data)) if data.startswith(mark, i)]
        if places:
            at = int(rng.choice(places)) + len(mark)
            for _ in range(int(rng.integers(1, reach + 1))):
                data[min(at + int(rng.integers(reach)), len(data) - 1)] = int(rng.integers(256))

    return mutate


MUTATIONS: dict[str, Callable[[bytearray, Rng], None]] = {
    "bits": flip_bits,
    "cut": cut,
    "repeat": repeat,
    "overwrite": overwrite,
    "header": header,
    "tag": behind(b"NSRAY\0", 6),
    "image size": behind(b"\xff\xc0", 9),
    "frame size": behind(b"\x49\x83\x42", 5),
    "cluster": behind(b"\x1f\x43\xb6\x75", 12),
}


def mutated(files: list[bytes], number: int) -> tuple[str, bytes]:
    """Mutation `number`: what was done, and the file."""
    rng = np.random.default_rng(number)
    data = bytearray(files[number % len(files)])
    names = [str(name) for name in rng.choice(list(MUTATIONS), int(rng.choice([1, 1, 1, 2, 3])))]
    for name in names:
        if data:
            MUTATIONS[name](data, rng)
    return "+".join(names), bytes(data)


def shown_by_ffmpeg(path: Path) -> int:
    """Packets of which FFmpeg alone shows a picture, where the file can be read at all."""
    shown = 0
    try:
        with open_input(str(path)) as container:
            splitter = PacketSplitter(MAX_SAMPLES)
            codec = av.CodecContext.create("vp9", "r")
            codec.thread_type, codec.thread_count = "SLICE", 1  # with more threads it says less of what is damaged
            codec.options = {"max_pixels": str(MAX_SAMPLES)}
            for packet in container.demux(container.streams.video[0]):
                with suppress(av.error.FFmpegError, NsRayError):
                    if packet.size and packet.pts is not None:
                        frames = splitter.split(bytes(packet))
                        shown += any([codec.decode(av.Packet(bytes(frame))) for frame in frames])  # noqa: C419
    except (av.error.FFmpegError, NsRayError, IndexError):
        pass
    return shown


def play(path: Path) -> tuple[str, Counter[str]]:
    """How playing ended, and the frames by their source; anything but an NsRayError gets out."""
    sources: Counter[str] = Counter()
    try:
        for frame in HybridDecoder(str(path)):
            sources[frame.source] += 1
            rows, columns = frame.lr.y.shape
            assert frame.picture.y.shape[0] // rows == frame.picture.y.shape[1] // columns
    except NsRayError as error:
        return type(error).__name__, sources
    return "played", sources


def main(count: int, first: int) -> None:
    """Play the mutations and print what came of them."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    ends: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    fewer: list[int] = []
    slowest = (0.0, -1)
    with TemporaryDirectory() as folder:
        files = originals(Path(folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        path = Path(folder) / "mutated.mkv"
        for number in range(first, first + count):
            what, data = mutated(files, number)
            print(f"\rmutation {number} ({what})", file=sys.stderr, flush=True)
            path.write_bytes(data)
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            begin = time.perf_counter()
            end, shown = play(path)
            slowest = max(slowest, (time.perf_counter() - begin, number))
            if end == "played" and shown.total() < shown_by_ffmpeg(path):
                fewer.append(number)
            faulthandler.cancel_dump_traceback_later()
            ends[end] += 1
            sources += shown
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {
        "ends": ends,
        "frames": sources,
        "fewer than FFmpeg shows": fewer,
        "slowest": slowest,
        "MB before": before >> 10,
        "MB at most": peak >> 10,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
