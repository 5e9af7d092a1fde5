"""Streams in real time of a machine by each method, what limits them, and what a stream costs.

    python jobs/measure_throughput.py --instance ae_server --num_blocks 8 --num_channels 16 --target per-frame
    python jobs/measure_throughput.py --instance ae_server --num_blocks 8 --num_channels 32 --target selective \\
        --num_anchors 8
    python jobs/measure_throughput.py --instance ae_server --target engorgio

per-frame and selective are estimated by the published formulas, from what jobs/benchmark_infer.py and
jobs/benchmark_encoder.py measured; engorgio (neuroscaler) is what runs of jobs/benchmark.py showed. Machines, prices
and the speed that makers state of hardware encoders are `instances` of the configuration.

Writes to RESULT_DIR/artifact/<instance> <target>_throughput.json, with the published keys alone, and
<target>_cost.json: each way's streams, every part's own limit, dollars an hour and stream, and the files that these
figures come from; with engorgio how many times the streams of the other methods that is (those whose figures are
there): as measured, by DNN alone, and with a hardware encoder.

As published, the estimate of selective leaves out what its server takes to rebuild the frames between anchors.
"""

import argparse
import sys
from dataclasses import asdict, dataclass
from math import floor
from pathlib import Path
from typing import Any

from rich.table import Table

from ns_ray.config.instance import Instance
from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError, ResultError
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.report import artifact_files as files
from ns_ray.report.cost import cost_of_stream, times
from ns_ray.report.system_runs import best_run
from ns_ray.report.throughput import (
    EPOCH_FRAMES,
    FRAME_RATE,
    Capacity,
    hardware_encoder,
    inference,
    limit,
    software_encoder,
)
from ns_ray.sr.spec import ModelSpec
from ns_ray.whole_file import read_record, write_record

TARGETS = {"per-frame": (16, EPOCH_FRAMES), "selective": (32, 8), "engorgio": (32, 3)}
"""Published channels of the DNN, and anchors of 40 frames."""
_ENCODER = "run jobs/benchmark_encoder.py first"
_INFER = "run jobs/benchmark_infer.py first"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to serve streams: how many, the limits of its parts, and in words what limits it.

    Attributes:
        streams: whole streams.
        exact: not rounded.
        limit: what limits it.
        parts: what each part could serve by itself.
        stated: whether a figure is its maker's, not measured here.
    """

    streams: int
    exact: float
    limit: str
    parts: tuple[Capacity, ...]
    stated: bool = False


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    parser.set_defaults(config="artifact")
    vocabulary.instance_option(parser)
    add("--target", choices=TARGETS, required=True, help="method")
    add("--num-blocks", type=values.count, default=8, metavar="N", help="residual blocks of the DNN")
    add("--num-channels", type=values.count, metavar="N", help="its channels; default: the target's")
    add("--num-anchors", type=values.count, metavar="N", help="anchors of 40 frames; default: the target's")
    vocabulary.resolution_option(parser, "-r", "--resolution")
    add("-s", "--scale", type=values.count, default=3, metavar="S", help="HR over LR")
    options = parser.parse_args(argv)
    channels, anchors = TARGETS[options.target]
    options.num_channels = channels if options.num_channels is None else options.num_channels
    options.num_anchors = anchors if options.num_anchors is None else options.num_anchors
    if options.num_anchors > EPOCH_FRAMES:
        parser.error(f"--num-anchors must be 1 to {EPOCH_FRAMES}")
    if options.target == "per-frame" and options.num_anchors != EPOCH_FRAMES:
        parser.error("--target per-frame enhances every frame: leave out --num-anchors")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: measure(options))


def measure(options: argparse.Namespace) -> None:
    """Put figures together, write, show.

    Raises:
        ConfigError: a setting is wrong, or no such machine is configured.
        ModelError: no such model.
        ResultError: a figure was not measured yet; says by which job.
    """
    config = load_config(options.config, options.set)
    options.instance = options.instance or config.instance
    instance = config.instances.get(options.instance)
    if instance is None:
        known = ", ".join(config.instances) or "none"
        raise ConfigError(
            f"--instance {options.instance}: {options.config} describes {known}; add it under `instances`"
        )
    spec = ModelSpec(options.num_blocks, options.num_channels, options.scale)
    model = files.model_folder(options.result_dir, options.instance, options.input_resolution, spec.name)
    hr = files.size_folder(options.result_dir, options.instance, options.input_resolution * options.scale)
    dnn = _dnn(model, instance, options)
    ways = (
        _system(options, instance, model, hr)
        if options.target == "engorgio"
        else _estimates(options, instance, model, hr)
    )
    stem = options.target.replace("-", "_")
    folder = files.artifact_folder(options.result_dir, options.instance)
    costs: dict[str, Any] = {
        name: _plain(way) | {"usd_an_hour_and_stream": cost_of_stream(instance.price_usd, way.streams)}
        for name, way in ways.items()
    }
    document: dict[str, Any] = {
        "instance": {"name": options.instance, **instance.model_dump()},
        "model": spec.name,
        "anchors": options.num_anchors,
        "ways": costs,
        "dnn_alone": asdict(dnn) if dnn else None,
        "figures": _sources(options, model, hr),
    }
    if options.target == "engorgio":
        document["times"] = _against(folder, document)
    write_record(folder / f"{stem}_throughput.json", {n: way.streams for n, way in ways.items() if not way.stated})
    write_record(folder / f"{stem}_cost.json", document)
    _show(options, document)
    entry.console().print(f"{folder}: {stem}_throughput.json and {stem}_cost.json written")


def _sources(options: argparse.Namespace, model: Path, hr: Path) -> list[str]:
    """The files that were read, from the result folder; runs are named with their limits."""
    ours = [hr.parent / f"{options.input_resolution}p" / files.DECODE, hr / files.ANCHOR_ENCODE]
    theirs = [hr / files.SOFTWARE_ENCODE, hr / files.HARDWARE_ENCODE]
    read = [model / files.INFER, *(ours if options.target == "engorgio" else theirs)]
    return [path.relative_to(options.result_dir).as_posix() for path in read if path.exists()]


def _dnn(model: Path, instance: Instance, options: argparse.Namespace) -> Capacity | None:
    """What the DNN could serve whose HR pictures never leave the GPU; None where that was not measured."""
    record = read_record(model / files.INFER) or {}
    alone = record.get("on device")
    return inference(alone["throughput"], instance.gpus, options.num_anchors, "DNN alone") if alone else None


def _estimates(options: argparse.Namespace, instance: Instance, model: Path, hr: Path) -> dict[str, Way]:
    """A method that encodes anew, by the published formulas: with each kind of encoder there is a figure for."""
    fps = files.figures(model / files.INFER, _INFER)["throughput"]
    infer = inference(fps, instance.gpus, options.num_anchors)
    software = files.figures(hr / files.SOFTWARE_ENCODE, _ENCODER)
    by_threads = {int(key): value["throughput"] for key, value in software.items() if key.isdigit()}
    name = "Per-frame" if options.target == "per-frame" else "Selective"
    ways = {f"{name} (Software codec)": _least(infer, software_encoder(by_threads, instance.vcpus, instance.gpus))}
    hardware = read_record(hr / files.HARDWARE_ENCODE)
    if hardware:
        ways[f"{name} (Hardware codec)"] = _least(infer, hardware_encoder(hardware["throughput"], instance.gpus))
    stated = instance.hardware_encoder
    if stated and instance.gpus:
        ways[f"{name} (Hardware codec, stated)"] = _least(
            infer, hardware_encoder(stated.fps, instance.gpus), stated=True
        )
    return ways


def _least(*parts: Capacity, stated: bool = False) -> Way:
    least = limit(parts)
    return Way(least.streams, min(part.exact for part in parts), least.part, parts, stated)


def _system(options: argparse.Namespace, instance: Instance, model: Path, hr: Path) -> dict[str, Way]:
    """Neuroscaler, as its best run showed; the limits of its parts as far as they were measured."""
    run = best_run(model, instance.gpus)
    if run is None:
        raise ResultError(
            f"{model}: no run with {instance.gpus} GPUs is there that was in real time, or not judged; run "
            f"jobs/benchmark.py -i {options.instance} -g {instance.gpus} first, with --find-max for the most streams"
        )
    parts = []
    if run.by_enhancers is not None:
        parts.append(Capacity("enhancers of the run", floor(run.by_enhancers), run.by_enhancers))
    if infer := read_record(model / files.INFER):
        parts.append(inference(infer["throughput"], instance.gpus, options.num_anchors))
    lr = files.size_folder(options.result_dir, options.instance, options.input_resolution)
    if decode := read_record(lr / files.DECODE):
        streams = decode["num_streams"] * instance.vcpus
        parts.append(Capacity("decoders on all CPUs", streams, streams))
    if encode := read_record(hr / files.ANCHOR_ENCODE):
        exact = encode["throughput"] * EPOCH_FRAMES / (options.num_anchors * FRAME_RATE)
        parts.append(Capacity(f"anchor encoder ({encode['workers']} threads)", floor(exact), exact))
    path = run.path.relative_to(options.result_dir).as_posix()
    words = f"{'paced' if run.paced else 'real time not judged'}, {path}. {run.limit}"
    return {"engorgio": Way(floor(run.streams), run.streams, words, tuple(parts))}


def _against(folder: Path, ours: dict[str, Any]) -> dict[str, Any]:
    """How many times the streams of other methods; as dollars are by the machine, as many times cheaper."""
    found: dict[str, Any] = {}
    way = ours["ways"]["engorgio"]
    for stem in ("per_frame", "selective"):
        theirs = read_record(folder / f"{stem}_cost.json")
        if theirs is None:
            continue
        dnns = ours["dnn_alone"], theirs["dnn_alone"]
        for name, other in theirs["ways"].items():
            found[name] = {
                "whole_streams": times(way["streams"], other["streams"]),
                "not_rounded": times(way["exact"], other["exact"]),
                "by_dnn_alone": times(dnns[0]["exact"], dnns[1]["exact"]) if all(dnns) else None,
                "their_limit": other["limit"],
                "our_limit": way["limit"],
            }
    return found


def _plain(way: Way) -> dict[str, Any]:
    return asdict(way) | {"parts": {part.part: {"streams": part.streams, "exact": part.exact} for part in way.parts}}


def _show(options: argparse.Namespace, document: dict[str, Any]) -> None:
    console = entry.console()
    table = Table(
        "way", "streams", "not rounded", "limit", "each part alone", "$ a stream and hour", title=options.instance
    )
    for name, way in document["ways"].items():
        parts = "\n".join(f"{part}: {one['exact']:.3g}" for part, one in way["parts"].items())
        usd = way["usd_an_hour_and_stream"]
        table.add_row(name, str(way["streams"]), f"{way['exact']:.3g}", way["limit"], parts, _or_dash(usd))
    console.print(table)
    if alone := document["dnn_alone"]:
        console.print(f"DNN alone, pictures left on the device: {alone['exact']:.3g} streams")
    price = document["instance"]["price_source"]
    if price:
        console.print(f"${document['instance']['price_usd']} an hour: {price}")
    if document.get("times"):
        table = Table("engorgio against", "times", "not rounded", "by DNN alone", "their limit")
        for name, one in document["times"].items():
            row = (_or_dash(one[key]) for key in ("whole_streams", "not_rounded", "by_dnn_alone"))
            table.add_row(name, *row, one["their_limit"])
        console.print(table)


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
