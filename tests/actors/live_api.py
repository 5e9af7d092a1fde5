"""The live service's API over a socket, for tests."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import uvicorn
from bench import MODEL

from ns_ray.actors.service.api import application
from ns_ray.actors.service.keys import Keys
from ns_ray.actors.service.live_service import LiveService
from ns_ray.jobs.work.serve import Server

TOKEN = "of this test"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def served(service: LiveService, player: Path) -> AsyncIterator[str]:
    """The API of a service that begins to work, at a free port."""
    await service.start("127.0.0.1")
    listening = socket.create_server(("127.0.0.1", 0))
    app = application(service, Keys(TOKEN), MODEL, player, frozenset({"https://tv.example"}))
    server = Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        await service.stop()
        server.should_exit = True
        await serving
        listening.close()


async def watch(client: aiohttp.ClientSession, url: str, got: list[bytes]) -> None:
    """Take all that a viewer is sent, until the stream ends."""
    async with client.ws_connect(url, max_msg_size=0) as viewer:
        async for message in viewer:
            got.append(message.data)
