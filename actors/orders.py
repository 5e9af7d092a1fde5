"""What is to be done with a stream, and by whom."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ns_ray.actors.messages import Stream
from ns_ray.anchors.account import Rate
from ns_ray.anchors.lowering import NOT_LOWERED, Lowering
from ns_ray.anchors.policies import Policy
from ns_ray.codecs.codec import VIDEO_CODECS
from ns_ray.config.admission import Admission
from ns_ray.picture.coding import Coding
from ns_ray.video.probe import VideoInfo

Method = Literal["neuroscaler", "selective", "per-frame"]


def misfit(method: str, info: VideoInfo) -> str:
    """Why a method cannot enhance a video of a codec that is supported; empty where it can."""
    codec = VIDEO_CODECS.get(info.codec)
    if method == "neuroscaler" or codec is None or not codec.late:
        return ""
    return (
        f"{codec.title} frames are shown in another order than they come, in which {method} cannot encode them anew; "
        "use the method neuroscaler, or VP9"
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What streams have in common that compete for anchors.

    Attributes:
        run: its name, which no other plan has.
        method: `neuroscaler` makes hybrid streams; `selective` and `per-frame` encode all frames anew.
        policy: how anchors are chosen.
        coding: how anchors are compressed.
        frames: shown frames a stream.
        paced: packets come in real time, and an epoch that is late loses anchors; otherwise as fast as possible.
        output: folder for the streams' files.
        began: wall-clock time at which slot 0 began.
        rate: what anchors may take; None for any number. Their quality is lowered from that of `coding` for it, and
            some are left out.
        admission: how its streams are let in, which are paced; None to take all that come.
    """

    run: str
    method: Method
    policy: Policy
    coding: Coding
    frames: int
    paced: bool
    output: Path
    began: float
    rate: Rate | None = None
    admission: Admission | None = None

    def lowering(self, factor: float) -> Lowering:
        """What becomes of its streams' fractions where there is time for them if multiplied by a factor."""
        if self.admission is None or not self.paced or self.admission.mode == "refuse" or factor == 1:
            return NOT_LOWERED
        return Lowering(factor, self.admission.floor)


@dataclass(frozen=True, slots=True)
class Order:
    """One stream to be enhanced.

    Attributes:
        stream: the stream.
        plan: what it has in common with others.
        first: the slot that it begins in, later than 0 if it joins a run under way.
        fraction: anchors a shown frame of it; None for the policy's.
        priority: how many times its gains count where streams compete.
        begun: whether a host has begun it before, and its file is to be gone on with.
    """

    stream: Stream
    plan: Plan
    first: int = 0
    fraction: float | None = None
    priority: float = 1.0
    begun: bool = False

    @property
    def path(self) -> Path:
        """The file to be written."""
        return self.plan.output / f"{self.stream.name}.mkv"

    def changed(self, change: "Change") -> "Order":
        """The order with a change to it."""
        weights = self.stream.weights if change.weights is None else change.weights
        return replace(
            self,
            stream=replace(self.stream, weights=weights),
            fraction=self.fraction if change.fraction is None else change.fraction,
            priority=self.priority if change.priority is None else change.priority,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be otherwise with a stream from its next epoch on; None leaves a thing as it is."""

    weights: str | None = None
    fraction: float | None = None
    priority: float | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """The actors that work for a stream, by name, and the milliseconds that one of its anchors takes the enhancer."""

    decoder: str
    enhancer: str
    encoder: str = ""
    cost_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Roster:
    """The hosts that have streams of a run, and what becomes of their fractions; the higher version counts."""

    version: int
    hosts: frozenset[str]
    lowering: Lowering = NOT_LOWERED
