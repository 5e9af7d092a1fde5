"""The engine that the jobs which compare methods super-resolve by."""

from pathlib import Path

from ns_ray.sr.calibrate import create_engine
from ns_ray.sr.engine import Engine
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import load_weights
from ns_ray.video.probe import VideoInfo


def loaded_engine(named: str, spec: ModelSpec, info: VideoInfo, weights: Path | None, device: str) -> Engine:
    """An engine for a video, with its weights.

    Args:
        named: the engine; for `auto` it is torch, as nothing is timed.
        spec: the model.
        info: the LR video.
        weights: a file; None for the ones that ship.
        device: where it runs.

    Raises:
        ModelError: there is no such engine, it cannot run here, or the weights are missing.
    """
    state = load_weights(spec, weights)
    engine = create_engine("torch" if named == "auto" else named, spec, info.width, info.height, device)
    engine.load(state)
    return engine
