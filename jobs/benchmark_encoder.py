"""Measure encoders of HR video as the published benchmark_encoder does, decoding inside the time.

    python jobs/benchmark_encoder.py --instance ae_server --duration 60

takes the first 60 s of the content's 2160p_d<duration>_test.webm, by libvpx-vp9 (realtime, speed 8, 35 Mbit/s) in 4, 8
and 16 threads, and by NVENC (HEVC, p2, low latency) where that opens. Writes software_encode_result.json (by threads)
and hardware_encode_result.json to RESULT_DIR/evaluation/<instance>/<rows>p: `num_frames`, `throughput` (frames a
second), `latency` (s in all).
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ns_ray.errors import MediaError
from ns_ray.host import describe_host
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks, required
from ns_ray.jobs.cli.prepared_videos import hr_video, video_options
from ns_ray.jobs.cli.progress import Progress
from ns_ray.report.artifact_files import HARDWARE_ENCODE, SOFTWARE_ENCODE, size_folder
from ns_ray.video.live_encoders import SOFTWARE_THREADS, LiveEncoder, encode_speed, hardware_encoder, software_encoder
from ns_ray.whole_file import write_record


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    video_options(parser)
    add = parser.add_argument
    add("--seconds", type=values.positive, default=60.0, metavar="S", help="how much of the video")
    vocabulary.frames_option(parser, dest="num_frames")
    add("--threads", type=values.count, nargs="+", default=list(SOFTWARE_THREADS), metavar="N", help="of libvpx-vp9")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: benchmark(options))


def benchmark(options: argparse.Namespace) -> None:
    """Measure, write, show; what does not open is said and left out.

    Raises:
        ConfigError: a setting is wrong.
        MediaError: the video cannot be read, or libvpx-vp9 does not encode it.
    """
    checks = Checks()
    config = checks.settings(options)
    found = checks(hr_video, options)
    info = checks.video(found) if found is not None else None
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    info, path = required(info), required(found)
    console = entry.console()
    folder = size_folder(options.result_dir, options.instance or config.instance, info.height)
    about = {"video": path.name, "size": f"{info.width}x{info.height}", "host": describe_host()}
    table = Table("encoder", "threads", "frames", "seconds", "frames a second", "Mbit/s", title=str(path))
    software: dict[str, Any] = {}
    for threads in options.threads:
        encoder = software_encoder(threads)
        software[str(threads)] = _measured(options, path, encoder, table, console)
        write_record(folder / SOFTWARE_ENCODE, {"about": about} | software)
    try:
        hardware = _measured(options, path, hardware_encoder(), table, console)
        write_record(folder / HARDWARE_ENCODE, {"about": about} | hardware)
    except MediaError as error:
        console.print(f"the hardware encoder is left out: {error}", style="yellow")
    console.print(table)
    console.print(f"{folder}: {SOFTWARE_ENCODE} written")


def _measured(
    options: argparse.Namespace, path: Path, encoder: LiveEncoder, table: Table, console: Console
) -> dict[str, float]:
    """The published figures of one encoder."""
    name = f"{encoder.codec} {encoder.threads or ''}"
    with Progress(console) as bar:
        task = bar.add_task(name, total=options.num_frames)
        speed = encode_speed(str(path), encoder, options.num_frames, options.seconds, lambda: bar.advance(task))
    fps = speed.frames / speed.seconds
    mbps = speed.bytes * 8 / 1e6 / (speed.frames / 60)
    row = (encoder.codec, str(encoder.threads or ""), str(speed.frames), f"{speed.seconds:.2f}", f"{fps:.1f}")
    table.add_row(*row, f"{mbps:.1f}")
    return {"num_frames": speed.frames, "throughput": fps, "latency": speed.seconds}


if __name__ == "__main__":
    sys.exit(main())
