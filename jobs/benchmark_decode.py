"""Measure how many streams one decoder keeps up with, as the published benchmark_decode does.

    python jobs/benchmark_decode.py -i ae_server -d 60

One worker decodes 1 stream, then 2, and so on, hidden frames included, a slot of time of each by turns as decoders do
here, until it gets through fewer than 60 frames a second of each. No frame is handed out: anchors, which are, cost a
copy. Writes decode_result.json to RESULT_DIR/evaluation/<instance>/<LR rows>p: `num_streams`, 0 where not even one is
kept up with, and the rates tried (`frames_a_second`, of each stream, by their number).
"""

import argparse
import sys
import time
from itertools import count, islice

from rich.table import Table

from ns_ray.errors import MediaError
from ns_ray.host import describe_host
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks, required
from ns_ray.jobs.cli.prepared_videos import lr_video, video_options
from ns_ray.jobs.cli.progress import Progress
from ns_ray.report.artifact_files import DECODE, size_folder
from ns_ray.report.throughput import EPOCH_FRAMES, FRAME_RATE
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import VideoInfo
from ns_ray.whole_file import write_record


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    video_options(parser)
    add = parser.add_argument
    what = "LR height in the names of prepared videos"
    vocabulary.resolution_option(parser, "-r", "--resolution", what=what)
    vocabulary.frames_option(parser, 600, "packets of each stream", dest="num_frames")
    add("--most", type=values.count, default=1000, metavar="N", help="try no more streams")
    vocabulary.device_option(parser, "cpu", "where to decode, on GPUs by NVDEC")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: benchmark(options))


def benchmark(options: argparse.Namespace) -> None:
    """Measure, write, show.

    Raises:
        ConfigError: a setting is wrong, or there is no video.
        MediaError: the video cannot be decoded, or not on that device.
    """
    checks = Checks()
    config = checks.settings(options)
    found = checks(lr_video, options, config)
    info = checks.video(found) if found is not None else None
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    info, path = required(info), required(found)
    packets = list(islice(read_packets(info, loop=True), options.num_frames))
    if not packets:
        raise MediaError(f"{path}: it has no packet to decode")
    console = entry.console()
    rates: dict[str, float] = {}
    with Progress(console) as bar:
        for streams in bar.track(count(1), total=None, description="streams"):
            rate = _rate(info, packets, streams, options.device, config.decoder.threads)
            rates[str(streams)] = rate
            if rate < FRAME_RATE or streams == options.most:
                break
    held = sum(rate >= FRAME_RATE for rate in rates.values())
    folder = size_folder(options.result_dir, options.instance or config.instance, info.height)
    about = {"video": path.name, "device": options.device, "threads": config.decoder.threads, "host": describe_host()}
    write_record(folder / DECODE, {"num_streams": held, "frames_a_second": rates} | about)
    table = Table("streams", "frames a second of each", title=f"one decoder, {path.name}, {options.device}")
    for number, rate in rates.items():
        table.add_row(number, f"{rate:.1f}")
    console.print(table)
    console.print(f"[bold]{held} streams a decoder[/bold]; {folder / DECODE} written")


def _rate(info: VideoInfo, packets: list[Packet], streams: int, device: str, threads: int) -> float:
    """Frames a second of each of so many streams, which one worker decodes by turns."""
    decoders = [VideoDecoder(info, device=device, threads=threads) for _ in range(streams)]
    start = time.perf_counter()
    for begin in range(0, len(packets), EPOCH_FRAMES):
        for decoder in decoders:
            decoder.decode(packets[begin : begin + EPOCH_FRAMES], wanted=())
    return len(packets) / (time.perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
