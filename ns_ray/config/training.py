"""Trainings of models, on a content and on everything there is."""

from typing import Literal

from pydantic import Field

from ns_ray.config.strict import Strict


class Training(Strict):
    """How a model is trained on a content; the published settings.

    Attributes:
        epochs, epoch_steps: how long; after each epoch the model is validated.
        minutes: end earlier, after training so long, if not 0.
        batch, patch: patches a step, and their LR side.
        rate, halve_epochs: Adam's learning rate, and after how many epochs each it is halved.
        luma, average: weight of the luma error; decay of the moving average of the weights. Published: none.
        fps: frames taken a second of video.
        held_out: last frames that are validated on and never trained on.
        precision: arithmetic; `auto` is bfloat16 or float16 on a GPU, float32 on a CPU.
        memory_gb: what frames may take (10^9 bytes): 27.6 MB each at 720p -> 2160p; published 10 minutes take 8.3.
        save_seconds: time between checkpoints.
        seed: of the patches.
        cpus: CPUs that each training reserves with Ray, and its threads.
        gpus: GPUs that each reserves where there are any; 0.5 lets two share one.
        resources: custom Ray resources that each reserves, which bind it to nodes that offer them.
        retries: how often a training goes on whose process died.
        task_seconds: how long one may make no progress, reading its videos included, before its process counts as
            hung and is killed.
    """

    epochs: int = Field(20, ge=1)
    epoch_steps: int = Field(1000, ge=1)
    minutes: float = Field(0, ge=0)
    batch: int = Field(64, ge=1)
    patch: int = Field(64, ge=1)
    rate: float = Field(1e-4, gt=0)
    halve_epochs: int = Field(100, ge=1)
    luma: float = Field(0, ge=0)
    average: float = Field(0, ge=0, lt=1)
    fps: float = Field(0.5, gt=0)
    held_out: int = Field(2, ge=0)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    memory_gb: float = Field(12, gt=0)
    save_seconds: float = Field(60, ge=0)
    seed: int = Field(0, ge=0)
    cpus: int = Field(1, ge=1)
    gpus: float = Field(1, gt=0)
    resources: dict[str, float] = Field({})
    retries: int = Field(3, ge=0)
    task_seconds: float = Field(3600, gt=0)


class Pretraining(Strict):
    """How generic weights are trained, on all pairs of videos there are.

    Attributes:
        start: `interpolation`: random weights that interpolate; `shipped`: go on from the ones that ship.
        steps: how many, over which the learning rate falls.
        minutes: end earlier, after training so long, if not 0; the rate has fallen by then.
        batch, patch: patches a step, and their LR side.
        rate: highest learning rate of Adam.
        luma, average: weight of the luma error beside the RGB one; decay of the moving average of the weights.
        every: frames taken of a pair are at least so many LR frames apart.
        held_out: last frames of each collection and size that are validated on and never trained on.
        report: steps between validations.
        precision: arithmetic; `auto` is bfloat16 or float16 on a GPU, float32 on a CPU.
        memory_gb: what frames may take (10^9 bytes).
        save_seconds: time between checkpoints.
        device: cpu, cuda or cuda:<index>; empty for a GPU if there is one.
        threads: videos decoded at a time; 0 for one a core.
        seed: of weights and patches.
    """

    start: Literal["interpolation", "shipped"] = "interpolation"
    steps: int = Field(60_000, ge=1)
    minutes: float = Field(0, ge=0)
    batch: int = Field(64, ge=1)
    patch: int = Field(64, ge=1)
    rate: float = Field(4e-4, gt=0)
    luma: float = Field(1.0, ge=0)
    average: float = Field(0.999, ge=0, lt=1)
    every: int = Field(2, ge=1)
    held_out: int = Field(6, ge=0)
    report: int = Field(5000, ge=1)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    memory_gb: float = Field(24, gt=0)
    save_seconds: float = Field(60, ge=0)
    device: str = Field("", pattern=r"^(cpu|cuda(:\d+)?)?$")
    threads: int = Field(0, ge=0)
    seed: int = Field(0, ge=0)
