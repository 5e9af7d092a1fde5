"""A stream as it comes in, numbered and timed once for all who take it: viewers, and the host that enhances it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from ns_ray.actors.service.wire import End, Hello, Message, Note
from ns_ray.errors import MediaError
from ns_ray.video.packets import Packet, SidePacket
from ns_ray.video.probe import VideoInfo

_MOST_BYTES = 32 << 20
_MOST_SECONDS = 30
_SETTLE_SECONDS = 1.0
_LATE_SECONDS = 1.0
_WINDOW_SECONDS = 10.0
_MOST_NOTES = 32


@dataclass(frozen=True, slots=True)
class Relayed:
    """A packet of the video with those of other tracks that came before it, by the stream's own numbers and times."""

    packet: Packet
    sides: tuple[SidePacket, ...] = ()

    @property
    def bytes(self) -> int:
        """Of all its packets."""
        return len(self.packet.data) + sum(len(side.data) for side in self.sides)


@dataclass(frozen=True, slots=True)
class Base:
    """Where a host begins with a stream: number and time (in ticks) of a key frame, and when that came."""

    index: int
    pts: int
    came: float


class Relay:
    """One stream. Its times follow the source's own ticks; after a pause or a loss they go on by the wall clock.

    A source whose times fall behind the wall clock by more than a second for 10 s goes on at the wall clock's. One that
    comes back as something else (another codec or time base, or tracks that were not there) is another stream.

    Attributes:
        info: what the stream is; None until its source was open once.
        base: where its host begins.
        notes: what was last to be said of it, each once.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Set up a relay; `clock` tells the time in seconds."""
        self.info: VideoInfo | None = None
        self.base: Base | None = None
        self.notes: dict[str, None] = {}
        self._clock = clock
        self._kept: deque[Relayed] = deque()
        self._bytes = 0
        self._count = 0
        self._offset = 0
        self._last = -1
        self._first_came = 0.0
        self._begun = 0.0  # when the connection was
        self._fresh = True  # whether no packet of this connection has come
        self._ticks = 0  # of what was there at once when it began
        self._sides: list[SidePacket] = []
        self._lags: deque[tuple[float, float]] = deque()
        self._wanted: asyncio.Future[Base | None] | None = None
        self._ended: str | None = None
        self._end = asyncio.Event()
        self._more = asyncio.Event()

    def hello(self, hello: Hello) -> None:
        """A source, or the same one again, is open; raises MediaError where it is not the same."""
        if self.info is None:
            self.info = hello.info
        elif why := _differs(self.info, hello.info):
            raise MediaError(f"the source came back as another: {why}")
        self._fresh, self._ticks, self._begun = True, hello.ticks, self._clock()
        self._sides.clear()
        self._lags.clear()

    def take(self, message: Message) -> Relayed | None:
        """Take what came; what is complete with it."""
        match message:
            case Note(text):
                self._note(text)
            case SidePacket():
                self._sides.append(message)
            case Packet():
                return self._take(message)
            case _:
                pass
        return None

    @property
    def count(self) -> int:
        """Packets so far."""
        return self._count

    @property
    def latest(self) -> int:
        """The latest time so far, in ticks; -1 before the first packet."""
        return self._last

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more."""
        return self._ended is not None

    async def ends_within(self, seconds: float) -> bool:
        """Wait for its end, so long at most; whether it came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end.wait()
        return self.ended

    async def next_key(self) -> Base | None:
        """Wait for a key frame at which a host may begin, but for those that come at once at the beginning.

        None where the stream ends before.
        """
        self._wanted = asyncio.get_running_loop().create_future()
        if self.ended:
            return None
        return await self._wanted

    def end(self, reason: str = "") -> None:
        """Nothing comes any more."""
        self._ended = reason
        self._end.set()
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)
        self._wake()

    async def feed(self, index: int) -> AsyncIterator[Message]:
        """The stream for its host, by numbers and times that begin at the base; the last message is its End.

        Args:
            index: number of the first packet that the host lacks. What comes since the last key frame before it is
                sent again.
        """
        base = self.base
        if base is None:
            yield End("it has not begun")
            return
        at = self._entry(base.index + index, base, again=index > 0)
        while True:
            first = self._count - len(self._kept)
            if at < first:
                yield End(f"its host fell behind by more than {_MOST_SECONDS} s, or {_MOST_BYTES >> 20} MiB")
                return
            if at < self._count:
                for message in self._for_host(self._kept[at - first], base):
                    yield message
                at += 1
            elif self._ended is not None:
                yield End(self._ended)
                return
            else:
                await self._more.wait()

    def _take(self, packet: Packet) -> Relayed:
        assert self.info is not None
        tick, now = self.info.time_base, self._clock()
        usual = max(1, round(1 / (self.info.frame_rate * tick)))
        if not self._count:
            self._first_came = now
        if self._fresh:
            self._fresh = False
            ahead = self._ticks if self._count else 0
            due = self._due(now) - ahead if self._count else 0
            self._offset = max(due, self._last + usual if self._count else 0) - packet.pts
        elif (behind := self._behind(now, packet.due + self._offset)) > 0:
            self._offset += behind
            self._note(f"packet {self._count}: the source fell behind the clock; its times go on at the clock's")
        placed = _moved(packet, self._count, self._offset)
        self._last = max(self._last, placed.pts)
        sides = tuple(
            replace(side, pts=side.pts + round(self._offset * tick / self.info.sides[side.track].time_base))
            for side in self._sides
            if side.track < len(self.info.sides)
        )
        self._sides.clear()
        one = Relayed(placed, sides)
        self._keep(one)
        settled = now - self._begun >= _SETTLE_SECONDS
        if packet.key and settled and self._wanted is not None and not self._wanted.done():
            self.base = Base(placed.video_index, placed.pts, now)
            self._wanted.set_result(self.base)
        self._wake()
        return one

    def _note(self, text: str) -> None:
        self.notes[text] = None
        if len(self.notes) > _MOST_NOTES:
            del self.notes[next(iter(self.notes))]

    def _due(self, now: float) -> int:
        """The time by the wall clock, in ticks."""
        assert self.info is not None
        since, pts = (self.base.came, self.base.pts) if self.base is not None else (self._first_came, 0)
        return pts + round((now - since) / float(self.info.time_base))

    def _behind(self, now: float, pts: int) -> int:
        """Ticks by which all packets of the last seconds came too late; 0 where that is little."""
        assert self.info is not None
        lag = (self._due(now) - pts) * float(self.info.time_base)
        self._lags.append((now, lag))
        if now - self._lags[0][0] < _WINDOW_SECONDS:
            return 0
        while now - self._lags[0][0] > _WINDOW_SECONDS and len(self._lags) > 1:
            self._lags.popleft()
        least = min(lag for _, lag in self._lags)
        if least < _LATE_SECONDS:
            return 0
        self._lags.clear()
        return round(least / float(self.info.time_base))

    def _keep(self, one: Relayed) -> None:
        assert self.info is not None
        self._kept.append(one)
        self._count += 1
        self._bytes += one.bytes
        begin = one.packet.pts - _MOST_SECONDS / self.info.time_base
        while len(self._kept) > 1 and (self._bytes > _MOST_BYTES or self._kept[0].packet.pts < begin):
            self._bytes -= self._kept.popleft().bytes

    def _entry(self, at: int, base: Base, *, again: bool) -> int:
        """Where to send from so that packet `at` can be decoded."""
        if not again:
            return at
        first = self._count - len(self._kept)
        keys = (one.packet.video_index for one in reversed(self._kept) if one.packet.key)
        return next((key for key in keys if base.index <= key < at), max(first, base.index))

    def _for_host(self, one: Relayed, base: Base) -> list[Message]:
        assert self.info is not None
        tick = self.info.time_base
        messages: list[Message] = [
            replace(side, pts=side.pts - round(base.pts * tick / self.info.sides[side.track].time_base))
            for side in one.sides
        ]
        return [*messages, _moved(one.packet, one.packet.video_index - base.index, -base.pts)]

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


def _moved(packet: Packet, index: int, ticks: int) -> Packet:
    """A packet with another number, and times that are so much later, but not before 0."""
    dts = None if packet.dts is None else max(0, packet.dts + ticks)
    return replace(packet, video_index=index, pts=max(0, packet.pts + ticks), dts=dts)


def _differs(before: VideoInfo, now: VideoInfo) -> str:
    """What of a source keeps a stream from going on with it; its size may be another."""
    for what, one, other in (
        ("codec", before.codec, now.codec),
        ("time base", before.time_base, now.time_base),
        ("tracks", before.sides, now.sides[: len(before.sides)]),
    ):
        if one != other:
            return f"its {what}: {other} after {one}"
    return "" if before.record == now.record else "its parameter sets"
