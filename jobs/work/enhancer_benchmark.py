"""Enhancers, measured through Ray beside the engine alone."""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import ray
import torch
from ray import ObjectRef
from rich.table import Table

from ns_ray import shipped
from ns_ray.actors.anchor_encoders import encoders_on
from ns_ray.actors.enhancer_actor import EnhancerActor
from ns_ray.actors.local_ray import join_ray
from ns_ray.actors.messages import Anchors, Ask, Frame, Stream
from ns_ray.actors.worker import Worker
from ns_ray.config.actors import GPU_CALLS, EnhancerPool
from ns_ray.config.config import Config
from ns_ray.errors import ConfigError, MediaError, ModelError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.nodes import await_nodes
from ns_ray.jobs.cli.progress import waiting
from ns_ray.picture.coding import Coding
from ns_ray.picture.yuv import Yuv420
from ns_ray.run_folder import new_run, of_inputs, publish
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.engine import Planes
from ns_ray.sr.enhance import Compressor, Enhancement
from ns_ray.sr.weights import load_weights, save_weights, varied
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe
from ns_ray.whole_file import write_record

_ENVIRONMENT = {"env_vars": {"OMP_WAIT_POLICY": "PASSIVE"}}  # as enhancers have it
Stored = list["ObjectRef[list[list[Frame]]]"]


def benchmark(options: argparse.Namespace, config: Config) -> None:
    """Measure, print and write.

    Raises:
        ConfigError: there are fewer GPUs, or no video is named.
        NsRayError: the video or the model cannot be used.
    """
    if not options.input and not config.inputs:
        raise ConfigError("name a video by --input")
    path = options.input or str(shipped.found(config.inputs[0]))
    with new_run(options.result_dir / "enhancers", of_inputs([path]), options.model_name) as folder:
        _benchmark(options, config, path, folder)
        publish(folder)


def _benchmark(options: argparse.Namespace, config: Config, path: str, folder: Path) -> None:
    info = probe(path)
    streams = [Stream(f"stream{i}", info, options.model_name, str(file)) for i, file in _own(options, folder)]
    decoded = VideoDecoder(info).decode(islice(read_packets(info, loop=True), 4 * options.call_frames)).frames
    frames = [Frame(f.record, f.pts, f.picture.packed()) for f in decoded][: options.call_frames]
    if len(frames) < options.call_frames:
        raise MediaError(f"{path}: fewer than {options.call_frames} frames can be decoded")
    enhancers = options.num_gpus or config.enhancer.actors
    join_ray(enhancers * config.enhancer.cpus, config.object_store_mb)
    try:
        console = entry.console()
        one = {"CPU": config.enhancer.cpus, "GPU": 1 if options.num_gpus else 0} | config.enhancer.resources
        asyncio.run(await_nodes([one] * enhancers, config.wait_seconds, console))
        with waiting(console, "measuring an engine alone"):
            alone = _alone(options, config.enhancer, streams, frames)
        with waiting(console, f"measuring 1 to {enhancers} enhancers"):
            found = asyncio.run(_through_ray(options, config.enhancer, streams, frames, enhancers))
    finally:
        ray.shutdown()
    rates, cpu_ms = [rate for rate, _ in found], [one for _, one in found]
    table = Table("enhancers", "anchors a second", "times one", "of the engine alone", "CPU, ms an anchor")
    table.add_row("engine alone", f"{alone:.1f}", "", "", "")
    for number, (rate, cpu) in enumerate(found, start=1):
        table.add_row(
            str(number), f"{rate:.1f}", f"{rate / rates[0]:.2f}", f"{rate / number / alone:.0%}", f"{cpu:.2f}"
        )
    console.print(table)
    document = {
        "engine_alone": alone,
        "anchors_per_second": rates,
        "of_engine_alone": [rate / number / alone for number, rate in enumerate(rates, start=1)],
        "cpu_ms_an_anchor": cpu_ms,
        "gpus": options.num_gpus,
        "model": options.model_name,
        "size": f"{info.width}x{info.height}",
        **{
            key: getattr(options, key)
            for key in ("streams", "call_streams", "call_frames", "calls", "anchor_codec", "quality", "limit")
        },
    }
    write_record(folder / "enhancers.json", document)


def _own(options: argparse.Namespace, folder: Path) -> Iterator[tuple[int, Path]]:
    """Weights of each stream's own: the pretrained ones, changed a little."""
    shipped = load_weights(options.model_name)
    for i in range(options.streams):
        path = folder / f"stream{i}.pt"
        save_weights(varied(shipped, i), path)
        yield i, path.resolve()


class EngineAlone(Worker):
    """An engine and a compressor in a process, with nothing to fetch and nothing to store."""

    def rate(
        self, config: EnhancerPool, streams: Sequence[Stream], frames: Sequence[Frame], coding: Coding, seconds: float
    ) -> float:
        """Anchors a second, from LR frames in memory to images in memory.

        Raises:
            ModelError: the model or the engine cannot be used.
        """
        device = "cuda:0" if ray.get_gpu_ids() else "cpu"
        torch.set_num_threads(config.threads)
        weights = [load_weights(stream.model, Path(stream.weights or "")) for stream in streams]
        info = streams[0].info
        engine = calibrate(streams[0].model, weights[0], info.width, info.height, device, config.engine).engine
        enhancement = Enhancement(engine, Compressor(*encoders_on(device), device=device))
        prepared = [engine.prepare(one) for one in weights]

        def work(until: float) -> Iterator[Planes]:
            for one in cycle(prepared):
                engine.load(one)
                for frame in frames:
                    if time.monotonic() >= until:
                        return
                    assert isinstance(frame.picture, Yuv420)
                    yield frame.picture.planes

        for _ in enhancement.run(work(time.monotonic() + min(seconds, 1.0)), coding):
            pass
        begin = time.monotonic()
        made = sum(1 for _ in enhancement.run(work(begin + seconds), coding))
        return made / (time.monotonic() - begin)


def _alone(
    options: argparse.Namespace, config: EnhancerPool, streams: Sequence[Stream], frames: Sequence[Frame]
) -> float:
    gpus = 1 if options.num_gpus else 0
    kind: Any = ray.remote(EngineAlone).options(
        num_cpus=config.cpus, num_gpus=gpus, resources=config.resources, runtime_env=_ENVIRONMENT
    )
    handle = kind.remote(_affinity(config, 0))
    try:
        rate: float = ray.get(handle.rate.remote(config, streams, frames, _coding(options), options.seconds))
        return rate
    finally:
        ray.kill(handle)


def _coding(options: argparse.Namespace) -> Coding:
    return Coding(options.anchor_codec, options.quality, options.limit)


def _affinity(config: EnhancerPool, index: int) -> list[int]:
    return config.affinity[index % len(config.affinity)] if config.affinity else []


async def _through_ray(
    options: argparse.Namespace, config: EnhancerPool, streams: list[Stream], frames: list[Frame], enhancers: int
) -> list[tuple[float, float]]:
    """Anchors a second, and CPU milliseconds that each is said to take, of one enhancer, two, and so on."""
    gpus = 1 if options.num_gpus else 0
    kind: Any = ray.remote(EnhancerActor).options(
        num_cpus=config.cpus,
        num_gpus=gpus,
        resources=config.resources,
        max_concurrency=GPU_CALLS if gpus else 1,
    )
    handles = [kind.remote(_affinity(config, index), config) for index in range(enhancers)]
    await asyncio.gather(*(handle.prepare.remote(stream) for handle in handles for stream in streams))
    stored: Stored = [ray.put([frames]) for _ in streams]
    turns, coding = count(), _coding(options)

    async def feed(handle: Any, until: float) -> tuple[int, float]:
        made, cpu = 0, 0.0
        while time.monotonic() < until:
            first = next(turns) * options.call_streams
            chosen = [(first + i) % len(streams) for i in range(options.call_streams)]
            asks = [Ask(streams[one], part, 0, coding) for part, one in enumerate(chosen)]
            answers: list[Anchors] = await handle.enhance.remote(asks, *(stored[one] for one in chosen))
            for anchors in answers:
                if anchors.error:
                    raise ModelError(anchors.error)
                made += len(anchors.images)
                cpu += anchors.reply.cpu_seconds
        return made, cpu

    found = []
    for number in range(1, enhancers + 1):
        begin = time.monotonic()
        feeds = (feed(handles[i % number], begin + options.seconds) for i in range(number * options.calls))
        done = await asyncio.gather(*feeds)
        seconds, made = time.monotonic() - begin, sum(one for one, _ in done)
        found.append((made / seconds, 1000 * sum(cpu for _, cpu in done) / max(made, 1)))
    for handle in handles:
        ray.kill(handle)
    return found
