"""Trains super-resolution models on pairs of videos, all of them together, for both sizes at once.

    python jobs/pretrain.py -m EDSR_B8_F16_S3 -m EDSR_B8_F32_S3 [--data-dir dataset] [--result-dir result]
                            [--set key=value ...]

Takes every pair `<LR>p_<rate>kbps_<name>_train.webm`, `<HR>p_<name>_train.webm` under the data directory; make more
out of still images with jobs/prepare_stills.py. Writes RESULT_DIR/pretrain/<model>.pt, the checkpoint
pretrain.ckpt, from which the same command goes on, and pretrain.json, with the PSNR of frames held out.
Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from jobs import face
from ns_ray.errors import ModelError, NsRayError
from ns_ray.sr.dataset import PatchSampler, Pool, find_pairs, load_pools
from ns_ray.sr.models import SHIPPED, ModelSpec
from ns_ray.sr.train import Objective, Trainer, validate
from ns_ray.sr.weights import save_weights


@dataclass
class Settings:
    """What --set changes.

    Attributes:
        steps: steps to train, over which the learning rate falls.
        minutes: if not 0, train this long instead, however many steps that makes.
        batch: patches a step.
        patch: LR side of a patch.
        rate: highest learning rate of Adam.
        luma: weight of the luma L1 error beside the RGB one.
        average: decay of the moving average of the weights.
        every: frames taken of a pair are at least so many LR frames apart.
        held_out: frames of each collection and size that are not trained on but validated.
        report: steps between validations and checkpoints.
        device: cpu, cuda or cuda:<index>; empty for a GPU if there is one.
        threads: videos decoded at a time.
        seed: of weights and patches.
    """

    steps: int = 60_000
    minutes: float = 0.0
    batch: int = 64
    patch: int = 64
    rate: float = 4e-4
    luma: float = 1.0
    average: float = 0.999
    every: int = 2
    held_out: int = 6
    report: int = 5000
    device: str = ""
    threads: int = os.cpu_count() or 1
    seed: int = 0


class Run:
    """One training run: its models, its data, and how far it is."""

    def __init__(self, models: list[str], pools: list[Pool], settings: Settings, device: str, directory: Path) -> None:
        self.settings, self.directory = settings, directory
        specs = [ModelSpec.parse(model) for model in models]
        self.scale = specs[0].scale
        objective = Objective(rate=settings.rate, luma=settings.luma, average=settings.average)
        self.trainers = [Trainer(spec, objective, device, settings.seed) for spec in specs]
        parts = [pool.split(settings.held_out) for pool in pools]
        self.validation = [held for _, held in parts if len(held.lr)]
        training = [pool for pool, _ in parts]
        self.sampler = PatchSampler(training, self.scale, settings.patch, settings.batch, settings.seed)
        self.step, self.seconds = 0, 0.0
        self.log: list[dict[str, Any]] = []
        self.bicubic = {pool.name: validate(None, pool, self.scale) for pool in self.validation}

    @property
    def progress(self) -> float:
        """The share of the training that is done, 0..1."""
        wanted = self.settings.minutes * 60
        return min(1.0, self.seconds / wanted if wanted else self.step / self.settings.steps)

    def train(self, console: Console) -> None:
        """Trains to the end, with checkpoints."""
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("training", total=1000, completed=int(self.progress * 1000), loss="")
            losses = [torch.zeros(()) for _ in self.trainers]
            while self.progress < 1:
                start = time.monotonic()
                for _ in range(min(self.settings.report, 50)):
                    batch, progress = self.sampler.draw(), self.progress
                    losses = [trainer.step(batch, progress) for trainer in self.trainers]
                    self.step += 1
                    if self.progress >= 1 or self.step % self.settings.report == 0:
                        break
                values = [float(loss) for loss in losses]  # waits for the device
                self.seconds += time.monotonic() - start
                bar.update(
                    task,
                    completed=int(self.progress * 1000),
                    loss=" ".join(f"{value:.5f}" for value in values),
                )
                if self.step % self.settings.report == 0 or self.progress >= 1:
                    self.report(values, console)

    def report(self, losses: list[float], console: Console) -> None:
        """Validates, logs, and writes weights and checkpoint."""
        entry: dict[str, Any] = {"step": self.step, "seconds": round(self.seconds, 1), "models": {}}
        for trainer, loss in zip(self.trainers, losses, strict=True):
            network = trainer.averaged()
            psnr = {pool.name: validate(network, pool, self.scale) for pool in self.validation}
            entry["models"][trainer.name] = {"loss": loss, "psnr": psnr}
            gains = ", ".join(f"{name} {value - self.bicubic[name]:+.3f}" for name, value in psnr.items())
            console.print(
                f"step {self.step}, {self.seconds:.0f} s: {trainer.name} {loss:.5f}; dB over bicubic: {gains}"
            )
        self.log.append(entry)
        for trainer in self.trainers:
            save_weights(trainer.weights(), self.directory / f"{trainer.name}.pt")
        part = self.directory / "pretrain.part"
        torch.save(self.state(), part)
        part.replace(self.directory / "pretrain.ckpt")
        record = {"settings": asdict(self.settings), "bicubic": self.bicubic, "log": self.log}
        (self.directory / "pretrain.json").write_text(json.dumps(record, indent=1) + "\n")

    def state(self) -> dict[str, Any]:
        """All that `resume` needs."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "log": self.log,
            "sampler": self.sampler.state(),
            "trainers": {trainer.name: trainer.state() for trainer in self.trainers},
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint's state.

        Raises:
            ModelError: it is of other models.
        """
        if state["trainers"].keys() != {trainer.name for trainer in self.trainers}:
            raise ModelError(
                f"the checkpoint in {self.directory} is of other models: remove it or choose another result"
            )
        self.step, self.seconds, self.log = state["step"], state["seconds"], state["log"]
        self.sampler.resume(state["sampler"])
        for trainer in self.trainers:
            trainer.resume(state["trainers"][trainer.name])


def train(models: list[str], data_dir: Path, directory: Path, settings: Settings, console: Console) -> Run:
    """Reads the data, trains the models and leaves their files in `directory`.

    Raises:
        NsRayError: unknown models or of several scales, no data, or a checkpoint that does not fit.
    """
    scales = {ModelSpec.parse(model).scale for model in models}
    if len(scales) > 1:
        raise ModelError("models that train together must have the same scale")
    scale = scales.pop()
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    directory.mkdir(parents=True, exist_ok=True)
    pairs = find_pairs(data_dir, scale)
    with Progress(console=console) as bar:
        task = bar.add_task("reading", total=len(pairs))
        pools = load_pools(pairs, scale, device, settings.every, settings.threads, lambda pair: bar.advance(task))
    for pool in pools:
        console.print(f"{pool.name}: {len(pool.lr)} frames")
    run = Run(models, pools, settings, device, directory)
    checkpoint = directory / "pretrain.ckpt"
    if checkpoint.exists():
        run.resume(torch.load(checkpoint, map_location=device, weights_only=True))
        console.print(f"going on from step {run.step}")
    run.train(console)
    return run


def main(arguments: list[str] | None = None) -> int:
    """Runs the job; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", action="append", help=f"may be repeated (default: {' and '.join(SHIPPED)})")
    parser.add_argument("--data-dir", type=Path, default=Path("dataset"), help="where pairs are (default: %(default)s)")
    parser.add_argument("--result-dir", type=Path, default=Path("result"), help="default: %(default)s")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=f"one of {Settings()}")
    options = parser.parse_args(arguments)
    try:
        settings = face.overridden(Settings(), options.set)
    except ValueError as error:
        parser.error(str(error))
    console = Console(stderr=True)
    try:
        run = train(
            options.model or list(SHIPPED),
            options.data_dir,
            options.result_dir / "pretrain",
            settings,
            console,
        )
    except NsRayError as error:
        console.print(f"[red]failed:[/] {error}")
        return 1
    table = Table("luma PSNR, dB", "bicubic", *(trainer.name for trainer in run.trainers))
    final = run.log[-1]["models"] if run.log else {}
    for name, bicubic in run.bicubic.items():
        table.add_row(name, f"{bicubic:.2f}", *(f"{model['psnr'][name]:.2f}" for model in final.values()))
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
