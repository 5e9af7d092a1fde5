"""Measure what control costs: CPU time of all processes in which nothing is decoded, enhanced, compressed or written.

Streams are real and paced, but their pictures so small, and the DNN too, that a machine without a GPU has many of them:
what is left is reading, ranking, choosing, calls, and Ray. Clips are made of the configuration's first video.
"""

import argparse
import asyncio
import sys
import time
import uuid
from fractions import Fraction as Ratio
from itertools import islice
from pathlib import Path

import ray
from rich.table import Table

from actors.fleet import Fleet
from actors.following import Following
from actors.local_ray import join_ray
from actors.messages import Stream
from actors.orders import Order, Plan
from actors.summary import cpu_by_stage
from actors.usage import UsageSampler
from jobs import face
from ns_ray.anchors.policies import Fraction
from ns_ray.config import Config, load_config
from ns_ray.errors import ConfigError, MediaError
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.picture.yuv import resize
from ns_ray.report.results import Usage
from ns_ray.run_folder import claimed
from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.encode import VideoEncoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import VideoInfo, probe
from ns_ray.whole_file import write_record

_MODEL = "EDSR_B1_F4_S3"
_SIZE, _FRAMES = (96, 64), 1600
_TICK = Ratio(1, 1000)
# As live encoders work, hidden frames included.
_OPTIONS = {"deadline": "good", "cpu-used": "5", "b": "150k", "g": "120", "auto-alt-ref": "1", "lag-in-frames": "16"}
_WORK = {"decode": "decoder", "enhance": "enhancer", "encode": "encoder", "write": "host"}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = face.parser(__doc__)
    add = parser.add_argument
    add("-v", "--num-videos", type=int, default=32, metavar="N", help="streams at once")
    add("--seconds", type=float, default=20.0, metavar="S", help="how long they last")
    add("--fraction", type=float, default=0.075, metavar="F", help="anchors a shown frame")
    options = parser.parse_args(argv)
    if options.num_videos < 1 or options.seconds < 2:
        parser.error("--num-videos must be 1 or more, --seconds 2 or more")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return face.run(lambda: benchmark(options))


def benchmark(options: argparse.Namespace) -> None:
    """Measure, print and write.

    Raises:
        ConfigError: the configuration names no video to make clips of.
        MediaError: a stream failed.
    """
    config = load_config(options.config, options.set)
    if not config.inputs:
        raise ConfigError(f"{options.config}: it names no video under `inputs` to make clips of")
    with claimed(options.result_dir / "control", face.console().print) as folder:
        clip = _clip(face.ROOT / config.inputs[0], folder / "clip.mkv")
        weights = folder / f"{_MODEL}.pt"
        save_weights(build(_MODEL).state_dict(), weights)
        pools = (config.host, config.decoder, config.scheduler, config.enhancer)
        join_ray(sum(pool.actors * pool.cpus for pool in pools), config.object_store_mb)
        try:
            usage, epochs, late = asyncio.run(_measure(options, config, probe(str(clip)), weights, folder))
        finally:
            ray.shutdown()
        rows = by_process(usage, epochs)
        _show(options, rows, epochs, late)
        record = {"streams": options.num_videos, "seconds": options.seconds, "epochs": epochs, "late": late}
        write_record(folder / "control.json", record | {"cpu_ms_a_stream_and_epoch": rows})


def _clip(source: Path, path: Path) -> Path:
    info = probe(str(source))
    decoder = VideoDecoder(info)
    encoder = VideoEncoder(_SIZE, info.frame_rate, _TICK, options=_OPTIONS)
    packets = []
    decoded = decoder.decode(islice(read_packets(info, loop=True), _FRAMES)).frames
    for number, frame in enumerate(frame for frame in decoded if frame.record.shown):
        packets += encoder.encode(resize(frame.picture, _SIZE), round(number / info.frame_rate / _TICK))
    packets += encoder.flush()
    form = HybridFormat(_SIZE, None, info.frame_rate, _TICK)
    part = path.with_suffix(".part")
    append_epoch(part, form, 0, packets, ())
    finish(part, path, form)
    return path


async def _measure(
    options: argparse.Namespace, config: Config, info: VideoInfo, weights: Path, folder: Path
) -> tuple[Usage, int, int]:
    """CPU time, epochs of all streams, and those that were late."""
    fleet = Fleet(config, 0)
    await fleet.start()
    streams = [Stream(f"stream{i}", info, _MODEL, str(weights.resolve())) for i in range(options.num_videos)]
    await fleet.manager.prepare(streams)
    output = folder / "streams"
    output.mkdir()
    frames = round(options.seconds * float(info.frame_rate))
    following = Following(fleet.manager, fleet.crew, kept_epochs=1)
    usage = UsageSampler()
    usage.start()
    policy = Fraction(options.fraction)
    plan = Plan(uuid.uuid4().hex, "neuroscaler", policy, 90, frames, True, output.resolve(), time.time())
    await following.add([Order(stream, plan) for stream in streams])
    await following.until_ended(lambda name, frames: None, asyncio.Event())
    taken = usage.stop(time.time() - plan.began)
    followed = following.streams.values()
    taken.stage_cpu_seconds = cpu_by_stage(followed)
    failed = [one.report.reason for one in followed if one.report.state == "failed"]
    fleet.stop()
    if failed:
        raise MediaError("; ".join(failed))
    totals = [one.report.totals for one in followed]
    return taken, sum(one.epochs for one in totals), sum(one.late for one in totals)


def by_process(usage: Usage, epochs: int) -> dict[str, dict[str, float]]:
    """CPU milliseconds a stream and epoch, by kind of process: `work` of the stages, and all `else`."""
    spent = {"job": usage.job_cpu_seconds, "Ray": usage.ray_cpu_seconds, **usage.actor_cpu_seconds}
    rows = {}
    for kind, seconds in spent.items():
        work = sum(of for stage, of in usage.stage_cpu_seconds.items() if _WORK[stage] == kind)
        rows[kind] = {"work": 1000 * work / epochs, "else": 1000 * (seconds - work) / epochs}
    return rows


def _show(options: argparse.Namespace, rows: dict[str, dict[str, float]], epochs: int, late: int) -> None:
    title = f"CPU ms a stream and epoch ({options.num_videos} streams, {epochs} epochs, {late} late)"
    table = Table("process", "decoding, DNN, JPEG, writing", "all else", title=title)
    for kind, row in sorted(rows.items(), key=lambda item: -item[1]["else"]):
        table.add_row(kind, f"{row['work']:.2f}", f"{row['else']:.2f}")
    table.add_section()
    table.add_row("all", *(f"{sum(row[key] for row in rows.values()):.2f}" for key in ("work", "else")))
    face.console().print(table)


if __name__ == "__main__":
    sys.exit(main())
