"""The live service, once its options are read: actors, streams, and the API over them in this process.

The API runs by uvicorn in the process that has the streams, not by Ray Serve: what viewers watch is the state of one
process, so that replicas could not share the work, and a proxy's hop would only be one more for every message.
"""

import argparse
import asyncio
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
import uvicorn

import ns_ray
from ns_ray.actors.fleet import Fleet
from ns_ray.actors.following import Following
from ns_ray.actors.local_ray import join_ray
from ns_ray.actors.orders import Plan
from ns_ray.actors.ray_token import private_token
from ns_ray.actors.service.api import application
from ns_ray.actors.service.keys import Keys
from ns_ray.actors.service.live_service import LiveService
from ns_ray.anchors import policies
from ns_ray.anchors.account import Rate
from ns_ray.config.config import Config
from ns_ray.errors import ConfigError, FileError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.nodes import await_nodes
from ns_ray.jobs.cli.progress import waiting
from ns_ray.jobs.cli.stopping import Stop
from ns_ray.picture.coding import Coding, usual_share

_NO_END = 2**62  # frames of a stream
_KEPT_EPOCHS = 100  # of each, which nobody asks for
_CLOSE_SECONDS = 5
_BACKLOG = 128
PLAYER = Path(ns_ray.__file__).parent / "player"


def serve(options: argparse.Namespace, config: Config) -> None:
    """Start or join Ray, and serve until a signal ends it.

    Raises:
        NsRayError: actors or the API cannot be started.
    """
    token = _token(options.token)
    listening = _listening(options.ip, options.port)
    pools = (config.manager, config.host, config.decoder, config.scheduler, config.enhancer)
    try:
        with waiting(entry.console(), "starting Ray"):
            join_ray(sum(pool.actors * pool.cpus for pool in pools), config.object_store_mb)
        asyncio.run(_serve(options, config, Keys(token), listening))
    finally:
        listening.close()
        ray.shutdown()


async def _serve(options: argparse.Namespace, config: Config, keys: Keys, listening: socket.socket) -> None:
    stop, console = Stop(), entry.console()
    with stop.listening(), Fleet(config, options.num_gpus) as fleet:
        await stop.unless(await_nodes(fleet.reserved(fleet.configured()), config.wait_seconds, console))
        with waiting(console, "starting actors"):
            await stop.unless(fleet.start())
        following = Following(fleet.manager, fleet.crew, _KEPT_EPOCHS)
        service = LiveService(
            plan_of(options, config),
            config.slot,
            fleet.manager,
            following,
            most_streams=options.max_streams,
            delay=options.anchor_delay,
            unsafe=options.unsafe_input,
        )
        await service.start(options.node_ip)
        app = application(service, keys, options.model, PLAYER, frozenset(options.allow_origin))
        server = Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_CLOSE_SECONDS))
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        host, port = listening.getsockname()[:2]
        where = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        console.print(
            f"[bold]live service[/bold] {where}; token in {options.token}; files in {options.result_dir}/live"
        )
        await asyncio.wait((serving, asyncio.ensure_future(stop.event.wait())), return_when=asyncio.FIRST_COMPLETED)
        with waiting(console, "finishing files"):
            await service.stop()
        server.should_exit = True
        await serving


class Server(uvicorn.Server):
    """A server that leaves signals to the job."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def plan_of(options: argparse.Namespace, config: Config) -> Plan:
    """What all streams have in common."""
    usual = Coding.usual(options.anchor_codec or config.anchor_codec, options.fraction)
    share = 0.0 if options.quality else usual_share(usual.codec)
    coding = usual._replace(quality=options.quality or usual.quality)
    return Plan(
        uuid.uuid4().hex,
        "neuroscaler",
        policies.Fraction(options.fraction, options.scope),
        coding,
        _NO_END,
        True,
        (options.result_dir / "live").resolve(),
        time.time(),
        Rate(share=share) if share else None,
        config.admission,
    )


def _token(path: Path) -> str:
    token = private_token(path, "--token").read_text().strip()
    if len(token) < 32:
        raise ConfigError(f"--token {path}: it holds {len(token)} characters; delete it, and one of 64 is made")
    return token


def _listening(ip: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((ip, port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise FileError(f"--ip {ip} --port {port}: nobody can listen there ({error.strerror}); name others") from None
    return made
