"""Nodes are killed in turn while streams run; then every file must be whole, and anchors may have lacked shortly.

    .venv/bin/python tests/chaos/nodes.py --seconds 600 --kill-every 20 --json nodes.json

A head with the manager, and five nodes on this machine: two with a host and a decoder each, two with an enhancer, one
with the scheduler. Nodes are killed (SIGKILL, to the raylet and all that it started) one after the other, hosts',
enhancers', the scheduler's; a new node comes in place of each at once. The head is not: its GCS, which knows all that
there is, is lost with it, unless Ray keeps that in a Redis.

All streams run from the beginning to the end, in real time. Where others of the kind were left, a kill may cost no
stream more than 2 s of anchors; every packet must be in its file, once and in order; memory must be flat; and each
actor's loss must be told of. The exit status is 1 where something is not so.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil
import ray
import streams
from ray._private.state import actors
from rich.console import Console
from rich.table import Table
from run import MODEL, problem
from verdict import Memory, NodeKill, Seen, costs, faults

from ns_ray.actors.fleet import Fleet
from ns_ray.actors.following import Following
from ns_ray.actors.messages import Stream
from ns_ray.actors.node_checks import NODE_CHECKS
from ns_ray.actors.orders import Order, Plan
from ns_ray.anchors import policies
from ns_ray.config.actors import DecoderPool, EnhancerPool, Pool
from ns_ray.config.config import Config
from ns_ray.picture.coding import PUBLISHED
from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights

NODES = {"hosting": 2, "enhancing": 2, "scheduling": 1}
CONFIG = Config(
    manager=Pool(resources={"control": 1}),
    scheduler=Pool(resources={"scheduling": 1}),
    host=Pool(actors=2, resources={"hosting": 1}),
    decoder=DecoderPool(actors=2, resources={"decoding": 1}),
    enhancer=EnhancerPool(actors=2, engine="torch", resources={"enhancing": 1}),
    start_seconds=240,
)
RATE = Fraction(30)
_STORE = 80 * 2**20
_LOOK_SECONDS = 0.5
_MEMORY_SECONDS = 10.0
_PATIENCE_SECONDS = 90.0


def say(began: float, text: str) -> None:
    print(f"{time.time() - began:7.1f} s: {text}", flush=True)


@dataclass(eq=False)
class Node:
    """One that has been started: its process, which has started all others, and the resource that it alone has."""

    process: "subprocess.Popen[bytes]"
    mark: str

    @property
    def id(self) -> str:
        """Ray's name for it; none as long as it has not joined."""
        return next((one["NodeID"] for one in ray.nodes() if one["Alive"] and self.mark in one["Resources"]), "")


class Nodes:
    """A head, and nodes of each kind, which are replaced as they are killed."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Start the head; `join` starts the others."""
        self._random = random.Random(seed)
        self._folder = folder
        self._started = 0
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{found.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        head = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}/ray")
        self._head = self._start("control", 2, *head)
        self._nodes: dict[str, list[Node]] = {kind: [] for kind in NODES}

    def _start(self, kind: str, cpus: int, *words: str) -> Node:
        self._started += 1
        mark = f"{kind}{self._started}"
        offers = {kind: 1, mark: 1} | ({"decoding": 1} if kind == "hosting" else {})
        command = ("start", "--block", "--node-ip-address=127.0.0.1", f"--num-cpus={cpus}", *words)
        more = (f"--resources={json.dumps(offers)}", f"--object-store-memory={_STORE}")
        with (self._folder / f"{mark}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", *command, *more],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return Node(process, mark)

    def await_head(self) -> None:
        """Join the head once it is there."""
        host, _, port = self.address.rpartition(":")
        while True:
            with suppress(OSError), socket.create_connection((host, int(port)), 1):
                break
            if self._head.process.poll() is not None:
                raise SystemExit((self._folder / f"{self._head.mark}.log").read_text())
            time.sleep(0.5)
        ray.init(self.address, log_to_driver=False, logging_level="ERROR")

    async def join(self, kind: str) -> None:
        """Have one more node of a kind."""
        node = self._start(kind, 1, f"--address={self.address}")
        while not node.id:
            if node.process.poll() is not None:  # Ray gives up where the machine is too busy
                node = self._start(kind, 1, f"--address={self.address}")
            await asyncio.sleep(_LOOK_SECONDS)
        self._nodes[kind].append(node)

    def pick(self, kind: str) -> Node | None:
        """One of a kind, to be killed; None where there is none now."""
        there = self._nodes[kind]
        return self._random.choice(there) if there else None

    def kill(self, kind: str, node: Node) -> None:
        """Kill a node with all that runs on it."""
        self._nodes[kind].remove(node)
        _kill(node)

    def stop(self) -> None:
        """End them all."""
        for node in [*(one for its in self._nodes.values() for one in its), self._head]:
            _kill(node)

    def lasting(self) -> list[psutil.Process]:
        """Processes of the head."""
        return _with_children(self._head.process.pid)

    def everybody(self) -> list[psutil.Process]:
        """Processes of all nodes."""
        nodes = [self._head, *(one for its in self._nodes.values() for one in its)]
        return [process for node in nodes for process in _with_children(node.process.pid)]


def _kill(node: Node) -> None:
    for process in _with_children(node.process.pid):
        with suppress(psutil.Error):
            process.kill()
    node.process.wait()


def _with_children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _megabytes(processes: Sequence[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().uss
    return total / 2**20


class Trial:
    """Streams on a fleet whose nodes are killed."""

    def __init__(self, folder: Path, nodes: Nodes, count: int) -> None:
        self.kills: list[NodeKill] = []
        self.memory: list[Memory] = []
        self.streams: list[Seen] = []
        self._nodes = nodes
        self._count = count
        self._clips = [
            streams.encode(folder / "plain.mkv", size=(64, 48), frames=120, rate=RATE),
            streams.encode(folder / "hidden.mkv", size=(64, 48), frames=120, rate=RATE, options=streams.HIDDEN),
        ]
        self._weights = folder / "weights.pt"
        save_weights(build(MODEL).state_dict(), self._weights)
        self._output = folder / "out"
        self._output.mkdir()
        self._fleet = Fleet(CONFIG, 0)
        self._following = Following(self._fleet.manager, self._fleet.crew, kept_epochs=100)
        self._seen: dict[str, Seen] = {}

    @property
    def losses(self) -> list[str]:
        """Actors that died, as they are told of: `host-0`."""
        return [loss.actor.replace(" ", "-") for loss in self._fleet.losses]

    async def run(self, seconds: float, every: float) -> None:
        """Go on for so long, and until all streams have ended."""
        for kind in (kind for kind, count in NODES.items() for _ in range(count)):
            await self._nodes.join(kind)
        await self._fleet.start()
        infos = [await self._fleet.manager.probe(str(clip)) for clip in self._clips]
        ours = [
            Stream(f"stream{number}", infos[number % len(infos)], MODEL, str(self._weights))
            for number in range(self._count)
        ]
        await self._fleet.manager.prepare(ours)
        frames, policy = round(seconds * RATE), policies.Fraction(0.1, "stream")
        plan = Plan("nodes", "neuroscaler", policy, PUBLISHED, frames, True, self._output, time.time())
        self._slot = float(CONFIG.slot)
        self._seen = {one.name: Seen(one.name, "running", "", 0, int(seconds / self._slot)) for one in ours}
        await self._following.add([Order(stream, plan) for stream in ours])
        say(plan.began, "streams begin")
        beside = [
            asyncio.ensure_future(self._kill(plan.began, seconds, every)),
            asyncio.ensure_future(self._weigh(plan.began)),
        ]
        until = plan.began + seconds + _PATIENCE_SECONDS
        while self._following.running and time.time() < until:
            await self._following.look()
            for name, followed in self._following.streams.items():
                self._seen[name].anchored |= {number for number, one in followed.epochs.items() if one.anchors}
            await asyncio.sleep(_LOOK_SECONDS)
        await beside[0]
        beside[1].cancel()
        for name, followed in self._following.streams.items():
            seen = self._seen[name]
            seen.state, seen.problem = followed.report.state, followed.report.reason or problem(followed)
            if not seen.problem and followed.report.totals.shown != frames:
                seen.problem = f"{followed.report.totals.shown} of {frames} frames"
        self.streams = list(self._seen.values())
        await self._fleet.check()
        self._fleet.stop()

    async def _kill(self, began: float, seconds: float, every: float) -> None:
        """Kill a node every so often, but in the last seconds; wait until all are back."""
        replacing = []
        for turn, kind in enumerate(cycle(NODES), 1):
            await asyncio.sleep(began + turn * every - time.time())
            if time.time() > began + seconds - every / 2:
                break
            node = self._nodes.pick(kind)
            if node is None:
                say(began, f"no {kind} node is back yet")
                continue
            who = self._on(node.id)
            left = await self._left(kind, who)
            kill = NodeKill(round(time.time() - began, 1), kind, who, left)
            self._nodes.kill(kind, node)
            self.kills.append(kill)
            say(began, f"{kind} node killed, with {', '.join(who) or 'nobody'}{'' if left else '; no other is left'}")
            replacing.append(asyncio.ensure_future(self._replace(began, kill)))
        if replacing:
            await asyncio.wait(replacing, timeout=_PATIENCE_SECONDS)

    def _on(self, node: str) -> list[str]:
        """Our actors on a node."""
        return sorted(
            one["Name"] for one in actors().values() if one["Address"]["NodeID"] == node and one["State"] == "ALIVE"
        )

    async def _left(self, kind: str, gone: Sequence[str]) -> bool:
        """Whether there are others for what these do; hosts do without the scheduler."""
        if kind == "scheduling":
            return True
        crew = self._fleet.crew
        names = [name for name in await crew.names() if name not in gone]
        there = {name.rpartition("-")[0] for name in names if await crew.answers(name)}
        return {name.rpartition("-")[0] for name in gone} <= there

    async def _replace(self, began: float, kill: NodeKill) -> None:
        await self._nodes.join(kill.kind)
        while not all([await self._fleet.crew.answers(actor) for actor in kill.actors]):
            await asyncio.sleep(_LOOK_SECONDS)
        kill.back = round(time.time() - began, 1)
        say(began, f"{', '.join(kill.actors) or kill.kind} back")

    async def _weigh(self, began: float) -> None:
        while True:
            await asyncio.sleep(_MEMORY_SECONDS)
            lasting = [psutil.Process(), *self._nodes.lasting()]
            everybody = [psutil.Process(), *self._nodes.everybody()]
            now = time.time() - began
            self.memory.append(Memory(round(now, 1), round(_megabytes(lasting), 1), round(_megabytes(everybody), 1)))


def show(trial: Trial, wrong: Sequence[str]) -> None:
    """Print what each kill cost, and what is wrong."""
    table = Table(title="Nodes killed")
    for column in ("at", "node", "with", "others left", "back after", "most without anchors"):
        table.add_column(column)
    for kill, cost in zip(trial.kills, costs(trial.streams, trial.kills, float(CONFIG.slot)), strict=True):
        back = "never" if kill.back is None else f"{kill.back - kill.seconds:.1f} s"
        left = "yes" if kill.left else "no"
        table.add_row(f"{kill.seconds:.1f} s", kill.kind, " ".join(kill.actors), left, back, f"{cost:.1f} s")
    Console(width=110).print(table)
    if trial.memory:
        first, last = trial.memory[0], trial.memory[-1]
        print(f"memory, MB: those that nobody kills {first.lasting} to {last.lasting}, all {first.all} to {last.all}")
    print(f"{len(trial.streams)} streams, {len(trial.kills)} kills, {len(trial.losses)} losses told of")
    for one in wrong:
        print(f"wrong: {one}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--kill-every", type=float, default=20, help="seconds between kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where to write what happened")
    options = parser.parse_args(argv)
    os.environ |= NODE_CHECKS | {"RAY_IGNORE_UNHANDLED_ERRORS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    with tempfile.TemporaryDirectory(prefix="nodes", dir="/tmp", ignore_cleanup_errors=True) as folder:
        nodes = Nodes(Path(folder), options.seed)
        try:
            nodes.await_head()
            trial = Trial(Path(folder), nodes, options.streams)
            asyncio.run(trial.run(options.seconds, options.kill_every))
        finally:
            ray.shutdown()
            nodes.stop()
    wrong = faults(trial.streams, trial.kills, trial.losses, trial.memory, float(CONFIG.slot))
    show(trial, wrong)
    if options.json:
        record = {
            "options": {key: str(value) for key, value in vars(options).items()},
            "streams": [asdict(one) | {"anchored": sorted(one.anchored)} for one in trial.streams],
            "kills": [asdict(one) for one in trial.kills],
            "losses": trial.losses,
            "memory": [asdict(one) for one in trial.memory],
            "wrong": wrong,
        }
        options.json.write_text(json.dumps(record, indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
