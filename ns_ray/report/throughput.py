"""How many streams a machine serves, part by part, by the published formulas (published-scripts.md, step 4-2).

Streams are of 60 frames a second; anchors are counted in an epoch of 40 frames. The published formulas round down;
what they round is kept beside it, as of a machine that serves less than one stream nothing else can be told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor

FRAME_RATE = 60
EPOCH_FRAMES = 40
_CPUS_A_GPU = 3  # that feed it
_CPUS_OF_THE_SYSTEM = 1


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one part of a machine could serve if nothing else limited it.

    Attributes:
        part: its name.
        streams: whole streams, as published.
        exact: the same, not rounded.
    """

    part: str
    streams: int
    exact: float


def inference(fps: float, gpus: int, anchors: int = EPOCH_FRAMES, part: str = "inference") -> Capacity:
    """Streams that DNNs serve: floor(fps G / 60), or with anchors alone floor(fps / (anchors / 40) G / 60).

    Args:
        fps: frames a second of one device.
        gpus: devices; a machine without a GPU counts as one, its CPU.
        anchors: frames of an epoch of 40 that the DNN enhances, 1 or more.
        part: its name.
    """
    exact = fps * EPOCH_FRAMES * max(gpus, 1) / (anchors * FRAME_RATE)
    return Capacity(part, floor(exact), exact)


def hardware_encoder(fps: float, gpus: int) -> Capacity:
    """Streams that the encoders of GPUs serve: floor(fps / 60) G; `fps` is that of one GPU."""
    return Capacity("hardware encoder", floor(fps / FRAME_RATE) * gpus, fps * gpus / FRAME_RATE)


def software_encoder(fps: Mapping[int, float], vcpus: int, gpus: int) -> Capacity:
    """Streams that are encoded on CPUs: floor((C - 1 - 3 G) / T), T the fewest threads that reach 60 frames a second.

    Args:
        fps: frames a second by the encoder's threads; where none reaches 60, no stream is served.
        vcpus, gpus: of the machine.
    """
    enough = [threads for threads, rate in fps.items() if rate >= FRAME_RATE]
    cpus = max(0, vcpus - _CPUS_OF_THE_SYSTEM - _CPUS_A_GPU * gpus)
    if enough:
        return Capacity("software encoder", cpus // min(enough), cpus / min(enough))
    # Not rounded: the share of a stream that the cores keep with the number of threads that uses them best.
    exact = max((rate / FRAME_RATE * cpus / threads for threads, rate in fps.items()), default=0.0)
    return Capacity("software encoder", 0, exact)


def limit(parts: Sequence[Capacity]) -> Capacity:
    """The part that serves the fewest streams, of which there must be one."""
    return min(parts, key=lambda part: (part.streams, part.exact))
