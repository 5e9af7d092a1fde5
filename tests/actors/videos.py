"""Made-up videos: packets, records of realistic sizes, times; nothing of them is ever decoded."""

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.video.packets import Packet, SidePacket
from ns_ray.video.probe import VideoInfo

PACKET_BYTES = 100


@dataclass
class Video:
    """A made-up video.

    Attributes:
        times: when each of its packets is shown, in seconds, rounded down to ticks.
        base: seconds a tick.
        gop: packets from key frame to key frame.
        first: the slot that it begins in.
        tells: whether its source knows the time of the packet after those it gave.
        breaks: the packet from which on it cannot be read.
        sides: packets of other tracks that come with each read.
        notes: what its source says of it with each read.
        still: packets that show what the one before them does.
        told_rate: the frame rate that its probe tells.
    """

    times: Sequence[Fraction]
    base: Fraction = Fraction(1, 90_000)
    gop: int = 120
    first: int = 0
    tells: bool = False
    breaks: int | None = None
    sides: int = 0
    notes: tuple[str, ...] = ()
    still: range = range(0)
    told_rate: Fraction = Fraction(60)

    def __post_init__(self) -> None:
        rng = random.Random(len(self.times))
        sizes = ((rng.lognormvariate(8.5, 0.8), i % self.gop == 0) for i in range(len(self.times)))
        self.records = [
            FrameRecord(i, 0, FrameType.KEY, 60_000)
            if key
            else FrameRecord(i, 0, FrameType.NORMAL, 0 if i in self.still else round(size))
            for i, (size, key) in enumerate(sizes)
        ]

    @cached_property
    def packets(self) -> list[Packet]:
        return [
            Packet(i, b"%d" % i + bytes(PACKET_BYTES - len(b"%d" % i)), int(time / self.base), 1, i % self.gop == 0)
            for i, time in enumerate(self.times)
        ]

    @property
    def length(self) -> int:
        """Packets that can be read."""
        return len(self.times) if self.breaks is None else self.breaks

    def until(self, start: int, time: Fraction, limit: int) -> int:
        """Where a read from packet `start` on stops."""
        return min(max(start, bisect_left(self.times, time, hi=self.length)), start + limit)

    def end(self, stop: int) -> Fraction:
        """When the packet before number `stop` has been shown."""
        return self.times[stop - 1] + (self.times[-1] - self.times[-2])

    def before(self, start: int) -> list[Packet]:
        """The packets from the last key frame before number `start` on."""
        return self.packets[max(0, start - 1) // self.gop * self.gop : start]

    def beside(self, start: int) -> list[SidePacket]:
        return [SidePacket(0, b"%d %d" % (start, i), start, 1, True) for i in range(self.sides)]

    def info(self, name: str) -> VideoInfo:
        return VideoInfo(
            f"{name}.mkv", "vp9", 64, 48, self.told_rate, self.base, "yuv420p", notes=("a note of its probe",)
        )


@lru_cache(16)
def constant(rate: Fraction | int, seconds: float, **more: Any) -> Video:
    """A video of a constant frame rate, on a clock of 90 kHz where nothing else is said."""
    base = more.get("base", Fraction(1, 90_000))
    ticks = 1 / (rate * base)
    return Video([round(i * ticks) * base for i in range(int(seconds * rate))], **more)
