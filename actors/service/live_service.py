"""The live service: streams by name, which come and go while others run."""

import asyncio
import logging
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

from ns_ray.actors.following import Following
from ns_ray.actors.orders import Change, Plan
from ns_ray.actors.service.enhancement import Enhancement, Preparer, Wish
from ns_ray.actors.service.feeds import Feeds
from ns_ray.actors.service.live_stream import LiveStream
from ns_ray.actors.service.source import Source, SourceAddress
from ns_ray.errors import ConfigError, NsRayError
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.address import is_pipe, local, locate
from ns_ray.video.arriving import LISTENING

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.25
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PORTS = {"rtmp": 1935, "rtsp": 554}
DELAY_SLOTS = 4
"""How late an anchor may be: a slot until its session's slot begins, one for packets to come, one for inference, one
for writing and sending."""


class UnknownStreamError(NsRayError):
    """There is no stream of that name."""


class TakenError(NsRayError):
    """There is a stream already that takes the name or the port, or there are as many as may be."""


class NoRoomError(NsRayError):
    """There is no time for another stream's anchors now."""


class LiveService:
    """All streams. What becomes of one is no matter to another.

    Attributes:
        streams: by name, those too that have ended and were not removed.
        delay: seconds by which an anchor may come after its packet.
        problem: why nobody tells what becomes of sessions; empty while somebody does.
    """

    def __init__(
        self,
        plan: Plan,
        slot: Fraction,
        preparer: Preparer,
        following: Following,
        *,
        most_streams: int,
        delay: Fraction | None = None,
        unsafe: bool = False,
        source: Callable[[SourceAddress], Source] = Source,
    ) -> None:
        """Set up a service without streams; `start` has it work.

        Args:
            plan: what streams have in common.
            slot: seconds of a slot.
            preparer: gets workers ready.
            following: begins sessions, and knows what became of them.
            most_streams: how many there may be.
            delay: see above; None for `DELAY_SLOTS` slots.
            unsafe: whether sources may use any protocol (`open_input`).
            source: makes what reads an address.
        """
        self.streams: dict[str, LiveStream] = {}
        self.problem = ""
        self.delay = DELAY_SLOTS * slot if delay is None else delay
        self._plan = plan
        self._slot = slot
        self._preparer = preparer
        self._following = following
        self._most = most_streams
        self._unsafe = unsafe
        self._source = source
        self._feeds = Feeds()
        self._looking: asyncio.Task[None] | None = None

    async def start(self, ip: str) -> None:
        """Begin to work; hosts get streams at this address of this machine."""
        self._plan.output.mkdir(parents=True, exist_ok=True)
        await self._feeds.start(ip)
        self._looking = asyncio.ensure_future(self._look())

    def stream(self, name: str) -> LiveStream:
        """A stream; raises UnknownStreamError where there is none."""
        if name not in self.streams:
            there = ", ".join(sorted(self.streams)) or "none"
            raise UnknownStreamError(f"there is no stream {name}; there are: {there}")
        return self.streams[name]

    def add(self, name: str, url: str, wish: Wish, *, listen: bool = False, repeat: bool = False) -> LiveStream:
        """Have a stream come.

        Raises:
            TakenError: its name, or the port that it would listen at, is another's, or there are too many streams.
            NoRoomError: one that is there waits for room already.
            ConfigError: what is wanted makes no sense.
            MediaError: there is no such source.
            ModelError: there is no such model.
        """
        address = SourceAddress(url, listen, repeat, self._unsafe)
        if not _NAME.fullmatch(name):
            raise ConfigError(f"name {name!r}: use letters, digits, _ and -, up to 64, with a letter or digit first")
        if name in self.streams:
            raise TakenError(f"there is a stream {name}; remove it first, or take another name")
        if len(self.streams) >= self._most:
            raise TakenError(f"there are {self._most} streams, which are the most; remove one, or raise --max-streams")
        self._require_source(address)
        self._require_room()
        ModelSpec.parse(wish.model)
        _require_weights(wish.weights)

        def enhancement(stream: LiveStream) -> Enhancement:
            slot = float(self._slot)
            parts = (self._plan, slot, self._preparer, self._following, stream.send)
            return Enhancement(name, wish, stream.relay, *parts)

        stream = LiveStream(name, address, self.delay, enhancement, self._source(address))
        self.streams[name] = stream
        stream.start(self._feeds)
        return stream

    async def change(self, name: str, change: Change) -> LiveStream:
        """Go on with a stream otherwise from its next epoch on.

        Raises:
            UnknownStreamError: there is none.
            ModelError: the weights cannot be used.
        """
        stream = self.stream(name)
        _require_weights(change.weights)
        await stream.enhancement.change(change)
        return stream

    async def remove(self, name: str) -> LiveStream:
        """Have a stream end, and forget it once its file is whole; raises UnknownStreamError where there is none."""
        stream = self.stream(name)
        await stream.end()
        if self.streams.get(name) is stream:
            del self.streams[name]
        return stream

    async def stop(self) -> None:
        """End all streams, and finish their files."""
        await asyncio.gather(*(stream.end() for stream in self.streams.values()))
        self._feeds.stop()
        if self._looking is not None:
            self._looking.cancel()

    def _require_room(self) -> None:
        for stream in self.streams.values():
            if stream.enhancement.refused and stream.state != "ended":
                raise NoRoomError(
                    f"there is no room for more streams: {stream.name} waits for it ({stream.enhancement.problem}); "
                    "or remove a stream, and try again"
                )

    def _require_source(self, address: SourceAddress) -> None:
        if "\n" in address.url:
            raise ConfigError("source: it has several lines; name one file or URL")
        url = urlsplit(address.url)
        if not address.listen:
            there = local(address.url)
            if there is None or not is_pipe(there):  # a pipe would be opened by this
                locate(address.url, address.unsafe)
            if address.repeat and not address.ends:
                raise ConfigError("repeat: it is for files; leave it out, as a live source is opened again by itself")
            return
        if url.scheme not in LISTENING or not url.hostname:
            raise ConfigError(
                f"source {address.shown}: it is listened for senders of rtmp and rtsp alone; name where, such as "
                "rtmp://127.0.0.1:1935/live/KEY"
            )
        for other in self.streams.values():
            if other.address.listen and _port(other.address) == _port(address) and other.state != "ended":
                raise TakenError(
                    f"stream {other.name} listens at port {_port(address)}, which takes one sender; name another port"
                )

    async def _look(self) -> None:
        """Learn what becomes of sessions, for ever."""
        while True:
            try:
                await self._following.look()
                self.problem = ""
            except NsRayError as error:  # a new one will be asked
                self.problem = str(error)
            await asyncio.sleep(_LOOK_SECONDS)


def _port(address: SourceAddress) -> int:
    url = urlsplit(address.url)
    return url.port or _PORTS[url.scheme]


def _require_weights(path: str | None) -> None:
    if path is not None and not Path(path).is_file():
        raise ConfigError(f"weights {path}: there is no such file on the service's machine; name one by its whole path")
