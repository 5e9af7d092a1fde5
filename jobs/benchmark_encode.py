"""Measure how many anchors are compressed in a second, as the published benchmark_encode does.

    python jobs/benchmark_encode.py -i ae_server -d 60

2 workers compress 50 HR frames 10 times, each from RGB in memory to a JPEG image in memory, all at the same time. The
frames are the first of the content's 2160p_d<duration>_test.webm. Writes engorgio_encode_result.json to
RESULT_DIR/evaluation/<instance>/<HR rows>p: `num_frames`, `throughput` (frames a second of all workers), `latency` (s
in all). The published engine compresses at quality 80, 4:4:4, with a fast DCT; ours at the quality that goes with 7.5 %
of anchors, 4:2:0, with the accurate DCT.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ns_ray.errors import MediaError
from ns_ray.host import describe_host
from ns_ray.hybrid.anchor_image import encode_jpeg
from ns_ray.jobs.cli import entry, values
from ns_ray.jobs.cli.checks import Checks, required
from ns_ray.jobs.cli.prepared_videos import hr_video, video_options
from ns_ray.jobs.cli.progress import Progress
from ns_ray.picture.coding import Coding
from ns_ray.report.artifact_files import ANCHOR_ENCODE, size_folder
from ns_ray.video.probe import open_input
from ns_ray.whole_file import write_record

_DIFFERENT = 10  # frames kept in memory, taken in turn: 25 MB each at 2160p


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    video_options(parser)
    add = parser.add_argument
    add("--workers", type=values.count, default=2, metavar="N", help="threads that compress")
    add("--rounds", type=values.count, default=10, metavar="N", help="how often the frames are compressed")
    add("--round-frames", type=values.count, default=50, metavar="N", help="frames a round")
    usual = Coding.usual("jpeg", 0.075).quality
    add("--quality", type=values.quality, default=usual, metavar="Q", help="JPEG quality, 1 to 100")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: benchmark(options))


def benchmark(options: argparse.Namespace) -> None:
    """Measure, write, show.

    Raises:
        ConfigError: a setting is wrong.
        MediaError: the video cannot be read.
    """
    checks = Checks()
    config = checks.settings(options)
    found = checks(hr_video, options)
    if found is not None:
        checks.video(found)
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    path = required(found)
    frames = _frames(path, min(_DIFFERENT, options.round_frames))
    total = options.rounds * options.round_frames
    console = entry.console()
    with Progress(console) as bar:
        task = bar.add_task("anchors", total=total)
        seconds, size = _compressed(frames, total, options, lambda: bar.advance(task))
    rows, columns, _ = frames[0].shape
    figures = {"num_frames": total, "throughput": total / seconds, "latency": seconds}
    about = {"workers": options.workers, "quality": options.quality, "bytes_an_anchor": size / total}
    folder = size_folder(options.result_dir, options.instance or config.instance, rows)
    write_record(folder / ANCHOR_ENCODE, figures | about | {"video": path.name, "host": describe_host()})
    table = Table("workers", "quality", "anchors", "seconds", "anchors a second", "KB each", title=f"{columns}x{rows}")
    row = (
        options.workers,
        options.quality,
        total,
        f"{seconds:.2f}",
        f"{total / seconds:.1f}",
        f"{size / total / 1e3:.0f}",
    )
    table.add_row(*map(str, row))
    console.print(table)
    console.print(f"{folder / ANCHOR_ENCODE} written")


def _frames(path: Path, count: int) -> list[NDArray[np.uint8]]:
    """The first frames of a video, RGB (height, width, 3)."""
    with open_input(str(path)) as container:
        frames = [
            np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in islice(container.decode(video=0), count)
        ]
    if not frames:
        raise MediaError(f"{path}: it has no frame to compress")
    return frames


def _compressed(
    frames: list[NDArray[np.uint8]], total: int, options: argparse.Namespace, advance: Callable[[], object]
) -> tuple[float, int]:
    """Seconds and bytes of compressing `total` frames, those there are in turn, by all workers at once."""

    def compress(number: int) -> int:
        return len(encode_jpeg(frames[number % len(frames)], options.quality))

    size = 0
    with ThreadPoolExecutor(options.workers) as pool:
        start = time.perf_counter()
        for one in pool.map(compress, range(total)):
            size += one
            advance()
        return time.perf_counter() - start, size


if __name__ == "__main__":
    sys.exit(main())
