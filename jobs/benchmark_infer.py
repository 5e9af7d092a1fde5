"""Measure inference as the published benchmark_infer does: requests of 6 blank frames, each with weights of its own.

    python jobs/benchmark_infer.py -i ae_server -d 60 -m EDSR_B8_F32_S3
    python jobs/benchmark_infer.py -r 360 --requests 3 --naive-requests 1 --set enhancer.engine=torch     # on a CPU

- Preallocated, as enhancers work here: one engine, whose memory was allocated before, and a file of weights for each
  request, read and prepared before the first one, as a stream's are when it joins. Switching to them is inside the
  time, and so is the way of every frame from host memory to an HR picture (YUV 4:2:0) in host memory. 10 requests warm
  up, 100 count.
- The same, its HR pictures left on the device: what the DNN alone could do (`on device`).
- The naive way, which is ours to define: each request reads its weights, builds an engine with all its memory, works,
  and frees it. The kernels' compilation is kept between requests, as a file or in the process.

Writes infer_result.json and naive_result.json to RESULT_DIR/evaluation/<instance>/<LR rows>p/<model>: `num frames`,
`latency` (s in all), `throughput` (frames a second). Weights are the content's trained ones, changed a little for each
request; of a content that nothing was trained on, the ones that ship. On a CPU that others use, too, set
OMP_WAIT_POLICY=PASSIVE, as all actors have it: threads that wait by spinning cost many times their work.
"""

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from jobs.cli import entry
from jobs.cli.prepared_videos import instance_option
from ns_ray.config.config import Config
from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError, ModelError
from ns_ray.host import describe_host
from ns_ray.report.artifact_files import INFER, NAIVE, model_folder
from ns_ray.sr.calibrate import calibrate, create_engine
from ns_ray.sr.checkpoints import checkpoint_folder, lr_size, trained_weights
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights, load_weights, save_weights, varied, weights_path
from ns_ray.whole_file import write_record

Figures = dict[str, float]
T = TypeVar("T")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("-c", "--content", type=entry.name, default="lol0", metavar="NAME", help="content whose weights are taken")
    add("-r", "--resolution", type=int, default=720, metavar="H", help="LR rows; columns make it 16:9")
    add("-d", "--duration", type=int, default=600, metavar="S", help="seconds of the training video, as in its name")
    add("-s", "--scale", type=int, metavar="S", help="HR over LR; must be the model's")
    add("-m", "--model", "--model-name", default="EDSR_B8_F32_S3", metavar="NAME", help="the DNN")
    instance_option(parser)
    add("--requests", type=int, default=100, metavar="N", help="requests that count")
    add("--warm-up", type=int, default=10, metavar="N", help="requests before those")
    add("--request-frames", type=int, default=6, metavar="N", help="blank frames a request")
    add("--naive-requests", type=int, default=10, metavar="N", help="requests in the naive way; 0 leaves it out")
    add("--device", default="cuda:0" if torch.cuda.is_available() else "cpu", help="where to infer")
    options = parser.parse_args(argv)
    if min(options.resolution, options.requests, options.request_frames) < 1:
        parser.error("--resolution, --requests and --request-frames must be 1 or more")
    if min(options.warm_up, options.naive_requests) < 0:
        parser.error("--warm-up and --naive-requests must be 0 or more")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: benchmark(options))


def benchmark(options: argparse.Namespace) -> None:
    """Measure, write, show.

    Raises:
        ConfigError: a setting is wrong, or no such model.
        ModelError: the model or its weights cannot be used, or no engine runs here.
    """
    config = load_config(options.config, options.set)
    try:
        spec = ModelSpec.parse(options.model)
    except ModelError as error:
        raise ConfigError(f"--model: {error}") from error
    if options.scale not in (None, spec.scale):
        raise ConfigError(f"--scale {options.scale}: {spec} enlarges {spec.scale} times; name another model")
    console = entry.console()
    if options.device == "cpu":
        torch.set_num_threads(config.enhancer.threads)
    folder = model_folder(options.result_dir, options.instance or config.instance, options.resolution, spec.name)
    shipped = load_weights(spec, _weights(options, spec, console))
    with tempfile.TemporaryDirectory(prefix="ns_ray_infer_") as own, Progress(console=console, transient=True) as bar:
        total = max(options.warm_up + options.requests, options.naive_requests)
        files = list(bar.track(_own(shipped, Path(own), total), total=total, description="weights"))
        preallocated, about = _preallocated(options, config, spec, files, bar)
        about |= {"host": describe_host(), "weights": "read before, switched to inside the time"}
        write_record(folder / INFER, preallocated | about)
        naive = _naive(options, spec, str(about["engine"]), files[: options.naive_requests], bar)
    if naive:
        write_record(folder / NAIVE, naive | about | {"weights": "read inside the time"})
    table = Table(
        "way", "frames", "seconds", "frames a second", title=f"{spec}, {options.resolution}p, {about['engine']}"
    )
    for way, figures in (
        ("preallocated", preallocated),
        ("left on device", preallocated["on device"]),
        ("naive", naive),
    ):
        if figures:
            table.add_row(way, *(f"{figures[key]:.4g}" for key in ("num frames", "latency", "throughput")))
    console.print(table)
    console.print(f"{folder}: {INFER}{f' and {NAIVE}' if naive else ''} written")


def _weights(options: argparse.Namespace, spec: ModelSpec, console: Console) -> Path:
    """The content's weights, or where nothing was trained on it, which is said, those that ship."""
    try:
        folder = checkpoint_folder(options.result_dir, options.content, options.resolution, options.duration)
        return trained_weights(folder, spec, options.content)
    except ModelError as error:
        console.print(f"the weights that ship are taken, as speed does not depend on them ({error})", style="yellow")
        return weights_path(spec)


def _own(shipped: Weights, folder: Path, count: int) -> Iterator[Path]:
    """A file of weights for each request, no two alike."""
    for number in range(count):
        path = folder / f"{number}.pt"
        save_weights(varied(shipped, number), path)
        yield path


def _blank(engine: Engine) -> Planes:
    y, u, v = (np.zeros(shape, np.uint8) for shape in engine.lr_shapes)
    return y, u, v


def _preallocated(
    options: argparse.Namespace, config: Config, spec: ModelSpec, files: list[Path], bar: Progress
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures with everything allocated before, and what was measured on what."""
    sets = [load_weights(spec, file) for file in files]
    size = lr_size(str(options.resolution))
    engine = calibrate(spec, sets[0], *size, options.device, config.enhancer.engine).engine
    prepared = [engine.prepare(weights) for weights in sets]
    frames = [_blank(engine)] * options.request_frames

    def to_host(weights: Weights) -> None:
        engine.load(weights)
        for _ in engine.infer_all(frames, "yuv"):
            pass

    def on_device(weights: Weights) -> None:
        engine.load(weights)
        for planes in frames:
            engine.pixels(planes)

    found: list[Figures] = []
    for serve, name in ((to_host, "requests"), (on_device, "left on device")):
        for weights in prepared[: options.warm_up]:
            serve(weights)
        found.append(_timed(serve, prepared[options.warm_up :][: options.requests], options, name, bar))
    about = {"engine": engine.name, "device": options.device, "size": f"{size[0]}x{size[1]}"}
    return {**found[0], "on device": found[1]}, about


def _naive(options: argparse.Namespace, spec: ModelSpec, name: str, files: list[Path], bar: Progress) -> Figures:
    """The figures with everything done anew for each request; empty where none is asked for."""
    if not files:
        return {}
    size = lr_size(str(options.resolution))

    def serve(file: Path) -> None:
        engine = create_engine(name, spec, *size, options.device)
        engine.load(load_weights(spec, file))
        for _ in engine.infer_all([_blank(engine)] * options.request_frames, "yuv"):
            pass
        del engine
        gc.collect()
        if options.device.startswith("cuda"):
            torch.cuda.synchronize(options.device)
            torch.cuda.empty_cache()

    return _timed(serve, files, options, "naive requests", bar)


def _timed(
    serve: Callable[[T], None], requests: Iterable[T], options: argparse.Namespace, name: str, bar: Progress
) -> Figures:
    """Serve requests one after another."""
    served = 0
    start = time.perf_counter()
    for request in bar.track(list(requests), description=name):
        serve(request)
        served += 1
    if options.device.startswith("cuda"):
        torch.cuda.synchronize(options.device)
    seconds = time.perf_counter() - start
    frames = served * options.request_frames
    return {"num frames": frames, "latency": seconds, "throughput": frames / seconds}


if __name__ == "__main__":
    sys.exit(main())
