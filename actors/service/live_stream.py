"""One stream of the live service: from its source to viewers at once, and to its enhancement beside that."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Order
from ns_ray.actors.service.audience import Audience
from ns_ray.actors.service.enhancement import Enhancement
from ns_ray.actors.service.feeds import Feeds
from ns_ray.actors.service.relay import Base, Relay
from ns_ray.actors.service.source import Source, SourceAddress
from ns_ray.actors.service.wire import Hello, Message
from ns_ray.actors.session import format_of
from ns_ray.errors import MediaError
from ns_ray.hybrid.growing import GrownAnchor
from ns_ray.hybrid.live import LiveWriter

_LOG = logging.getLogger(__name__)
_FINISH_SECONDS = 10.0

State = Literal["waiting", "live", "ended"]


class LiveStream:
    """A stream that came and has not gone.

    Packets go to viewers as they come and wait for nothing. An anchor follows when it has been written, unless it is
    later than `delay` behind its packet, in the stream's own time.

    Attributes:
        name: its name.
        address: where it comes from.
        state: whether its source is there (`live`) or waited for; `ended` where it does not come back.
        reason: why it is waited for, or ended; empty at the beginning.
        again_at: when its source is tried again, on the wall clock.
        anchors_sent, anchors_late: anchors sent to viewers, and left out as they came too late.
    """

    def __init__(
        self,
        name: str,
        address: SourceAddress,
        delay: Fraction,
        enhancement: Callable[["LiveStream"], Enhancement],
        source: Source | None = None,
    ) -> None:
        """Set up a stream; `start` has it come.

        Args:
            name: its name.
            address: where it comes from.
            delay: seconds by which an anchor may come after its packet.
            enhancement: makes its enhancement.
            source: what reads the address, where it is no process of its own.
        """
        self.name = name
        self.address = address
        self.state: State = "waiting"
        self.reason = ""
        self.again_at: float | None = None
        self.anchors_sent = self.anchors_late = 0
        self._make = enhancement
        self._number = 0  # of the relay
        self._begin()
        self._delay = delay
        self._source = source or Source(address)
        self._reading: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._feeds: Feeds | None = None

    def start(self, feeds: Feeds) -> None:
        """Have it come; hosts get it from `feeds`."""
        self._feeds = feeds
        self._reading = asyncio.ensure_future(self._source.run(self._take, self._waiting))
        self._running = asyncio.ensure_future(self._run(self._reading))

    async def end(self) -> None:
        """Have it end: its file is finished, and its viewers see the end."""
        if self._reading is not None:
            self._reading.cancel()
        if self._running is not None:
            await asyncio.wait((self._running,))

    def send(self, base: Base, anchor: GrownAnchor) -> None:
        """Send an anchor of a session that began at `base` to viewers, if it is not too late."""
        info = self.relay.info
        if info is None or self._writer is None or base is not self.relay.base:
            return  # its viewers have gone
        pts = anchor.pts + base.pts
        if (self.relay.latest - pts) * info.time_base > self._delay:
            self.anchors_late += 1
            return
        self.audience.send(self._writer.anchor(pts, anchor.image))
        self.anchors_sent += 1

    async def _run(self, reading: "asyncio.Task[None]") -> None:
        await asyncio.wait((reading,))
        if not reading.cancelled() and (error := reading.exception()) is not None:
            _LOG.error("stream %s cannot be read on", self.name, exc_info=error)
            self.reason = f"it cannot be read on ({error}); remove the stream, and add it again"
        self.state, self.again_at = "ended", None
        self.relay.end()
        await self._finish(self.enhancement, self._enhancing, self._feed)
        if self._ending:
            await asyncio.wait(self._ending)
        self.audience.end()

    def _begin(self) -> None:
        """A stream of which nothing is known yet."""
        self.relay = Relay()
        self.audience = Audience()
        self.enhancement = self._make(self)
        self._writer: LiveWriter | None = None
        self._enhancing: asyncio.Task[None] | None = None
        self._number += 1
        self._feed = f"{self.name}.{self._number}"

    def _begin_anew(self) -> None:
        """The source is another than it was: its recording is finished, and its viewers have to come again."""
        wish, audience = self.enhancement.wish, self.audience
        self.relay.end()
        audience.end()
        task = asyncio.ensure_future(self._finish(self.enhancement, self._enhancing, self._feed))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._begin()
        self.enhancement.wish = wish

    async def _finish(self, enhancement: Enhancement, enhancing: "asyncio.Task[None] | None", feed: str) -> None:
        """Give what is in work some time, then end it."""
        if enhancing is None:
            return
        await asyncio.wait((enhancing,), timeout=_FINISH_SECONDS)
        if not enhancing.done():
            await enhancement.halt()
            await asyncio.wait((enhancing,), timeout=_FINISH_SECONDS)
        if enhancing.done() and (error := enhancing.exception()) is not None:
            _LOG.error("stream %s cannot be enhanced", self.name, exc_info=error)
        enhancing.cancel()
        if self._feeds is not None:
            self._feeds.relays.pop(feed, None)

    def _take(self, message: Message) -> None:
        if isinstance(message, Hello):
            try:
                self.relay.hello(message)
            except MediaError:
                self._begin_anew()
                self.relay.hello(message)
            self.state, self.reason, self.again_at = "live", "", None
            if self._writer is None:
                self._open(message)
            return
        relayed = self.relay.take(message)
        if relayed is None or self._writer is None:
            return
        for sides in self._writer.sides(relayed.sides):
            self.audience.send(sides)
        self.audience.send(self._writer.packet(relayed.packet), key=relayed.packet.key)

    def _open(self, hello: Hello) -> None:
        """The source is open for the first time."""
        wish = self.enhancement.wish
        made = Order(Stream(self.name, hello.info, wish.model), self.enhancement.plan)
        self._writer = LiveWriter(replace(format_of(made), anchor_delay=self._delay))
        self.audience.open(self._writer.header(hello.info.frame_rate if hello.steady else None))
        assert self._feeds is not None
        read_at = self._feeds.publish(self._feed, self.relay)
        self._enhancing = asyncio.ensure_future(self.enhancement.run(read_at))

    def _waiting(self, reason: str, seconds: float) -> None:
        self.state, self.reason, self.again_at = "waiting", reason, time.time() + seconds
