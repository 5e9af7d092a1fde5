"""Holding packets back until the anchors that come late are there."""

import heapq
from collections.abc import Callable, Iterator

from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.pairing import Pair, Pairing
from ns_ray.video.packets import Packet

_MOST_BYTES = 256 << 20
"""Of packets and anchors that are held; beyond that the first ones go on as they are."""


class HeldPairing:
    """As `Pairing`, of a stream whose anchors come after their packets, by so many ticks of the video at most."""

    def __init__(self, damaged: Callable[[int, str], None], delay: int) -> None:
        """Begin at the stream's first packet.

        Args:
            damaged: as in `Pairing`.
            delay: ticks; with 0 nothing is held.
        """
        self._pairing = Pairing(damaged)
        self._delay = delay
        self._held: list[tuple[int, bool, int, Packet | AnchorImage]] = []
        self._bytes = self._count = self._latest = 0

    def packet(self, packet: Packet) -> Iterator[Pair]:
        """Take the next packet; yields those that are complete with it."""
        self._latest = max(self._latest, packet.pts)
        yield from self._hold(self._latest, packet)

    def anchor(self, pts: int, image: AnchorImage) -> Iterator[Pair]:
        """Take the next anchor, with the time it has in the file; yields the packets that it completes."""
        yield from self._hold(pts, image)

    def end(self) -> Iterator[Pair]:
        """What is left at the end of the stream."""
        while self._held:
            yield from self._let_go()
        yield from self._pairing.end()

    def _hold(self, time: int, one: Packet | AnchorImage) -> Iterator[Pair]:
        heapq.heappush(self._held, (time, isinstance(one, AnchorImage), self._count, one))
        self._count += 1
        self._bytes += _size(one)
        while self._held and (self._held[0][0] + self._delay <= self._latest or self._bytes > _MOST_BYTES):
            yield from self._let_go()

    def _let_go(self) -> Iterator[Pair]:
        time, _, _, one = heapq.heappop(self._held)
        self._bytes -= _size(one)
        if isinstance(one, Packet):
            yield from self._pairing.packet(one)
        else:
            yield from self._pairing.anchor(time, one)


def _size(one: Packet | AnchorImage) -> int:
    return len(one.data) if isinstance(one, Packet) else len(one)
