"""Training: one model, its optimiser and the moving average of its weights, a step at a time."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from ns_ray.errors import ModelError
from ns_ray.metrics.psnr import psnr_of_mse
from ns_ray.sr.dataset import Pool
from ns_ray.sr.models import Edsr, build
from ns_ray.sr.patches import Batch
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights

_LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
_LUMA_LEVELS = 219  # limited range: luma 16..235


Precision = Literal["auto", "float32", "bfloat16", "float16"]
"""Arithmetic of a step (weights stay float32). `auto`: on a GPU bfloat16, or else float16; on a CPU float32."""


@dataclass(frozen=True, slots=True)
class Cosine:
    """A learning rate that rises from 0 during the share `warm_up` of the training, then falls to 0 along a cosine."""

    rate: float = 4e-4
    warm_up: float = 0.01

    def at(self, step: int, progress: float) -> float:
        """The rate of a step, when `progress` (0..1) of the training is done."""
        if progress < self.warm_up:
            return self.rate * progress / self.warm_up
        along = (progress - self.warm_up) / (1 - self.warm_up)
        return self.rate * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))


@dataclass(frozen=True, slots=True)
class Halving:
    """A learning rate that is halved after each `every` steps, as published."""

    rate: float = 1e-4
    every: int = 100_000

    def at(self, step: int, progress: float) -> float:
        """The rate of a step, counted from 0."""
        return float(self.rate * 0.5 ** (step // self.every))


@dataclass(frozen=True, slots=True)
class Objective:
    """How a step is taken; the published way, if no more is said than the schedule.

    Attributes:
        schedule: Adam's learning rate.
        luma: weight of the luma error beside the RGB error; both are L1.
        average: decay of the moving average of the weights, which is what is kept; 0 keeps the weights themselves.
        precision: arithmetic.
    """

    schedule: Cosine | Halving
    luma: float = 0.0
    average: float = 0.0
    precision: Precision = "auto"


class Trainer:
    """Trains one model on one device; on a GPU a step is recorded as a CUDA graph, on a CPU it repeats bit by bit."""

    def __init__(
        self,
        model: ModelSpec | str,
        objective: Objective,
        device: str = "cpu",
        seed: int = 0,
        weights: Weights | None = None,
    ) -> None:
        """Makes the model.

        Args:
            model: its name.
            objective: how steps are taken.
            device: cpu, cuda or cuda:<index>.
            seed: of random weights.
            weights: what to start from; without any, from random ones that interpolate.

        Raises:
            ModelError: no such model, or no such arithmetic on the device.
        """
        self._objective, self._device = objective, device
        self._cuda = device.startswith("cuda")
        self._dtype = arithmetic(objective.precision, device)
        self.network = build(model, seed)
        if weights is None:
            start_as_interpolation(self.network)
        else:
            self.network.load_state_dict(weights)
        _place(self.network, device)
        self._name: str = self.network.spec.name
        self._parameters: list[Tensor] = list(self.network.parameters())
        self._average = [parameter.detach().clone() for parameter in self._parameters]
        self._rate = torch.tensor(0.0, device=device)
        self._share = torch.tensor(1.0, device=device)
        self._steps = 0
        self._optimiser = torch.optim.Adam(
            self._parameters, lr=self._rate if self._cuda else 0.0, capturable=self._cuda, fused=True
        )
        # Gradients of float16 would vanish unscaled.
        self._scaler = torch.amp.GradScaler(torch.device(device).type, enabled=self._dtype == torch.float16)
        self._luma = torch.tensor(_LUMA, device=device).view(1, 3, 1, 1)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._static: tuple[Batch, Tensor] | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._name

    def step(self, batch: Batch, progress: float) -> Tensor:
        """One step; returns the loss as it was before it, on the device, valid until the next step."""
        rate = self._objective.schedule.at(self._steps, progress)
        # At first the mean of all steps so far: an average that remembers the random start would be worth nothing.
        self._steps += 1
        self._share.fill_(max(1 - self._objective.average, 1 / self._steps))
        if not self._cuda:
            self._optimiser.param_groups[0]["lr"] = rate
            return self._step(batch)
        self._rate.fill_(rate)
        if self._graph is None:
            return self._record(batch)
        assert self._static
        for target, source in zip(self._static[0], batch, strict=True):
            target.copy_(source)
        self._graph.replay()
        return self._static[1]

    def _step(self, batch: Batch) -> Tensor:
        mixed = self._dtype != torch.float32
        with torch.autocast(torch.device(self._device).type, self._dtype, enabled=mixed, cache_enabled=False):
            out = self.network(batch.lr)
        error = out.float() - batch.hr
        loss = error.abs().mean()
        if self._objective.luma:
            loss = loss + self._objective.luma * (error * self._luma).sum(1).abs().mean()
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.step(self._optimiser)
        self._scaler.update()
        with torch.no_grad():
            for average, parameter in zip(self._average, self._parameters, strict=True):
                average.lerp_(parameter, self._share)
        detached: Tensor = loss.detach()
        return detached

    def _record(self, batch: Batch) -> Tensor:
        """Takes the first steps as they are, then records one to replay: launching kernels is most of a step else."""
        static = Batch(*(side.clone(memory_format=torch.preserve_format) for side in batch))
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                loss = self._step(static)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            recorded = self._step(static)
        self._graph, self._static = graph, (static, recorded)
        return loss

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights, as a state dict of the model."""
        return dict(zip(dict(self.network.named_parameters()), self._average, strict=True))

    def state(self) -> dict[str, Any]:
        """All that `resume` needs."""
        return {
            "network": self.network.state_dict(),
            "average": self._average,
            "steps": self._steps,
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Goes on from a state of the same model; before the first step only."""
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self._cuda:
            self._optimiser.param_groups[0]["lr"] = self._rate
        self._scaler.load_state_dict(state["scaler"])
        self._steps = state["steps"]
        for target, source in zip(self._average, state["average"], strict=True):
            target.copy_(source)

    def averaged(self) -> Edsr:
        """A network of its own with the averaged weights, float32."""
        network = Edsr(self.network.spec)
        _place(network, self._device)
        network.load_state_dict(self.weights())
        return network


def arithmetic(precision: Precision, device: str) -> torch.dtype:
    """What `precision` means on a device.

    Raises:
        ModelError: float16 on a CPU, where it is slow and has no use.
    """
    if precision != "auto":
        if precision == "float16" and not device.startswith("cuda"):
            raise ModelError(f"float16 is trained with on a GPU alone, not on {device}: set bfloat16, float32 or auto")
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
    if not device.startswith("cuda"):
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _place(network: Edsr, device: str) -> None:
    network.to(device=device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@torch.no_grad()
def start_as_interpolation(network: Edsr) -> None:
    """Sets random weights so that the network starts as quadratic interpolation of each colour.

    The first three channels carry the picture from the head's skip connection to the tail; all others start faint.
    Learning to copy the picture first is most of a short training else.
    """
    weights = dict(network.named_parameters())
    seconds = [f"blocks.{block}.second" for block in range(network.spec.blocks)]
    for layer in ("fuse", "tail", *seconds):
        weights[f"{layer}.weight"].mul_(0.1)
        weights[f"{layer}.bias"].zero_()
    weights["head.weight"][:3] = 0
    weights["head.bias"][:3] = 0
    weights["tail.weight"][:, :3] = 0
    for color in range(3):
        weights["head.weight"][color, color, 1, 1] = 1
        weights["tail.weight"][color, color, 1, 1] = 1
    for index, factor in enumerate(network.spec.upsampling):
        along = torch.stack([_quadratic((step + 0.5) / factor - 0.5) for step in range(factor)])
        kernels = torch.einsum("ai,bj->abij", along, along).reshape(-1, 3, 3)
        for color in range(3):
            channels = slice(color * factor**2, (color + 1) * factor**2)
            weights[f"upsample.{index}.weight"][channels] = 0
            weights[f"upsample.{index}.weight"][channels, color] = kernels
            weights[f"upsample.{index}.bias"][channels] = 0


def _quadratic(offset: float) -> Tensor:
    """Weights of the samples at -1, 0 and 1 for the parabola through them at `offset`."""
    return torch.tensor([offset * (offset - 1) / 2, 1 - offset**2, offset * (offset + 1) / 2])


@torch.inference_mode()
def validate(network: Edsr | None, pool: Pool, scale: int) -> float:
    """Mean luma PSNR in dB over a pool's frames; of bicubic upscaling where there is no network."""
    total = 0.0
    for low, high in zip(pool.lr, pool.hr, strict=True):
        source = low.permute(2, 0, 1)[None].to(torch.float32) / 255
        picture = network(source) if network else functional.interpolate(source, scale_factor=scale, mode="bicubic")
        weights = torch.tensor(_LUMA, device=low.device)
        luma = picture[0].clamp(0, 1).permute(1, 2, 0) @ weights * _LUMA_LEVELS
        total += psnr_of_mse(float((luma - high.to(torch.float32) @ weights * (_LUMA_LEVELS / 255)).square().mean()))
    return total / len(pool.lr)
