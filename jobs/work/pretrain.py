"""The training of generic weights on all pairs of videos."""

import argparse
import os
from pathlib import Path

import torch
from rich.console import Console

from ns_ray.config.training import Pretraining
from ns_ray.errors import ModelError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.progress import Progress
from ns_ray.jobs.cli.training_table import training_table, warn_without_tensorboard
from ns_ray.sr.dataset import load_pools
from ns_ray.sr.pairs import find_pairs
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.train import Cosine, Objective
from ns_ray.sr.training_run import Plan, TrainingRun
from ns_ray.sr.weights import load_weights


def pretrain(options: argparse.Namespace, settings: Pretraining) -> None:
    """Read the data, train, and show what came of it.

    Raises:
        ModelError: unknown models or of several scales, no data, or a checkpoint that does not fit.
    """
    console = entry.console()
    warn_without_tensorboard(console)
    run = prepare(options.model, options.data_dir, options.result_dir / "pretrain", settings, console)
    if run.step:
        console.print(f"going on from step {run.step}")
    with Progress(console, "share") as bar:
        task = bar.add_task("training", total=1000, completed=int(run.progress * 1000))
        for progress in run.run():
            bar.update(task, completed=int(progress * 1000))
    console.print(training_table([("all pairs", run.record())]))
    console.print(f"{run.directory} written", soft_wrap=True)


def prepare(models: list[str], data_dir: Path, directory: Path, settings: Pretraining, console: Console) -> TrainingRun:
    """The training of models on all pairs under a directory, from its last checkpoint on.

    Raises:
        ModelError: unknown models or of several scales, no data, or a checkpoint that does not fit.
    """
    specs = [ModelSpec.parse(model) for model in models]
    if len({spec.scale for spec in specs}) > 1:
        raise ModelError("models that train together must have the same scale: train them one by one")
    start = {spec.name: load_weights(spec) for spec in specs} if settings.start == "shipped" else None
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True  # shapes never change
    pairs = find_pairs(data_dir, specs[0].scale)
    threads = settings.threads or os.cpu_count() or 1
    with Progress(console) as bar:
        task = bar.add_task("reading", total=len(pairs))
        pools = load_pools(
            pairs,
            specs[0].scale,
            device,
            settings.every,
            threads,
            lambda pair: bar.advance(task),
            settings.memory_gb,
        )
    for pool in pools:
        console.print(f"{pool.name}: {len(pool.lr)} frames")
    return TrainingRun([spec.name for spec in specs], pools, plan_of(settings), directory, device, start)


def plan_of(settings: Pretraining) -> Plan:
    """The plan that settings ask for."""
    return Plan(
        Objective(Cosine(settings.rate), settings.luma, settings.average, settings.precision),
        steps=settings.steps,
        minutes=settings.minutes,
        batch=settings.batch,
        patch=settings.patch,
        held_out=settings.held_out,
        report=settings.report,
        save_seconds=settings.save_seconds,
        seed=settings.seed,
    )
