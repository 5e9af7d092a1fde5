"""Actors that hang are killed, and nothing else happens: frozen ones, stuck ones, slow ones, alone and in runs."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
import ray
from bench import CONFIG, Bench, outputs, signalling, start
from ray import cloudpickle

from ns_ray.actors.fleet import Fleet
from ns_ray.actors.health import Watch
from ns_ray.actors.loop_worker import LoopWorker
from ns_ray.actors.peer import Peer, Team, pulse
from ns_ray.actors.scheduler_actor import SchedulerActor
from ns_ray.actors.worker import HEALTH, Worker, call
from ns_ray.anchors.policies import Fraction
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.video.packets import read_packets

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests


class Hanging(Worker):
    """Hangs in one way or another, the first time."""

    def __init__(self, affinity: list[int], folder: Path) -> None:
        super().__init__(affinity)
        self._folder = folder

    def pulse(self):
        time.sleep(0.5)
        return super().pulse()

    def _first(self, name: str) -> bool:
        first = not (self._folder / name).exists()
        (self._folder / name).touch()
        return first

    @call
    def stop(self) -> int:
        if self._first("stop"):
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(1000)  # this thread may go on for a moment
        return os.getpid()

    @call
    def hold(self) -> int:
        """Native code that never lets go of the interpreter, not even for a signal."""
        if self._first("hold"):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            ctypes.PyDLL(None).sleep(1000)
        return os.getpid()

    @call
    def crawl(self) -> int:
        if self._first("crawl"):
            time.sleep(1000)
        return os.getpid()

    @call
    def work(self, seconds: float) -> int:
        time.sleep(seconds)
        return os.getpid()


class Standing(LoopWorker):
    """Its loop stands still, the first time."""

    def __init__(self, affinity: list[int], folder: Path) -> None:
        super().__init__(affinity)
        self._folder = folder

    async def stand(self) -> int:
        self.beat()
        if not (self._folder / "stand").exists():
            (self._folder / "stand").touch()
            await asyncio.sleep(0.1)
            time.sleep(1000)
        return os.getpid()


class Ward:
    """Actors under one watch, and what it lost."""

    def __init__(self, folder: Path) -> None:
        self.losses: list[tuple[str, str, str]] = []
        self._folder = folder
        self._watch = Watch(3, lambda loss: self.losses.append((loss.actor, loss.call, loss.cause)))
        self._team = Team(uuid4().hex, retries=2, start_seconds=90)
        self._actors: list[object] = []

    async def begin(self, made: type[Worker], name: str, call_seconds: float = 60) -> Peer:
        options = {"name": name, "namespace": self._team.namespace, "max_restarts": -1, "max_concurrency": 10}
        calls = options | {"max_concurrency": 1} if made is Hanging else options
        actor = ray.remote(concurrency_groups={HEALTH: 1})(made).options(**calls).remote([], self._folder)
        self._actors.append(actor)
        self._watch.over(name, actor, call_seconds, await pulse(actor))
        return Peer(name, self._team)

    async def end(self) -> None:
        await self._watch.check()
        self._watch.end()
        for actor in self._actors:
            ray.kill(actor)

    def pid(self, peer: Peer) -> int:
        return self._watch.pid(peer.name)


@dataclass
class Hung:
    """What became of actors that hung: processes before and after, and what the watch lost."""

    before: list[int]
    after: list[int]
    losses: list[tuple[str, str, str]]


async def hang(folder: Path) -> Hung:
    ward = Ward(folder)
    stops, holds, crawls, stands = peers = await asyncio.gather(
        ward.begin(Hanging, "stops-0"),
        ward.begin(Hanging, "holds-0"),
        ward.begin(Hanging, "crawls-0", 2),
        ward.begin(Standing, "stands-0", 4),
    )
    before = [ward.pid(peer) for peer in peers]
    after = await asyncio.gather(
        stops.ask("stop", lambda actor: actor.stop.remote()),
        holds.ask("hold", lambda actor: actor.hold.remote()),
        crawls.ask("crawl", lambda actor: actor.crawl.remote()),
        stands.ask("stand", lambda actor: actor.stand.remote()),
    )
    await ward.end()
    return Hung(before, after, ward.losses)


async def wait_in_turn(folder: Path) -> Hung:
    """Calls may take 3 s and take 2, the last one waits for 4; and the job stands still for longer than any may."""
    ward = Ward(folder)
    peer = await ward.begin(Hanging, "slow-0", 3)
    before = ward.pid(peer)
    working = [asyncio.ensure_future(peer.ask("work", lambda actor: actor.work.remote(2))) for _ in range(3)]
    await asyncio.sleep(1)  # it has just been asked how it is, and not answered yet
    time.sleep(3.5)  # nothing of the job's goes on meanwhile
    after = await asyncio.gather(*working)
    await ward.end()
    return Hung([before], after, ward.losses)


@pytest.fixture(scope="module")
def outcomes(local_ray, runner, tmp_path_factory) -> tuple[Hung, Hung]:
    """All that hangs does so at once: most of it is waiting."""

    async def both() -> tuple[Hung, Hung]:
        folder = tmp_path_factory.mktemp("hangs")
        return await asyncio.gather(hang(folder), wait_in_turn(folder))

    return runner.run(both())


def test_each_way_of_hanging_is_a_death(outcomes):
    hung, _ = outcomes
    assert not set(hung.before) & set(hung.after), hung
    assert sorted(hung.losses) == [
        ("crawls 0", "crawl", "hung (crawl took more than 2 s)"),
        ("holds 0", "nothing", "hung (no answer for 3 s)"),
        ("stands 0", "the event loop", "hung (the event loop took more than 4 s)"),
        ("stops 0", "nothing", "hung (no answer for 3 s)"),
    ]


def test_no_hang_is_seen_in_calls_that_wait_their_turn_nor_by_a_job_that_was_stopped(outcomes):
    _, slow = outcomes
    assert set(slow.after) == set(slow.before)
    assert not slow.losses


def test_an_actor_that_hangs_as_it_starts_is_started_anew_and_none_is_left_behind(
    local_ray, runner, tmp_path, monkeypatch
):
    class Freezing(SchedulerActor):
        def __init__(self, affinity: list[int]) -> None:
            super().__init__(affinity)
            if not (tmp_path / "start").exists():
                (tmp_path / "start").touch()
                os.kill(os.getpid(), signal.SIGSTOP)
                time.sleep(1000)  # this thread may go on for a moment

    monkeypatch.setattr("ns_ray.actors.fleet.SchedulerActor", Freezing)
    fleet = Fleet(CONFIG.model_copy(update={"start_seconds": 12}), 0)
    runner.run(fleet.start({"scheduler": 1}))
    assert (tmp_path / "start").exists()
    assert not fleet.losses
    pid = fleet.pid("scheduler-0")
    assert psutil.pid_exists(pid)
    fleet.stop()
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)
    assert not psutil.pid_exists(pid)
    namespace = fleet.crew._team.namespace
    assert namespace not in {one["namespace"] for one in ray.util.list_named_actors(all_namespaces=True)}


@pytest.fixture(scope="module")
def impatient(local_ray, runner, weights):
    """A fleet in which actors have 3 s to answer, and encoders make the images."""
    encoder = CONFIG.encoder.model_copy(update={"anchors": "encoder"})
    fleet = start(CONFIG.model_copy(update={"hang_seconds": 3, "encoder": encoder}), runner)
    yield Bench(fleet, runner, weights)
    fleet.stop()


def test_frozen_actors_cost_an_unpaced_run_nothing_but_time_and_a_paced_one_no_packet(
    impatient, videos, expected, tmp_path
):
    """Both at once, while one actor of each kind freezes; not the host and the scheduler together, see test_deaths."""
    opened = [impatient.stream(name, path) for name, path in videos.items()]
    paced = [replace(stream, name=f"paced {stream.name}") for stream in opened]
    groups = [
        [impatient.first(kind) for kind in kinds]
        for kinds in (("host", "encoder", "enhancer"), ("decoder", "scheduler", "manager"))
    ]
    progress = signalling(impatient, signal.SIGSTOP, *groups, after=60)

    runs, paced_runs = impatient.at_once(
        impatient.follow(opened, tmp_path / "unpaced", progress),
        impatient.follow(paced, tmp_path / "paced", progress, paced=True, policy=Fraction(0.2)),
    )
    assert outputs(runs) == expected
    for run in paced_runs:
        assert not run.failed
        assert [one.packet for one in read_hybrid(str(run.path))] == list(read_packets(run.stream.info))
    hung = "hung (no answer for 3 s)"
    assert impatient.lost() == sorted((name.replace("-", " "), hung) for names in groups for name in names)
