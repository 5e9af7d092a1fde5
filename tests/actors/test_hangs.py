"""Actors that hang are killed, and nothing else happens: frozen ones, stuck ones, slow ones, alone and in runs."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from itertools import count
from pathlib import Path

import pytest
from actors.pool import ActorPool
from actors.pools import recovery
from bench import CONFIG, Bench, start
from ray import cloudpickle

from actors.worker import Worker
from ns_ray.anchors.policies import Fraction
from ns_ray.config import Config, Pool
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.video.packets import read_packets

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests

KINDS = ("source", "decoder", "scheduler", "enhancer", "encoder", "packager")


class Hanging(Worker):
    """Hangs in one way or another, the first time."""

    def __init__(self, affinity, folder: Path, start: bool = False) -> None:
        super().__init__(affinity)
        self._folder = folder
        if start and self._first("start"):
            self._freeze()

    def pulse(self):
        time.sleep(0.5)
        return super().pulse()

    def _freeze(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(1000)  # this thread may go on for a moment

    def _first(self, name: str) -> bool:
        first = not (self._folder / name).exists()
        (self._folder / name).touch()
        return first

    def stop(self) -> int:
        if self._first("stop"):
            self._freeze()
        return os.getpid()

    def hold(self) -> int:
        """Native code that never lets go of the interpreter, not even for a signal."""
        if self._first("hold"):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            ctypes.PyDLL(None).sleep(1000)
        return os.getpid()

    def crawl(self) -> int:
        if self._first("crawl"):
            time.sleep(1000)
        return os.getpid()

    def work(self, seconds: float) -> int:
        time.sleep(seconds)
        return os.getpid()


@pytest.fixture
def hanging(local_ray, runner, tmp_path):
    """Starts actors of a kind, under one watch; and what they lost."""
    losses = []
    pools = []
    watches = []

    def begin(count: int, *arguments, call_seconds: float = 60, start_seconds: float = 90) -> ActorPool:
        care = recovery(Config(hang_seconds=3, start_seconds=start_seconds), losses.append)
        watches.append(care.watch)
        pool = ActorPool(Hanging, Pool(call_seconds=call_seconds), [(tmp_path, *arguments)] * count, care)
        pools.append(pool)
        runner.run(pool.ready())
        return pool

    yield begin, losses
    for watch, pool in zip(watches, pools, strict=True):
        watch.end()
        pool.kill()


def test_each_way_of_hanging_is_a_death(hanging, runner):
    begin, losses = hanging
    stuck, slow = begin(2), begin(1, call_seconds=2)
    before = [*stuck._pids, *slow._pids]

    async def calls():
        return await asyncio.gather(stuck.call(0, "stop"), stuck.call(1, "hold"), slow.call(0, "crawl"))

    after = runner.run(calls())
    assert not set(before) & set(after), (before, after, losses)
    assert {(loss.actor, loss.call, loss.cause) for loss in losses} == {
        ("hanging 0", "stop", "hung (no answer for 3 s)"),
        ("hanging 1", "hold", "hung (no answer for 3 s)"),
        ("hanging 0", "crawl", "hung (crawl took more than 2 s)"),
    }
    assert len(losses) == 3


def test_an_actor_that_hangs_as_it_starts_is_started_anew(hanging, runner, tmp_path):
    begin, losses = hanging
    pool = begin(1, True, start_seconds=8)
    assert (tmp_path / "start").exists()
    assert runner.run(pool.call(0, "work", 0)) == pool._pids[0]
    assert not losses


def test_no_hang_is_seen_in_calls_that_wait_their_turn_nor_by_a_job_that_was_stopped(hanging, runner):
    begin, losses = hanging
    pool = begin(1, call_seconds=3)

    async def calls():
        working = [asyncio.ensure_future(pool.call(0, "work", 2)) for _ in range(3)]
        await asyncio.sleep(1)  # it has just been asked how it is, and not answered yet
        time.sleep(3.5)  # nothing of the job's goes on meanwhile
        return await asyncio.gather(*working)

    assert set(runner.run(calls())) == set(pool._pids)
    assert not losses


@pytest.fixture(scope="module")
def impatient(local_ray, runner, weights):
    """A pipeline in which actors have 3 s to answer, and encoders work too."""
    encoder = CONFIG.encoder.model_copy(update={"anchors": "encoder"})
    pipeline = start(CONFIG.model_copy(update={"hang_seconds": 3, "encoder": encoder}), runner)
    yield Bench(pipeline, runner, weights)
    pipeline.stop()


def freezing(pools: list[ActorPool], after: int):
    """Progress that freezes actors when so many epochs have been written."""
    written = count(1)

    def progress(name: str, frames: int) -> None:
        if next(written) == after:
            for pool in pools:
                os.kill(pool._pids[0], signal.SIGSTOP)

    return progress


def test_a_paced_run_in_which_one_actor_of_each_kind_freezes(impatient, videos, tmp_path):
    opened = [impatient.stream(name, path) for name, path in videos.items()]
    progress = freezing(impatient.pipeline._pools._all, after=4)
    runs = impatient.run(opened, tmp_path, progress, paced=True, policy=Fraction(0.2))
    for run in runs:
        assert not run.failed
        assert [one.packet for one in read_hybrid(str(run.path))] == list(read_packets(run.stream.info))
    losses = {loss.actor: loss.cause for loss in impatient.pipeline.losses}
    assert losses == dict.fromkeys((f"{kind} 0" for kind in KINDS), "hung (no answer for 3 s)")


def test_a_frozen_decoder_costs_an_unpaced_run_nothing_but_time(impatient, videos, expected, tmp_path):
    opened = [impatient.stream(name, path) for name, path in videos.items()]
    progress = freezing([impatient.pipeline._pools.decoders], after=4)
    runs = impatient.run(opened, tmp_path, progress)
    assert {run.stream.name: run.path.read_bytes() for run in runs} == expected
    losses = {(loss.actor, loss.cause) for loss in impatient.pipeline.losses}
    assert losses == {("decoder 0", "hung (no answer for 3 s)")}
