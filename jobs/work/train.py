"""Trainings on contents as Ray tasks, and what came of them."""

import argparse
import json
import os
from itertools import product
from pathlib import Path

import ray
from rich.console import Console

from ns_ray.actors.local_ray import join_ray
from ns_ray.actors.tasks import run_tasks
from ns_ray.config.config import Config
from ns_ray.config.training import Training
from ns_ray.errors import ConfigError, ModelError, NsRayError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.checks import weights_file
from ns_ray.jobs.cli.progress import Progress
from ns_ray.jobs.cli.training_table import training_table, warn_without_tensorboard
from ns_ray.sr.content_training import ContentTraining, train_content, training_folder
from ns_ray.sr.pairs import content_pair
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.train import Halving, Objective
from ns_ray.sr.training_run import Plan, tidy
from ns_ray.sr.weights import load_weights


def train(options: argparse.Namespace, config: Config) -> None:
    """Check what can be checked, start or join Ray, and train; one that fails does not keep the others.

    Raises:
        ConfigError: an option is wrong.
        ModelError: videos or weights are missing, or a training failed.
    """
    settings, data_dir = config.train, options.data_dir.resolve()
    found = [
        (content_pair(data_dir, content, options.input_resolution, options.duration, spec.scale), spec)
        for content in options.content
        for spec in map(ModelSpec.parse, options.model)
    ]
    files = {spec: _weights(options, spec) for _, spec in found}
    folders = [training_folder(options.result_dir.resolve(), pair, spec.name) for pair, spec in found]
    _require_other_weights([path for path in files.values() if path], folders)
    console = entry.console()
    warn_without_tensorboard(console)
    _start_ray(options.gpus, settings.cpus, config.object_store_mb)
    try:
        device = _device(options.device)
        trainings = [
            ContentTraining(
                pair,
                spec.name,
                files[spec],
                folder,
                plan_of(settings),
                settings.fps,
                settings.memory_gb,
                device,
                settings.cpus,
            )
            for (pair, spec), folder in zip(found, folders, strict=True)
        ]
        failed = _run(trainings, settings, console)
    finally:
        ray.shutdown()
        for folder in folders:  # its process may have been killed with the job
            tidy(folder)
    done = [training for training in trainings if training not in failed]
    if done:
        records = [json.loads((training.folder / "training.json").read_text()) for training in done]
        contents = [training.pair.collection for training in done]
        console.print(training_table(zip(contents, records, strict=True)))
    for training in done:
        console.print(f"{training.folder} written", soft_wrap=True)
    if failed:
        raise ModelError("; ".join(f"{bad.pair.collection} {bad.model}: {error}" for bad, error in failed.items()))


def plan_of(settings: Training) -> Plan:
    """The plan that settings ask for."""
    schedule = Halving(settings.rate, settings.halve_epochs * settings.epoch_steps)
    return Plan(
        Objective(schedule, settings.luma, settings.average, settings.precision),
        steps=settings.epochs * settings.epoch_steps,
        minutes=settings.minutes,
        batch=settings.batch,
        patch=settings.patch,
        held_out=settings.held_out,
        report=settings.epoch_steps,
        epochs=True,
        save_seconds=settings.save_seconds,
        seed=settings.seed,
    )


def _weights(options: argparse.Namespace, spec: ModelSpec) -> Path | None:
    """The file to start from, None for the shipped one; raises ModelError if it cannot be read."""
    path = weights_file(spec, options.weights.resolve(), options.epoch) if options.weights else None
    load_weights(spec, path)
    return path


def _require_other_weights(files: list[Path], folders: list[Path]) -> None:
    """Refuse to start from weights that a training writes over; raises ConfigError."""
    for path, written in product(files, (one for folder in folders for one in folder.glob("*.pt"))):
        if path.samefile(written):
            raise ConfigError(
                f"--weights: {path} would be written over by the training that starts from it; leave the option out to "
                "go on with that training, or copy the file elsewhere"
            )


def _start_ray(gpus: list[str] | None, cpus: int, object_store_mb: int) -> None:
    """Starts or joins Ray; raises ConfigError where GPUs are named that are not this job's to choose."""
    if gpus is not None:
        if "RAY_ADDRESS" in os.environ:
            raise ConfigError("--gpus: this job joins a Ray that runs already; name the GPUs where that is started")
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    # As many CPUs as cores: more trainings at once would only take turns.
    join_ray(cpus - 1, object_store_mb)


def _device(wanted: str) -> str:
    """cuda or cpu; raises ConfigError where Ray offers no GPU but one is wanted."""
    gpus = ray.cluster_resources().get("GPU", 0)  # type: ignore[no-untyped-call]
    if wanted == "cuda" and not gpus:
        raise ConfigError("--device cuda: Ray offers no GPU here; take auto or cpu")
    return "cuda" if gpus and wanted != "cpu" else "cpu"


def _run(trainings: list[ContentTraining], settings: Training, console: Console) -> dict[ContentTraining, NsRayError]:
    """Trains all, as many at a time as Ray has room for; gives those that failed."""
    failed = {}
    with Progress(console, "share") as progress:
        bars = {
            training: progress.add_task(f"{training.pair.collection} {training.model}", total=1000)
            for training in trainings
        }
        for training, error in run_tasks(
            train_content,
            trainings,
            at_once=len(trainings),
            cpus=settings.cpus,
            gpus=settings.gpus if trainings[0].device == "cuda" else 0,
            resources=settings.resources,
            retries=settings.retries,
            task_seconds=settings.task_seconds,
            on_progress=lambda training, thousandths: progress.update(bars[training], completed=thousandths),
        ):
            if error is not None:
                failed[training] = error
    return failed
