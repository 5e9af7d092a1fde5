"""Which engine to use: the named one, or what is best on a device."""

import importlib
import logging
from dataclasses import dataclass

from ns_ray.errors import ModelError
from ns_ray.sr.engine import Engine
from ns_ray.sr.engine_names import AUTO, ENGINES
from ns_ray.sr.gpus import find_gpu
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights

_LOG = logging.getLogger(__name__)
_HOPPER = (9, 0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured and chosen for one model, LR size and device.

    Attributes:
        engine: the one chosen, warm, with the weights loaded.
        latencies_ms: engine name -> median time of one frame.
        refused: engine name -> why it cannot run here.
    """

    engine: Engine
    latencies_ms: dict[str, float]
    refused: dict[str, str]


def create_engine(name: str, model: ModelSpec | str, width: int, height: int, device: str = "cpu") -> Engine:
    """An engine by name, without weights.

    Raises:
        ModelError: no such engine or model, or it cannot run here.
    """
    if name not in ENGINES:
        raise ModelError(f"unknown engine '{name}': choose auto, {', '.join(ENGINES)}")
    module, _, attribute = ENGINES[name].partition(":")
    try:
        kind: type[Engine] = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise ModelError(f"engine {name} is not installed here: {error}") from error
    return kind(model, width, height, device)


def first_choice(device: str) -> str | None:
    """What `auto` takes on a device wherever it runs: TensorRT on GPUs before Hopper (T4, RTX 20 to 40), else none.

    Our own kernels were measured on Hopper alone.
    """
    try:
        gpu = find_gpu(device)
    except ModelError:
        return None
    return "tensorrt" if gpu.capability < _HOPPER else None


def _in_turn(engine: str, device: str) -> list[list[str]]:
    """Engines that come into question; those of a later list only where none of an earlier one runs."""
    if engine != AUTO:
        return [[engine]]
    first = first_choice(device)
    others = [name for name in ENGINES if name != first]
    return [[first], others] if first else [others]


def calibrate(
    model: ModelSpec | str,
    weights: Weights,
    width: int,
    height: int,
    device: str = "cpu",
    engine: str = AUTO,
    runs: int = 3,
) -> Calibration:
    """Builds, warms and times the named engine, or with `auto` those that come into question, and keeps the fastest.

    With `auto` that is `first_choice`, or where there is none or it does not run, as the log then says, all others.

    Raises:
        ModelError: the named engine cannot run here, or with `auto` none can; bad weights or model.
    """
    latencies: dict[str, float] = {}
    refused: dict[str, str] = {}
    best: Engine | None = None
    for names in _in_turn(engine, device):
        if refused:
            _LOG.warning("the engine that is taken first on %s does not run: %s", device, "; ".join(refused.values()))
        for name in names:
            try:
                candidate = create_engine(name, model, width, height, device)
                candidate.load(weights)
                latencies[name] = candidate.warm_up(runs)
            except ModelError as error:
                refused[name] = str(error)
                continue
            if best is None or latencies[name] < latencies[best.name]:
                best = candidate
        if best is not None:
            break
    if best is None:
        raise ModelError("; ".join(refused.values()))
    return Calibration(best, latencies, refused)
