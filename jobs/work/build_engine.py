"""A model's TensorRT plan, built out of its ONNX file or found good."""

import argparse
import re
from pathlib import Path

import torch
from rich.table import Table

from ns_ray.errors import ConfigError, ModelError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.model import Chosen
from ns_ray.jobs.cli.progress import waiting
from ns_ray.sr.export import holds, onnx_name, read_onnx
from ns_ray.sr.gpus import Gpu, find_gpu
from ns_ray.sr.onnx_model import Precision, digest
from ns_ray.sr.plan_builder import BuiltPlan, build_plan
from ns_ray.sr.plans import PlanKey, obtain_plan
from ns_ray.sr.tensorrt_package import find_tensorrt
from ns_ray.sr.weights import load_weights


def build(options: argparse.Namespace, chosen: Chosen) -> None:
    """Build the plan, or find that it is good.

    Raises:
        NsRayError: there is no ONNX file (of that epoch), GPU or TensorRT, or TensorRT does not build for that GPU.
    """
    gpu = _gpu(options)
    package = find_tensorrt(options.package)
    onnx_path = _onnx(chosen, options.precision)
    model = read_onnx(onnx_path)
    if options.epoch is not None and not holds(model, chosen.spec, load_weights(chosen.spec, chosen.weights)):
        found = f"{onnx_path} has other weights than {chosen.weights.name}"
        raise ModelError(f"{found}: write it with jobs/export_onnx.py -e {options.epoch}")
    capability = f"{gpu.capability[0]}.{gpu.capability[1]}"
    key = PlanKey(
        package.name,
        package.version,
        gpu.name,
        capability,
        chosen.spec.name,
        *chosen.size,
        options.precision,
        options.refit,
        digest(model),
    )
    console = entry.console()
    built: list[BuiltPlan] = []

    def made() -> bytes:
        with waiting(console, f"{package.name} {package.version} builds for {gpu.name}"):
            built.append(build_plan(package, model.SerializeToString(), chosen.size, gpu.capability, options.refit))
        return built[0].data

    plan = obtain_plan(key, chosen.folder, made)
    table = Table("", "")
    table.add_row("plan", str(plan.path))
    table.add_row("state", f"built, {plan.rebuilt}" if plan.rebuilt else "was there")
    table.add_row("from", onnx_path.name)
    table.add_row("for", f"{gpu.name}, compute capability {capability}, {'' if options.refit else 'not '}refittable")
    table.add_row("by", f"{package.name} {package.version}")
    table.add_row("size", f"{len(plan.data) / 1e6:.2f} MB")
    for port in (*built[0].inputs, *built[0].outputs) if built else ():
        table.add_row(port.name, f"{port.dtype} {port.shape}")
    console.print(table)


def _gpu(options: argparse.Namespace) -> Gpu:
    if options.capability is None:
        gpu = find_gpu(options.device)
        torch.cuda.set_device(gpu.index)
        return gpu
    match = re.fullmatch(r"(\d+)\.(\d)", options.capability)
    if match is None:
        raise ConfigError(f"--capability {options.capability}: write it as 7.5")
    return Gpu(0, options.gpu_name, (int(match[1]), int(match[2])))


def _onnx(chosen: Chosen, precision: Precision) -> Path:
    paths = [chosen.models / onnx_name(precision, size) for size in (chosen.size, None)]
    for path in paths:
        if path.exists():
            return path
    raise ModelError(f"{paths[0]} is missing: write it with jobs/export_onnx.py, with the same options")
