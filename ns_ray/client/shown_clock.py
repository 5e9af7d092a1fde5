"""When pictures are shown that may come at any time: of cut, joined and damaged files."""

from dataclasses import replace
from fractions import Fraction

from ns_ray.video.clock import Clock
from ns_ray.video.packets import SidePacket


class ShownClock:
    """Times of the pictures shown and of what goes beside them: as the file has them, but never below 0 nor back.

    Where the first picture comes before 0, all are moved to begin there; where times go back, as in files that were
    joined, or far ahead, the rest is moved to follow on.
    """

    def __init__(self, time_base: Fraction, frame_rate: Fraction) -> None:
        self._time_base = time_base
        self._clock = Clock(time_base, 1 / (frame_rate * time_base))
        self._begin = 0  # where the first picture is
        self._before = self._moved = 0  # ticks that were added before the last picture, and to it
        self._last: dict[int, int] = {}  # times of the last packets beside, by track

    def place(self, pts: int) -> tuple[int, str]:
        """The next picture's time, and what is to be said of it (empty where nothing)."""
        first = self._clock.count == 0
        if first:
            self._begin = max(0, pts)
        placed, note = self._clock.place(pts)
        placed += self._begin
        moved = self._begin + self._clock.offset
        self._before, self._moved = moved if first else self._moved, moved
        return placed, note if pts < 0 or not first else ""

    def beside(self, packet: SidePacket, time_base: Fraction) -> SidePacket | None:
        """A packet that came before the last picture placed, in ticks of a time base of its own, moved as that is.

        None where it would come before the one before it on its track, as at the seam of files that were joined.
        """
        pts = packet.pts
        if self._before or self._moved:
            now = ((self._clock.last or 0) + self._begin) * self._time_base
            choices = (pts + round(moved * self._time_base / time_base) for moved in (self._before, self._moved))
            pts = min(choices, key=lambda ticks: abs(ticks * time_base - now))
        if pts < self._last.get(packet.track, pts):
            return None
        self._last[packet.track] = pts
        return packet if pts == packet.pts else replace(packet, pts=pts)
