"""Measure the pool of enhancers: anchors a second of one enhancer, of two, and so on to all, through Ray.

LR frames lie in Ray's object store, every call brings those of one stream with its own weights, and the compressed
anchors go back to the object store: all that a benchmark of streams does but decoding and writing.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import ray
from actors.pools import enhancer_pool, offered, recovery
from rich.table import Table

from actors.local_ray import join_ray
from actors.messages import Frame, MadeReply, Stream
from jobs import face
from ns_ray.config import Config, load_config
from ns_ray.errors import ConfigError
from ns_ray.run_folder import claimed
from ns_ray.sr.weights import load_weights, save_weights, varied
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe
from ns_ray.whole_file import write_record

_STREAMS = 8
_CALLS_EACH = 3  # under way at a time, so that the next one's frames are there when it begins


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = face.parser(__doc__)
    add = parser.add_argument
    add("-g", "--num-gpus", type=int, default=0, metavar="N", help="GPUs; 0 takes the configured enhancers on the CPU")
    add("-m", "--model-name", default="EDSR_B8_F32_S3", metavar="NAME", help="the DNN")
    add("--input", metavar="FILE", help="VP9 video of the LR frames; default: the configuration's first")
    add("--seconds", type=float, default=10.0, metavar="S", help="time of each measurement")
    add("--call-frames", type=int, default=3, metavar="N", help="anchors a call; 3 are an epoch's at 7.5 %%")
    add("--quality", type=int, default=90, metavar="Q", help="JPEG quality")
    options = parser.parse_args(argv)
    if options.seconds <= 0 or options.call_frames < 1 or options.num_gpus < 0 or not 1 <= options.quality <= 100:
        parser.error("--seconds and --call-frames must be above 0, --num-gpus 0 or more, --quality 1 to 100")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return face.run(lambda: benchmark(options))


def benchmark(options: argparse.Namespace) -> None:
    """Measure, print and write.

    Raises:
        ConfigError: there are fewer GPUs, or no video is named.
        NsRayError: the video or the model cannot be used.
    """
    config = load_config(options.config, options.set)
    if not options.input and not config.inputs:
        raise ConfigError("name a video by --input")
    path = options.input or str(face.ROOT / config.inputs[0])
    with claimed(options.result_dir / "enhancers", face.console().print) as folder:
        _benchmark(options, config, path, folder)


def _benchmark(options: argparse.Namespace, config: Config, path: str, folder: Path) -> None:
    streams = [Stream(f"stream{i}", probe(path), options.model_name, str(file)) for i, file in _own(options, folder)]
    decoder = VideoDecoder(streams[0].info)
    decoded = decoder.decode(islice(read_packets(streams[0].info, loop=True), options.call_frames)).frames
    frames = [Frame(f.record, f.pts, f.picture.packed()) for f in decoded][: options.call_frames]
    enhancers = options.num_gpus or config.enhancer.actors
    join_ray(enhancers * config.enhancer.cpus, config.object_store_mb)
    try:
        have = offered().get("GPU", 0)
        if options.num_gpus > have:
            raise ConfigError(f"--num-gpus {options.num_gpus}: Ray offers {have:g} GPUs")
        rates = asyncio.run(_measure(options, config, streams, frames, enhancers))
    finally:
        ray.shutdown()
    table = Table("enhancers", "anchors a second", "times one")
    for number, rate in enumerate(rates, start=1):
        table.add_row(str(number), f"{rate:.1f}", f"{rate / rates[0]:.2f}")
    face.console().print(table)
    write_record(folder / "enhancers.json", {"anchors_per_second": rates, "gpus": options.num_gpus})


def _own(options: argparse.Namespace, folder: Path) -> Iterator[tuple[int, Path]]:
    """Weights of each stream's own: the pretrained ones, changed a little."""
    shipped = load_weights(options.model_name)
    for i in range(_STREAMS):
        path = folder / f"stream{i}.pt"
        save_weights(varied(shipped, i), path)
        yield i, path.resolve()


async def _measure(
    options: argparse.Namespace, config: Config, streams: list[Stream], frames: list[Frame], enhancers: int
) -> list[float]:
    """Anchors a second of the first enhancer, the first two, and so on."""
    pool = enhancer_pool(config.enhancer, options.num_gpus, recovery(config, lambda loss: None))
    await pool.ready()
    await asyncio.gather(*(pool.call(i, "prepare", stream) for i in range(enhancers) for stream in streams))
    stored = [ray.put(frames) for _ in streams]
    turns = cycle(zip(streams, stored, strict=True))

    async def feed(index: int, until: float) -> int:
        made = 0
        while time.monotonic() < until:
            stream, its_frames = next(turns)
            reply: MadeReply
            _, reply = await pool.produce(index, "enhance", stream, its_frames, "jpeg", options.quality, None)
            made += len(reply.made)
        return made

    rates = []
    for number in range(1, enhancers + 1):
        begin = time.monotonic()
        until = begin + options.seconds
        made = sum(await asyncio.gather(*(feed(i % number, until) for i in range(number * _CALLS_EACH))))
        rates.append(made / (time.monotonic() - begin))
    pool.kill()
    return rates


if __name__ == "__main__":
    sys.exit(main())
