"""A training from its start, or its last checkpoint, to its end: steps, validation, checkpoints, logs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ns_ray.errors import FolderBusyError, ModelError
from ns_ray.folder_lock import FolderLock
from ns_ray.sr.checkpoint import load_checkpoint, save_checkpoint
from ns_ray.sr.checkpoints import epoch_name
from ns_ray.sr.dataset import Pool
from ns_ray.sr.gpu_load import GpuLoad
from ns_ray.sr.patches import PatchSampler
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.train import Cosine, Objective, Trainer, validate
from ns_ray.sr.training_log import TrainingLog
from ns_ray.sr.weights import Weights, save_weights
from ns_ray.whole_file import write_record


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training does.

    Attributes:
        objective: how a step is taken.
        steps: how many.
        minutes: end earlier, after training so long, if not 0; a rate that falls to 0 has done so by then.
        batch: patches a step.
        patch: LR side of a patch.
        held_out: last frames of each pool that are validated on and never trained on.
        report: steps between validations.
        epochs: whether these are epochs, of each of which the weights are left, too.
        save_seconds: time between checkpoints; there is one at each validation, too.
        seed: of weights and patches.
    """

    objective: Objective
    steps: int
    minutes: float = 0.0
    batch: int = 64
    patch: int = 64
    held_out: int = 2
    report: int = 1000
    epochs: bool = False
    save_seconds: float = 60.0
    seed: int = 0

    def identity(self) -> dict[str, Any]:
        """What must not change between a checkpoint and going on. Where rates fall by steps alone, the end may."""
        decides = ["batch", "patch", "held_out", "report", "seed"]
        if isinstance(self.objective.schedule, Cosine):
            decides += ["steps", "minutes"]
        return {"objective": asdict(self.objective)} | {name: getattr(self, name) for name in decides}


class TrainingRun:
    """Trains models of one scale on the same patches, in `directory`.

    It leaves `<model>.pt`, the checkpoint `training.ckpt`, `training.json` and TensorBoard logs in `tensorboard/`, and
    where the plan has epochs `<model>_e<epoch>.pt`. A run that was killed goes on where its checkpoint is; on a CPU,
    with as many threads, it ends in the same bits.
    """

    def __init__(
        self,
        models: list[str],
        pools: list[Pool],
        plan: Plan,
        directory: Path,
        device: str = "cpu",
        start: Mapping[str, Weights] | None = None,
    ) -> None:
        """Makes the models, and reads the checkpoint if there is one.

        Args:
            models: their names.
            pools: frames, on `device`.
            plan: what to do.
            directory: where files go; it is made.
            device: cpu, cuda or cuda:<index>.
            start: weights to start from, by model; without them, random ones.

        Raises:
            ModelError: unknown models or of several scales, frames smaller than patches, or a checkpoint that is
                damaged or of another training.
            FolderBusyError: another process trains in `directory`.
        """
        specs = [ModelSpec.parse(model) for model in models]
        if len({spec.scale for spec in specs}) > 1:
            raise ModelError("models that train together must have the same scale: train them one by one")
        self._lock = FolderLock(directory)
        _clear(directory)
        self.plan, self.directory, self.device, self.scale = plan, directory, device, specs[0].scale
        parts = [pool.split(plan.held_out) for pool in pools]
        training = [pool for pool, _ in parts]
        self.validation = [held for _, held in parts if len(held.lr)]
        self.sampler = PatchSampler(training, self.scale, plan.patch, plan.batch, plan.seed)
        weights = start or {}
        self.trainers = [Trainer(spec, plan.objective, device, plan.seed, weights.get(spec.name)) for spec in specs]
        self.step, self.seconds = 0, 0.0
        self.losses = torch.zeros(len(specs), dtype=torch.float64, device=device)
        self.baseline: dict[str, dict[str, float]] = {}
        self.log: list[dict[str, Any]] = []
        self._load = GpuLoad(device)
        self._identity = plan.identity() | {
            "models": sorted(models),
            "frames": {pool.name: list(pool.lr.shape) for pool in training},
        }
        state = load_checkpoint(self._checkpoint, self._identity, device)
        if state is None:
            self.baseline = {"bicubic": self._psnr(None)}
            self.baseline |= {trainer.name: self._psnr(trainer) for trainer in self.trainers if trainer.name in weights}
        else:
            self._resume(state)

    @property
    def _checkpoint(self) -> Path:
        return self.directory / "training.ckpt"

    @property
    def progress(self) -> float:
        """The share of the training that is done, 0..1."""
        limit = self.plan.minutes * 60
        return min(1.0, max(self.step / self.plan.steps, self.seconds / limit if limit else 0.0))

    def run(self) -> Iterator[float]:
        """Trains to the end, once; gives the progress every so often."""
        try:
            yield from self._run()
        finally:
            self._lock.release()

    def _run(self) -> Iterator[float]:
        log = TrainingLog(self.directory / "tensorboard", self.step)
        saved = time.monotonic()
        while self.progress < 1:
            self._train()
            if self.step % self.plan.report == 0 or self.progress >= 1:
                self._report(log)
                self._leave_epoch()
            elif time.monotonic() - saved < self.plan.save_seconds:
                yield self.progress
                continue
            save_checkpoint(self._checkpoint, self._identity, self._state())
            saved = time.monotonic()
            yield self.progress
        log.close()
        self._finish()

    def _train(self) -> None:
        """Some steps: on a GPU as many as keep it busy while the host waits for the last of them."""
        begun = time.monotonic()
        count = 50 if self.device.startswith("cuda") else 1
        until = min(self.step + count, (self.step // self.plan.report + 1) * self.plan.report, self.plan.steps)
        while self.step < until:
            batch, progress = self.sampler.draw(self.step), self.progress
            for index, trainer in enumerate(self.trainers):
                self.losses[index] += trainer.step(batch, progress)
            self.step += 1
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)
        self.seconds += time.monotonic() - begun
        self._load.sample()

    def _report(self, log: TrainingLog) -> None:
        """Validates and logs; losses are means since the last report."""
        since = self.log[-1]["step"] if self.log else 0
        entry: dict[str, Any] = {"step": self.step, "seconds": round(self.seconds, 1), "models": {}}
        for trainer, loss in zip(self.trainers, (self.losses / max(1, self.step - since)).tolist(), strict=True):
            psnr = self._psnr(trainer)
            entry["models"][trainer.name] = {"loss": loss, "psnr": psnr}
            scalars = {f"{trainer.name}/loss": loss}
            for pool, value in psnr.items():
                scalars[f"{trainer.name}/PSNR {pool}"] = value
                scalars[f"{trainer.name}/over bicubic {pool}"] = value - self.baseline["bicubic"][pool]
            log.write(self.step, scalars)
        rate = self.plan.objective.schedule.at(self.step, self.progress)
        log.write(self.step, {"learning rate": rate, "patches a second": self.throughput})
        self.log.append(entry)
        self.losses.zero_()

    def _leave_epoch(self) -> None:
        epoch, over = divmod(self.step, self.plan.report)
        if self.plan.epochs and not over:
            for trainer in self.trainers:
                save_weights(trainer.weights(), self.directory / epoch_name(trainer.name, epoch))

    def _finish(self) -> None:
        for trainer in self.trainers:
            save_weights(trainer.weights(), self.directory / f"{trainer.name}.pt")
        write_record(self.directory / "training.json", self.record())

    @property
    def throughput(self) -> float:
        """Patches a second of training, validation and checkpoints left out; each model counts."""
        return self.step * self.plan.batch * len(self.trainers) / self.seconds if self.seconds else 0.0

    def record(self) -> dict[str, Any]:
        """What there is to know of the run; PSNR is of luma, in dB, on frames held out."""
        return {
            "plan": asdict(self.plan),
            "device": self.device,
            "steps": self.step,
            "seconds": round(self.seconds, 1),
            "patches_per_second": round(self.throughput, 1),
            "gpu": self._load.record(self.device),
            "baseline": self.baseline,
            "final": self.log[-1]["models"] if self.log else {},
            "log": self.log,
        }

    def _psnr(self, trainer: Trainer | None) -> dict[str, float]:
        network = trainer.averaged() if trainer else None
        return {pool.name: validate(network, pool, self.scale) for pool in self.validation}

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "baseline": self.baseline,
            "log": self.log,
            "load": [self._load.total, self._load.count],
            "trainers": {trainer.name: trainer.state() for trainer in self.trainers},
        }

    def _resume(self, state: dict[str, Any]) -> None:
        self.step, self.seconds, self.log = state["step"], state["seconds"], state["log"]
        self.baseline = state["baseline"]
        self.losses.copy_(state["losses"])
        self._load.total, self._load.count = state["load"]
        for trainer in self.trainers:
            trainer.resume(state["trainers"][trainer.name])


def tidy(directory: Path) -> None:
    """Remove what a training that was killed was writing; nothing where another trains by now."""
    if not directory.exists():
        return
    with suppress(FolderBusyError):
        lock = FolderLock(directory)
        try:
            _clear(directory)
        finally:
            lock.release()


def _clear(directory: Path) -> None:
    for left in directory.glob("*.part"):
        left.unlink()
