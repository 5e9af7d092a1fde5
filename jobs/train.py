"""Train models on contents, each from generic weights, as published: by default 20 epochs of 1000 steps.

    python jobs/train.py -c lol0                                        both published models, 720p -> 2160p
    python jobs/train.py -g 0 -c lol0 -l 720 -h 2160 -s 3 -b 8 -f 32 -m edsr       as published
    python jobs/train.py -c lol0 gta0                                   contents side by side
    python jobs/train.py -c lol0 -l 360 --set train.epochs=1            settings are those of `train` in --config

Of DATA_DIR/<content>/video it takes <LR>p_<rate>kbps_d<duration>_train.webm and its HR video. It writes the folders
RESULT_DIR/<content>/checkpoint/<LR video>/<model>/ with <model>.pt, the weights after each epoch, <model>_e1.pt and so
on, training.json, a checkpoint from which the same command goes on, and TensorBoard logs. Trainings spread over the
GPUs, or where there are none over the CPUs, of a Ray of its own or the one it is submitted to. Exit status: 0 done, 1
failed (said why), 2 wrong usage.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import ray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from actors.local_ray import join_ray
from actors.tasks import run_tasks
from jobs.cli import entry
from jobs.cli.model import edsr_options, epoch_option, model_name
from jobs.cli.training_table import training_table, warn_without_tensorboard
from ns_ray.config.load import load_config
from ns_ray.config.training import Training
from ns_ray.errors import ConfigError, ModelError, NsRayError
from ns_ray.sr.checkpoints import weights_in
from ns_ray.sr.content_training import ContentTraining, train_content, training_folder
from ns_ray.sr.dataset import content_pair
from ns_ray.sr.spec import SHIPPED, ModelSpec
from ns_ray.sr.train import Halving, Objective
from ns_ray.sr.training_run import Plan
from ns_ray.sr.weights import load_weights


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, conflicts="resolve")  # as published, -h is HR; help is --help
    add = parser.add_argument
    add(
        "-c",
        "--content",
        type=entry.name,
        nargs="+",
        default=["lol0"],
        metavar="NAME",
        help="contents to train on, each for itself",
    )
    add("-m", "--model", nargs="+", default=list(SHIPPED), metavar="NAME", help="models, or edsr with -b, -f and -s")
    edsr_options(parser)
    add("-l", "--lr", type=int, default=720, metavar="ROWS", help="rows of the LR video")
    add("-h", "--hr", type=int, metavar="ROWS", help="rows of the HR video: those of LR times the scale")
    add("-d", "--duration", type=int, default=60, metavar="S", help="seconds of the videos, as in their names")
    add("-g", "--gpus", nargs="+", metavar="INDEX", help="GPUs of this machine to train on; default: all")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: GPUs if Ray offers any")
    add("--weights", type=Path, metavar="DIR", help="folder of <model>.pt to start from; default: the ones that ship")
    epoch_option(parser)
    options = parser.parse_args(argv)
    if options.epoch is not None and options.weights is None:
        parser.error("--epoch is of the training that --weights names")
    options.model = list(dict.fromkeys(model_name(name, options) for name in options.model))
    options.content = list(dict.fromkeys(options.content))
    for name in options.model:
        try:
            scale = ModelSpec.parse(name).scale
        except ModelError as error:
            parser.error(f"--model: {error}")
        if options.hr not in (None, options.lr * scale):
            parser.error(f"--hr {options.hr}: {name} makes {options.lr * scale} rows of {options.lr}")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: train(options))


def train(options: argparse.Namespace) -> None:
    """Check what can be checked, start or join Ray, and train; one that fails does not keep the others.

    Raises:
        ConfigError: an option or setting is wrong.
        ModelError: videos or weights are missing, or a training failed.
    """
    config = load_config(options.config, options.set)
    settings = config.train
    found = [
        (content_pair(options.data_dir.resolve(), content, options.lr, options.duration, spec.scale), spec)
        for content in options.content
        for spec in map(ModelSpec.parse, options.model)
    ]
    files = {spec: _weights(options, spec) for _, spec in found}
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
                training_folder(options.result_dir.resolve(), pair, spec.name),
                plan_of(settings),
                settings.fps,
                settings.memory_gb,
                device,
                settings.cpus,
            )
            for pair, spec in found
        ]
        failed = _run(trainings, settings, console)
    finally:
        ray.shutdown()
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
    path = weights_in(options.weights.resolve(), spec, options.epoch) if options.weights else None
    load_weights(spec, path)
    return path


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
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    failed = {}
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
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


if __name__ == "__main__":
    sys.exit(main())
