"""What control costs, measured: streams so small that little is left but reading, choosing, calls, and Ray."""

import argparse
import asyncio
import time
import uuid
from dataclasses import dataclass
from fractions import Fraction as Ratio
from itertools import islice
from pathlib import Path

import ray
from rich.console import Console
from rich.table import Table

from ns_ray import shipped
from ns_ray.actors.fleet import Fleet
from ns_ray.actors.following import Following
from ns_ray.actors.local_ray import join_ray
from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Order, Plan
from ns_ray.actors.summary import cpu_by_stage
from ns_ray.actors.usage import UsageSampler, ray_thread_seconds
from ns_ray.anchors.policies import Fraction
from ns_ray.config.config import Config
from ns_ray.errors import ConfigError, MediaError
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.progress import Progress
from ns_ray.picture.coding import PUBLISHED
from ns_ray.picture.yuv import resize
from ns_ray.report.results import Usage
from ns_ray.run_folder import new_run, publish
from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.encode import VideoEncoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import VideoInfo, probe
from ns_ray.whole_file import write_record

_MODEL = "EDSR_B1_F4_S3"
_SIZE, _FRAMES = (96, 64), 960
_TICK = Ratio(1, 1000)
# As live encoders work, hidden frames included.
_OPTIONS = {"deadline": "good", "cpu-used": "5", "b": "150k", "g": "120", "auto-alt-ref": "1", "lag-in-frames": "16"}
_REST_SECONDS = 6.0
_WORK = {"decode": "decoder", "enhance": "enhancer", "encode": "encoder", "write": "host"}


def benchmark(options: argparse.Namespace, config: Config) -> None:
    """Measure, print and write.

    Raises:
        ConfigError: the configuration names no video to make clips of.
        MediaError: a stream failed.
    """
    if not config.inputs:
        raise ConfigError(f"{options.config}: it names no video under `inputs` to make clips of")
    console = entry.console()
    with new_run(options.result_dir / "control", f"{options.num_videos}-streams") as folder:
        clip = _clip(shipped.found(config.inputs[0]), folder / "clip.mkv")
        weights = folder / f"{_MODEL}.pt"
        save_weights(build(_MODEL).state_dict(), weights)
        pools = (config.host, config.decoder, config.scheduler, config.enhancer)
        join_ray(sum(pool.actors * pool.cpus for pool in pools), config.object_store_mb)
        try:
            measured = asyncio.run(_measure(options, config, probe(str(clip)), weights, folder, console))
        finally:
            ray.shutdown()
        rows = by_process(measured)
        _show(options, rows, measured)
        record = {"streams": options.num_videos, "seconds": options.seconds}
        record |= {"epochs": measured.epochs, "late": measured.late, "cores_at_rest": measured.rest.cores}
        write_record(folder / "control.json", record | {"cpu_ms_a_stream_and_epoch": rows})
        publish(folder)


def _clip(source: Path, path: Path) -> Path:
    info = probe(str(source))
    decoder = VideoDecoder(info)
    encoder = VideoEncoder(_SIZE, info.frame_rate, _TICK, options=_OPTIONS)
    packets = []
    decoded = decoder.decode(islice(read_packets(info, loop=True), _FRAMES)).frames
    for number, frame in enumerate(frame for frame in decoded if frame.record.shown):
        packets += encoder.encode(resize(frame.picture, _SIZE), round(number / info.frame_rate / _TICK))
    packets += encoder.flush()
    form = HybridFormat(_SIZE, None, info.frame_rate, _TICK, video_codec="vp9")
    part = path.with_suffix(".part")
    try:
        append_epoch(part, form, 0, packets, ())
        finish(part, path, form)
    finally:
        part.unlink(missing_ok=True)
    return path


@dataclass(frozen=True, slots=True)
class Measured:
    """What streams took.

    Attributes:
        usage: CPU time of all processes.
        ray_threads: of that, in threads of Ray's C++ in ours; seconds by kind of process.
        rest: CPU time of all processes while nothing is done.
        seconds: how long the streams went on.
        epochs: of all streams.
        late: those of them that were late.
    """

    usage: Usage
    ray_threads: dict[str, float]
    rest: Usage
    seconds: float
    epochs: int
    late: int


async def _measure(
    options: argparse.Namespace, config: Config, info: VideoInfo, weights: Path, folder: Path, console: Console
) -> Measured:
    with Fleet(config, 0) as fleet:
        await fleet.start()
        streams = [Stream(f"stream{i}", info, _MODEL, str(weights.resolve())) for i in range(options.num_videos)]
        await fleet.manager.prepare(streams)
        output = folder / "streams"
        output.mkdir()
        frames = round(options.seconds * float(info.frame_rate))
        following = Following(fleet.manager, fleet.crew, kept_epochs=1)
        await asyncio.sleep(_REST_SECONDS)  # until all have settled
        usage = UsageSampler()
        usage.start()
        await asyncio.sleep(_REST_SECONDS)
        rest = usage.stop(_REST_SECONDS)
        before = ray_thread_seconds()
        usage = UsageSampler()
        usage.start()
        policy = Fraction(options.fraction)
        plan = Plan(uuid.uuid4().hex, "neuroscaler", policy, PUBLISHED, frames, True, output.resolve(), time.time())
        with Progress(console) as progress:
            task = progress.add_task("frames written", total=frames * len(streams))
            await following.add([Order(stream, plan) for stream in streams])
            await following.until_ended(lambda _, written: progress.advance(task, written), asyncio.Event())
        seconds = time.time() - plan.began
        taken = usage.stop(seconds)
        threads = {kind: spent - before.get(kind, 0.0) for kind, spent in ray_thread_seconds().items()}
    followed = following.streams.values()
    taken.stage_cpu_seconds = cpu_by_stage(followed)
    failed = [one.report.reason for one in followed if one.report.state == "failed"]
    if failed:
        raise MediaError("; ".join(failed))
    totals = [one.report.totals for one in followed]
    epochs, late = sum(one.epochs for one in totals), sum(one.late for one in totals)
    return Measured(taken, threads, rest, seconds, epochs, late)


def by_process(measured: Measured) -> dict[str, dict[str, float]]:
    """CPU milliseconds a stream and epoch, by kind of process.

    Returns:
        Of each kind the `work` of its stages, all `else`, and of that what threads of `ray` took and what is taken at
        `rest`, too.
    """
    spent, rest = _by_kind(measured.usage), _by_kind(measured.rest)
    rows = {}
    for kind, seconds in spent.items():
        work = sum(of for stage, of in measured.usage.stage_cpu_seconds.items() if _WORK[stage] == kind)
        by_ray = seconds if kind == "Ray" else measured.ray_threads.get(kind, 0.0)
        idle = rest.get(kind, 0.0) / _REST_SECONDS * measured.seconds
        parts = {"work": work, "else": seconds - work, "ray": by_ray, "rest": idle}
        rows[kind] = {part: 1000 * of / measured.epochs for part, of in parts.items()}
    return rows


def _by_kind(usage: Usage) -> dict[str, float]:
    return {"job": usage.job_cpu_seconds, "Ray": usage.ray_cpu_seconds, **usage.actor_cpu_seconds}


def _show(options: argparse.Namespace, rows: dict[str, dict[str, float]], measured: Measured) -> None:
    title = f"CPU ms a stream and epoch ({options.num_videos} streams, {measured.epochs} epochs, {measured.late} late)"
    heads = {
        "work": "decoding, DNN, JPEG, writing",
        "else": "all else",
        "ray": "of that Ray's C++",
        "rest": "at rest, too",
    }
    table = Table("process", *heads.values(), title=title)
    for kind, row in sorted(rows.items(), key=lambda item: -item[1]["else"]):
        table.add_row(kind, *(f"{row[part]:.2f}" for part in heads))
    table.add_section()
    table.add_row("all", *(f"{sum(row[part] for row in rows.values()):.2f}" for part in heads))
    entry.console().print(table)
