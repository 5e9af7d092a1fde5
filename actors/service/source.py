"""A source that is kept up: its process is started, watched, and started again when it ends."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from ns_ray.actors.service.wire import End, Message, receive
from ns_ray.errors import MediaError
from ns_ray.video.address import regular

_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 30.0
_SOUND_SECONDS = 10.0
_BEGIN_SECONDS = 30.0
_SILENT_SECONDS = 15.0
_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """Where a stream comes from.

    Attributes:
        url: a file, a pipe or a URL.
        listen: whether to wait there for somebody who sends (rtmp, rtsp).
        repeat: whether a file begins again at its end.
        unsafe: as in `open_input`.
    """

    url: str
    listen: bool = False
    repeat: bool = False
    unsafe: bool = False

    @property
    def ends(self) -> bool:
        """Whether its end is the stream's: it is a file."""
        return regular(self.url) is not None

    @property
    def shown(self) -> str:
        """The address for others to see: without user, password and query; where we listen, without the key."""
        parts = urlsplit(self.url)
        if not parts.scheme or not parts.netloc:
            return self.url
        path = parts.path.rpartition("/")[0] + "/..." if self.listen else parts.path
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))


class BackOff:
    """How long to wait before a source is tried again: half a second, doubled up to 30 s while it does not last."""

    def __init__(self) -> None:
        self._next = _FIRST_SECONDS

    def after(self, lasted: float) -> float:
        """Seconds to wait after a connection that gave packets for so many seconds."""
        if lasted >= _SOUND_SECONDS:
            self._next = _FIRST_SECONDS
        wait, self._next = self._next, min(2 * self._next, _LONGEST_SECONDS)
        return wait


Start = Callable[[SourceAddress], Awaitable["asyncio.subprocess.Process"]]


async def start_process(address: SourceAddress) -> "asyncio.subprocess.Process":
    """Start a source's process (`ingest`)."""
    options = [name for name, on in (("--listen", address.listen), ("--unsafe", address.unsafe)) if on]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ns_ray.actors.service.ingest", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the service, which ends its sources
    )
    assert process.stdin is not None
    process.stdin.write(os.fsencode(address.url) + b"\n")
    return process


async def connection(address: SourceAddress, start: Start = start_process) -> AsyncGenerator[Message, None]:
    """What one connection gives, from its Hello on; the last message is its End.

    A source that says nothing for 15 s, or is not open within 30 s where nobody is waited for, is killed. What it says
    of its address tells no secrets.
    """
    process = await start(address)
    assert process.stdout is not None
    limit = None if address.listen else _BEGIN_SECONDS
    try:
        while True:
            async with asyncio.timeout(limit):
                message = await receive(process.stdout)
            if message is None:
                yield End("its process died")
                return
            if isinstance(message, End):
                yield End(message.reason.replace(address.url, address.shown))
                return
            yield message
            limit = _SILENT_SECONDS
    except TimeoutError:
        yield End(f"nothing came from it for {limit:g} s")
    except MediaError as error:
        yield End(str(error))
    finally:
        await _end(process)


async def _end(process: "asyncio.subprocess.Process") -> None:
    with suppress(ProcessLookupError):
        process.kill()
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_SECONDS):
            await process.wait()


class Source:
    """Connections to a source, one after the other."""

    def __init__(self, address: SourceAddress, start: Start = start_process) -> None:
        """Set up a source; `start` starts its process."""
        self._address = address
        self._start = start

    async def run(self, take: Callable[[Message], None], waiting: Callable[[str, float], None]) -> None:
        """Go on without end, but for that of a file that is not repeated.

        Args:
            take: given what comes: a Hello for each connection, its packets. It may refuse: the MediaError that it
                raises ends the connection.
            waiting: told why there is no connection any more, and how many seconds it is waited before the next.
        """
        back_off, now = BackOff(), asyncio.get_running_loop().time
        while True:
            begun, reason = None, ""
            async with aclosing(connection(self._address, self._start)) as messages:
                try:
                    async for message in messages:
                        if isinstance(message, End):
                            reason = message.reason
                            continue
                        take(message)
                        begun = begun or now()
                except MediaError as error:
                    reason = str(error)
            lasted = now() - begun if begun is not None else 0.0
            if not reason and self._address.ends:
                if not self._address.repeat:
                    return
                if lasted >= _FIRST_SECONDS:
                    continue
            seconds = back_off.after(lasted)
            waiting(reason or "the source ended", seconds)
            await asyncio.sleep(seconds)
