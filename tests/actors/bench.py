"""A fleet with its event loop, for tests of the actors."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from ns_ray.actors.fleet import Fleet
from ns_ray.actors.following import Followed, Following
from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Order, Plan
from ns_ray.actors.reports import StreamReport, Totals
from ns_ray.anchors.policies import Fraction
from ns_ray.config.config import Config
from ns_ray.picture.coding import PUBLISHED
from ns_ray.report.results import AnchorResult, EpochResult, Standing

MODEL = "EDSR_B1_F8_S3"
CONFIG = Config(epoch_seconds=20 / 60, retries=2)
_LOOK_SECONDS = 0.02

Progress = Callable[[str, int], None]
"""Told a stream's name and how many frames have been written since it was told last."""


@dataclass
class Run:
    """A stream that has ended."""

    stream: Stream
    path: Path
    report: StreamReport
    epochs: list[EpochResult]
    anchors: list[AnchorResult]

    @property
    def totals(self) -> Totals:
        return self.report.totals

    @property
    def failed(self) -> bool:
        return self.report.state == "failed"

    @property
    def reason(self) -> str:
        return self.report.reason


@dataclass
class Bench:
    """A fleet with the event loop it lives on, and how it stood in its last run with what streams asked for."""

    fleet: Fleet
    runner: asyncio.Runner
    weights: Path
    standings: Sequence[Standing] = ()

    def stream(self, name: str, path: Path, model: str = MODEL, weights: Path | None = None) -> Stream:
        info = self.runner.run(self.fleet.manager.probe(str(path)))
        return Stream(name, info, model, str(weights or self.weights))

    def run(
        self, streams: Sequence[Stream], output: Path, progress: Progress = lambda name, frames: None, **plan
    ) -> list[Run]:
        (runs,) = self.at_once(self.follow(streams, output, progress, **plan))
        return runs

    def at_once(self, *followed: Awaitable[list[Run]]) -> list[list[Run]]:
        """Several runs side by side, of streams with other names each."""

        async def all_of_them() -> list[list[Run]]:
            return await asyncio.gather(*followed)

        self.fleet.losses.clear()
        return self.runner.run(all_of_them())

    async def follow(self, streams: Sequence[Stream], output: Path, progress: Progress, **plan) -> list[Run]:
        output.mkdir(exist_ok=True)
        settings = {
            "method": "neuroscaler",
            "policy": Fraction(0.1),
            "coding": PUBLISHED,
            "frames": 100,
            "paced": False,
        } | plan
        following = Following(self.fleet.manager, self.fleet.crew, kept_epochs=1000)
        orders = Plan(run=uuid4().hex, output=output, began=0.0, **settings)
        await self.fleet.manager.prepare(streams, orders)
        orders = replace(orders, began=time.time())
        await following.add([Order(stream, orders) for stream in streams])
        try:
            while following.running:
                await following.look(progress)
                await asyncio.sleep(_LOOK_SECONDS)
            self.standings = list(following.standings)
            return [_run(following.streams[stream.name]) for stream in streams]
        finally:
            await following.halt(following.running)
            await following.drop([stream.name for stream in streams])

    def first(self, kind: str) -> str:
        """The first actor of a kind that there is."""
        return next(name for name in self.fleet.names() if name.startswith(f"{kind}-"))

    def lost(self) -> list[tuple[str, str]]:
        """Actors that died, and of what."""
        self.runner.run(self.fleet.check())
        return sorted((loss.actor, loss.cause) for loss in self.fleet.losses)


def _run(followed: Followed) -> Run:
    reports = [followed.epochs[number] for number in sorted(followed.epochs)]
    anchors = [anchor for report in reports for anchor in report.anchors]
    order = followed.order
    return Run(order.stream, order.path, followed.report, [report.result for report in reports], anchors)


def start(config: Config, runner: asyncio.Runner, kinds: Sequence[str] = ("encoder",)) -> Fleet:
    """A fleet as it is configured, and one more of each of some kinds."""
    fleet = Fleet(config, 0)
    more = {kind: fleet.configured().get(kind, 0) + 1 for kind in kinds}
    runner.run(fleet.start(fleet.configured() | more))
    return fleet


def outputs(runs: Sequence[Run]) -> dict[str, bytes]:
    assert not [run.reason for run in runs if run.failed]
    return {run.stream.name: run.path.read_bytes() for run in runs}


def signalling(bench: Bench, number: signal.Signals, *groups: Sequence[str], after: int) -> Progress:
    """Progress that sends a signal to a group of actors each time that so many frames have been written."""
    left = list(groups)
    written = 0

    def progress(_: str, frames: int) -> None:
        nonlocal written
        written += frames
        if left and written >= after:
            written = 0
            for name in left.pop(0):
                os.kill(bench.fleet.pid(name), number)

    return progress
