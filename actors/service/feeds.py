"""Where hosts get streams from: a TCP server of relays, by a secret that only they are told."""

import asyncio
import hmac
import secrets
from contextlib import suppress
from urllib.parse import quote

from ns_ray.actors.service.relay import Relay
from ns_ray.actors.service.relayed import SCHEME
from ns_ray.actors.service.wire import packed

_ASK_SECONDS = 10.0


class Feeds:
    """Serves streams by name. A host that does not take what it is sent is waited for by nobody else."""

    def __init__(self) -> None:
        """Set up a server; `start` has it listen."""
        self.relays: dict[str, Relay] = {}
        self._secret = secrets.token_urlsafe(24)
        self._server: asyncio.Server | None = None
        self._where = ""

    async def start(self, ip: str) -> None:
        """Listen at an address of this machine, on any free port."""
        self._server = await asyncio.start_server(self._serve, ip, 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self._where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def publish(self, name: str, relay: Relay) -> str:
        """Have hosts get what a relay gives; returns where."""
        self.relays[name] = relay
        return f"{SCHEME}://{self._secret}@{self._where}/{quote(name)}"

    def stop(self) -> None:
        """Serve nobody any more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_ASK_SECONDS):
                secret, name, index = (await reader.readuntil(b"\n")).split()
            relay = self.relays.get(name.decode())
            if hmac.compare_digest(secret, self._secret.encode()) and relay is not None:
                async for message in relay.feed(int(index)):
                    writer.write(packed(message))
                    await writer.drain()
        writer.close()
