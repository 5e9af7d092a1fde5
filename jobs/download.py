"""Fetch the source videos of a dataset list into DATA_DIR/raw: `lol` becomes raw/lol0.webm.

A video that is there and whole is kept; one that came in part is gone on with. A URL may also be a file, or a folder
that holds it. --video names videos without a list: --video lol0=match.webm --video gta0=https://...
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.table import Table

from ns_ray.dataset.dataset_list import Video, named_video
from ns_ray.dataset.download import Wanted, fetch
from ns_ray.dataset.ladder import PUBLISHED_HEIGHT
from ns_ray.dataset.raw import RawVideo
from ns_ray.errors import ConfigError, MediaError, NsRayError
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.lists import list_options, videos_of
from ns_ray.jobs.cli.progress import Progress


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, failed="a video failed (the others are whole)")
    list_options(parser)
    add = parser.add_argument
    add("--video", action="append", default=[], metavar="NAME=SOURCE", help="a URL, file or folder instead of a list")
    what = "rows of the video to ask for"
    height = PUBLISHED_HEIGHT
    vocabulary.resolution_option(parser, "--height", which="output", default=height, what=what, dest="height")
    add(
        "-a",
        "--frame-rate",
        "--framerate",
        type=values.positive,
        default=60.0,
        metavar="FPS",
        help="frames a second to ask for",
    )
    add("--num-workers", type=values.count, metavar="N", help="videos at once; default: the configuration's")
    options = parser.parse_args(argv)
    if options.video and options.content:
        parser.error("--video takes the place of the list, which --content chooses from; give one of them")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: download(options))


@dataclass
class _Row:
    """What became of one video."""

    video: Video
    raw: RawVideo | None = None
    what: str = "failed"


def download(options: argparse.Namespace) -> None:
    """Fetch all videos, several at once; one that fails does not keep the others.

    Raises:
        ConfigError: an option or setting is wrong.
        MediaError: the list cannot be read, or a video cannot be fetched.
    """
    checks = Checks()
    settings = checks.settings(options).download
    videos = checks(_videos, options) or []
    checks.folder(options.data_dir, "--data-dir")
    checks.done()
    wanted = Wanted(options.height, options.frame_rate, settings.timeout_seconds, settings.retries)
    rows = [_Row(video) for video in videos]
    console = entry.console()
    failures = _fetch_all(rows, options.data_dir / "raw", wanted, options.num_workers or settings.at_once, console)
    _show(rows, console)
    entry.fail(failures, len(rows), "videos")


def _videos(options: argparse.Namespace) -> list[Video]:
    if options.video:
        try:
            videos = [named_video(text) for text in options.video]
        except MediaError as error:
            raise ConfigError(f"--video {error}") from error
        names = [video.name for video in videos]
        if len(set(names)) < len(names):
            raise ConfigError("--video: a name is given twice")
        return videos
    return videos_of(options)


def _fetch_all(rows: list[_Row], folder: Path, wanted: Wanted, at_once: int, console: Console) -> list[str]:
    """Fetch what the rows name and fill them in; returns what failed, in words."""
    stop = Event()
    failures: list[str] = []
    with Progress(console, "bytes") as bars, ThreadPoolExecutor(at_once) as pool:

        def one(row: _Row) -> None:
            bar = bars.add_task(row.video.name, total=None)

            def progress(done: int, total: int) -> None:
                bars.update(bar, completed=done, total=total or None)

            row.raw, kept = fetch(row.video, folder, wanted, progress, stop)
            row.what = "kept" if kept else "fetched"
            progress(row.raw.bytes, row.raw.bytes)

        futures = {pool.submit(one, row): row for row in rows}
        try:
            for future in as_completed(futures):
                try:
                    future.result()
                except (NsRayError, OSError) as error:
                    failures.append(f"{futures[future].video.name}: {error}")
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failures


def _show(rows: list[_Row], console: Console) -> None:
    table = Table("video", "", "size", "frames/s", "s", "MB", "file")
    for row in rows:
        if row.raw is None:
            table.add_row(row.video.name, f"[red]{row.what}[/red]")
            continue
        info = row.raw.info
        table.add_row(
            row.video.name,
            row.what,
            f"{info.width}x{info.height}",
            f"{float(info.frame_rate):g}",
            f"{row.raw.seconds:.1f}",
            f"{row.raw.bytes / 1e6:.1f}",
            str(row.raw.path),
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
