"""The clock of a stream: from the times that a source gives its packets to times that begin at 0 and never go back."""

from copy import copy
from dataclasses import dataclass, field
from fractions import Fraction

_FAR_SECONDS = 86400  # a step ahead that is no pause but a wrong time
_NOTES = 8
_GLITCH = 3  # packets after a step that tell whether times stay there
_CUT = "an edit list cuts off packets from packet {} on: they are kept, one a tick, as what follows refers to them"


@dataclass(slots=True)
class Clock:
    """Moves packets' times, one after the other, all in ticks; one for the whole stream, however often it is repeated.

    The first packet comes at 0. Where times go back or far ahead, that packet and all after it are moved, so that they
    follow on by the usual interval; if the next ones come as if nothing had been, it alone is. Pauses stay. A packet
    comes at least one tick after the one before, or with it where that one shows no picture.

    Attributes:
        time_base: seconds a tick.
        interval: ticks from picture to picture, on average.
        count: packets placed so far.
        offset: what is added to the source's times now.
        last: time of the packet before; None before the first.
    """

    time_base: Fraction
    interval: Fraction
    count: int = 0
    offset: int = 0
    last: int | None = None
    _exact: Fraction | int = 0  # of the last packet, where several follow without times of their own
    _gap: Fraction | int = 0  # ticks to a packet that has no time of its own; none after one that shows no picture
    _far: int = field(init=False)
    _raw: int | None = None  # the last time of the source, none after a new beginning
    _equal: int = 0
    _before: int = 0  # the offset before the last step
    _since: int = _GLITCH  # packets since then
    _said: int = 0
    _cut: bool = False  # whether that was said
    _lead: int | None = None  # ticks that the source's first picture is shown after it is decoded there

    def __post_init__(self) -> None:
        self._far = int(_FAR_SECONDS / self.time_base)

    @property
    def due(self) -> int:
        """When a packet without a time of its own would come next."""
        return round(self._usual)

    @property
    def _usual(self) -> Fraction | int:
        return self._exact + self._gap

    def copy(self) -> "Clock":
        """One that goes on from the same state."""
        return copy(self)

    def place(self, raw: int | None, shown: bool = True) -> tuple[int, str]:
        """The next packet's time, and what is to be said of it (empty where nothing).

        Args:
            raw: its time in the source, None where it has none.
            shown: whether it shows a picture.
        """
        at, note = self._follow(raw, shown)
        least = 0 if self.last is None else self.last + (1 if self._gap else 0)
        pts = max(round(at), least)
        self._exact = max(at, least)
        self.last = pts
        self._gap = self.interval if shown else 0
        self.count += 1
        return pts, note

    def arrive(self, pts: int, dts: int | None, shown: bool = True) -> tuple[int, int, str]:
        """As `place`, for packets whose pictures are shown in another order than they come.

        Args:
            pts: when it is shown in the source.
            dts: when it is decoded there; containers may leave that out of the first packets.
            shown: whether it shows a picture.

        Returns:
            When it is shown; when it comes, where the first one does as it is shown; what is to be said of it.
        """
        raw: int | None = None
        if self._raw is None:  # what a source begins with comes first of all that is shown
            raw = pts
            self._lead = pts - dts if dts is not None else self._lead
        elif dts is not None:
            if self._lead is None:
                self._lead = self.due - self.offset - dts
            raw = dts + self._lead
        came, note = self.place(raw, shown)
        return max(0, pts + (self.offset if raw is None else came - raw)), came, note

    def hurry(self) -> tuple[int, str]:
        """As `place`, for a packet that is decoded but not meant to be seen: the next comes a tick later."""
        pts = 0 if self.last is None else max(self.due, self.last + (1 if self._gap else 0))
        self._exact = self.last = pts
        self._gap = 1
        self.count += 1
        self.restart()
        note, self._cut = "" if self._cut else _CUT.format(self.count - 1), True
        return pts, note

    def restart(self) -> None:
        """The source begins again: its next packet follows on, whatever its time."""
        self._raw = None
        self._equal, self._since = 0, _GLITCH

    def _follow(self, raw: int | None, shown: bool) -> tuple[Fraction | int, str]:
        """When the next packet is due, and what is to be said of it."""
        if raw is None:
            return self._usual, ""
        if not shown and self._raw is not None:
            # A frame that is not shown may carry the time of a picture far ahead, and comes to no harm if it does not.
            at = raw + self.offset
            return (at if self._raw <= raw and at <= self._exact + 2 * self.interval else self._usual), ""
        note = ""
        if self._raw is None:
            self.offset = self.due - raw
            if raw and not self.count:
                note = self._say(f"its times begin at {self._seconds(raw)} s: all are moved to begin at 0")
        elif not 0 <= raw - self._raw <= self._far:
            self._before, self._since = self.offset, 0
            self.offset = self.due - raw
            step = raw - self._raw
            note = self._say(
                f"times went {'back' if step < 0 else 'ahead'} by {self._seconds(abs(step))} s at packet {self.count}: "
                "the rest is moved to follow on"
            )
        elif self._since < _GLITCH:
            self._since += 1
            before, after, due = raw + self._before, raw + self.offset, self.due
            if before > (self.last or 0) and abs(before - due) < abs(after - due):
                self.offset, self._since = self._before, _GLITCH
                note = self._say(f"they came back at packet {self.count}: what follows is not moved")
        self._equal = self._equal + 1 if raw == self._raw and self._gap else 0
        self._raw = raw
        if self._equal > 1:  # a source that gives the same time again and again gives none
            return self._usual, note
        return raw + self.offset, note

    def _say(self, note: str) -> str:
        self._said += 1
        if self._said == _NOTES:
            return f"{note} (further ones are not listed)"
        return note if self._said < _NOTES else ""

    def _seconds(self, ticks: int) -> str:
        return f"{float(ticks * self.time_base):.3f}"


@dataclass(slots=True)
class SideClock:
    """Moves the times of a track beside the video as the video's are moved.

    Attributes:
        time_base: seconds a tick of the track.
        name: what notes call it.
        last: time of its last packet; None before the first.
    """

    time_base: Fraction
    name: str
    last: int | None = None
    _said_early: bool = False
    _said_back: bool = False

    def copy(self) -> "SideClock":
        """One that goes on from the same state."""
        return copy(self)

    def restart(self) -> None:
        """The source begins again: what then comes too early is of no interest."""
        self._said_early = self._said_back = True

    def place(self, raw: int, lasts: int, before: int, video: Clock) -> tuple[int | None, str]:
        """A packet's time in the track's ticks, and what is to be said of it (empty where nothing).

        A packet that ends before the video begins, or comes before the one before it, is to be left out: its time is
        None. What begins before and lasts up to it has a time below 0: sound is often decoded from there on. Where the
        video's times step, what the track has beyond the step is left out, too, as what follows has its own.

        Args:
            raw: its time in the source.
            lasts: its duration; 0 where that is not known.
            before: the video's offset before the packet that follows this one.
            video: the video's clock at the packet that follows this one.
        """
        now = (video.last or 0) * video.time_base
        old, new = (round(raw + offset * video.time_base / self.time_base) for offset in (before, video.offset))
        pts = min(old, new, key=lambda ticks: abs(ticks * self.time_base - now))
        if before != video.offset and pts == old and old * self.time_base >= now:
            return None, ""
        note = ""
        if pts < 0 and (not lasts or pts + lasts < 0):
            if not self._said_early:
                note = f"{self.name}: packets before the video's first are left out"
            self._said_early = True
            return None, note
        if self.last is not None and pts < self.last:
            if not self._said_back:
                note = f"{self.name}: times went back at {float(pts * self.time_base):.3f} s; such packets are left out"
            self._said_back = True
            return None, note
        self.last = pts
        return pts, note
