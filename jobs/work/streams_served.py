"""How many streams a device could serve, from what an anchor takes there."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from ns_ray.actors.anchor_encoders import encoders_on
from ns_ray.picture.coding import Coding
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.enhance import Compressor, Enhancement
from ns_ray.sr.weights import Weights


@dataclass(frozen=True, slots=True)
class Demand:
    """What every stream asks for.

    Attributes:
        frame_rate: shown frames a second.
        fraction: anchors a shown frame.
        coding: how they are compressed.
        epoch_seconds: between two selections; a stream's anchors of an epoch are made one after the other.
    """

    frame_rate: float
    fraction: float
    coding: Coding
    epoch_seconds: float

    @property
    def a_turn(self) -> int:
        """Anchors that are made with the same weights, one after the other."""
        return max(1, round(self.frame_rate * self.fraction * self.epoch_seconds))


def anchor_ms(engine: Engine, sets: Sequence[Weights], frames: Sequence[Planes], demand: Demand, turns: int) -> float:
    """Milliseconds of one of many anchors, from its LR frame to its image, both in host memory.

    DNN and compression work side by side, as in an enhancer; streams come in turn, each with weights of its own.

    Args:
        engine: its weights are others afterwards.
        sets: weights of the streams.
        frames: what becomes anchors, over and over.
        demand: what is made of them.
        turns: of streams, that count; one more, to warm up, does not.

    Raises:
        ModelError: weights, frames or codec cannot be used here.
    """
    enhancement = Enhancement(engine, Compressor(*encoders_on(engine.device), device=engine.device))
    streams = cycle([engine.prepare(weights) for weights in sets])

    def work(turns: int) -> Iterator[Planes]:
        for weights in islice(streams, turns):
            engine.load(weights)
            yield from islice(cycle(frames), demand.a_turn)

    for _ in enhancement.run(work(1), demand.coding):
        pass
    begin = time.perf_counter()
    made = sum(1 for _ in enhancement.run(work(turns), demand.coding))
    return (time.perf_counter() - begin) * 1000 / made


def streams_served(anchor_ms: float, demand: Demand) -> float:
    """Streams that one device could serve if nothing but anchors took time; not rounded."""
    return 1000 / (anchor_ms * demand.frame_rate * demand.fraction)
