"""Holding packets back until the anchors that come late are there."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.pairing import Pair, Pairing
from ns_ray.video.packets import Packet

_MOST_BYTES = 256 << 20
"""Of packets and anchors that are held; beyond that the first ones go on as they are."""


@dataclass(slots=True)
class _Held:
    """A packet, the latest time up to it, and its anchors so far."""

    packet: Packet
    until: int
    anchors: list[AnchorImage] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return len(self.packet.data) + sum(map(len, self.anchors))


class HeldPairing:
    """As `Pairing`, of a stream whose anchors come after their packets, by so many ticks of the video at most."""

    def __init__(self, damaged: Callable[[int, str], None], delay: int) -> None:
        """Begin at the stream's first packet; `damaged` as in `Pairing`, `delay` in ticks."""
        self._damaged = damaged
        self._pairing = Pairing(damaged)
        self._delay = delay
        self._held: deque[_Held] = deque()
        self._by_time: dict[int, _Held] = {}  # the last packet of each time
        self._bytes = self._latest = 0
        self._first: int | None = None  # time of the first packet

    def packet(self, packet: Packet) -> Iterator[Pair]:
        """Take the next packet; yields those that are complete with it."""
        if self._first is None:
            self._first = packet.pts
        self._latest = max(self._latest, packet.pts)
        one = _Held(packet, self._latest)
        self._held.append(one)
        self._by_time[packet.pts] = one
        self._bytes += len(packet.data)
        while self._held and (self._held[0].until + self._delay <= self._latest or self._bytes > _MOST_BYTES):
            yield from self._let_go()

    def anchor(self, pts: int, image: AnchorImage) -> Iterator[Pair]:
        """Take the next anchor, with the time it has in the file; it completes no packet.

        Where no packet of its time is held, it is of one that was sent before the reader came, which is no damage, or
        was missed. Its number tells nothing then: readers that come late count from 0, too.
        """
        one = self._by_time.get(pts)
        if one is not None:
            one.anchors.append(image)
            self._bytes += len(image)
        elif self._first is not None and pts >= self._first:
            at = self._held[-1].packet.video_index if self._held else 0
            self._damaged(at, f"anchor {image.name} comes after its packet, or belongs to none")
        return iter(())

    def end(self) -> Iterator[Pair]:
        """What is left at the end of the stream."""
        while self._held:
            yield from self._let_go()
        yield from self._pairing.end()

    def _let_go(self) -> Iterator[Pair]:
        one = self._held.popleft()
        self._bytes -= one.bytes
        if self._by_time.get(one.packet.pts) is one:
            del self._by_time[one.packet.pts]
        yield from self._pairing.packet(one.packet)
        for image in one.anchors:
            yield from self._pairing.anchor(one.packet.pts, image)
