"""Which engine to use: the named one, or whichever is the fastest of those that run here."""

import importlib
from dataclasses import dataclass

from ns_ray.errors import ModelError
from ns_ray.sr.engine import Engine
from ns_ray.sr.engine_names import ENGINES
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured and chosen for one model, LR size and device.

    Attributes:
        engine: the fastest one, warm, with the weights loaded.
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


def calibrate(
    model: ModelSpec | str,
    weights: Weights,
    width: int,
    height: int,
    device: str = "cpu",
    engine: str = "auto",
    runs: int = 3,
) -> Calibration:
    """Builds, warms and times the named engine, or with `auto` all of them, and keeps the fastest.

    Raises:
        ModelError: the named engine cannot run here, or with `auto` none can; bad weights or model.
    """
    latencies: dict[str, float] = {}
    refused: dict[str, str] = {}
    best: Engine | None = None
    for name in ENGINES if engine == "auto" else (engine,):
        try:
            candidate = create_engine(name, model, width, height, device)
            candidate.load(weights)
            latencies[name] = candidate.warm_up(runs)
        except ModelError as error:
            refused[name] = str(error)
            continue
        if best is None or latencies[name] < latencies[best.name]:
            best = candidate
    if best is None:
        raise ModelError("; ".join(refused.values()))
    return Calibration(best, latencies, refused)
