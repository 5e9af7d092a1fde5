"""What comes and goes leaves nothing behind: streams, plans, actors, sizes, epochs told twice."""

import asyncio
import threading
from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streams

from ns_ray.actors import reading, scheduler
from ns_ray.actors.following import Followed, Following
from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Order, Plan, Roster
from ns_ray.actors.peer import Team
from ns_ray.actors.peers import Meeting
from ns_ray.actors.ray_crew import _MOST_PEERS, RayPeers
from ns_ray.actors.reading import Readers
from ns_ray.actors.reports import EpochReport, HostReport, StreamReport, Totals
from ns_ray.actors.scheduler import Scheduler
from ns_ray.actors.service import manager
from ns_ray.actors.service.manager import Manager
from ns_ray.actors.service.seating import engine_key
from ns_ray.actors.usage import _MOST_SAMPLES, UsageSampler
from ns_ray.anchors import policies
from ns_ray.anchors.offer import Offer
from ns_ray.config.config import Config
from ns_ray.errors import ActorLostError, ModelError
from ns_ray.hybrid.notes import read_notes
from ns_ray.hybrid.writer import HybridFormat, append_epoch
from ns_ray.picture.coding import PUBLISHED
from ns_ray.report.results import EngineResult, EpochResult
from ns_ray.video.packets import Mark
from ns_ray.video.probe import VideoInfo, probe

POLICY = policies.Fraction(0.075)
MODEL = "EDSR_B1_F4_S3"


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return streams.encode(tmp_path_factory.mktemp("videos") / "v.mkv", size=(64, 64), frames=40, rate=Fraction(30))


@pytest.fixture(scope="module")
def info(video) -> VideoInfo:
    return probe(str(video))


def _order(stream: Stream) -> Order:
    plan = Plan("run", "neuroscaler", POLICY, PUBLISHED, 100, False, Path("out"), 0.0)
    return Order(stream, plan)


# Sources.


def test_a_source_whose_stream_ended_while_it_was_waited_for_is_closed(info, monkeypatch) -> None:
    going, go_on = threading.Event(), threading.Event()
    read_units = reading.read_units

    def slowly(*arguments: Any, **named: Any) -> Any:
        for unit in read_units(*arguments, **named):
            going.set()
            assert go_on.wait(10)
            yield unit

    monkeypatch.setattr(reading, "read_units", slowly)

    async def main() -> Readers:
        readers = Readers()
        stream = Stream("s", info, MODEL)
        read = asyncio.ensure_future(readers.read(stream, Mark(), Fraction(100), 10))
        await asyncio.to_thread(going.wait, 10)
        read.cancel()  # as a halt does
        readers.forget("s")
        go_on.set()
        await readers.read(Stream("other", info, MODEL), Mark(), Fraction(100), 1)  # the thread has come round
        return readers

    assert list(asyncio.run(main())._readings) == ["other"]


def test_a_reopened_source_keeps_no_packets_of_before(info) -> None:
    async def main() -> Readers:
        readers, stream = Readers(), Stream("s", info, MODEL)
        first = await readers.read(stream, Mark(), Fraction(100), 20)
        again = Readers()
        await again.read(stream, first.mark, Fraction(100), 5)
        assert len(await Readers().before(stream, first.mark)) == 20  # which there were
        return again

    (open_one,) = asyncio.run(main())._readings.values()
    assert open_one.before == []


# Plans.


class Clock:
    """Time that stands still unless it is set."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


def _offer(name: str) -> Offer:
    ints, floats = np.zeros(1, np.int64), np.zeros(1)
    kinds, none = np.zeros(0, np.int8), np.zeros(0)
    return Offer((name,), ints, kinds, none, ints, ints > 0, ints + 40, ints + 40, floats, floats, floats * np.nan)


def test_plans_that_nobody_left_are_forgotten() -> None:
    async def main() -> None:
        clock = Clock()
        made = Scheduler(clock)

        async def meet(run: str, hosts: frozenset[str] = frozenset({"host-0"})) -> None:
            await made.choose(Meeting(run, 0, "host-0", Roster(1, hosts), POLICY, None), _offer(run))

        for i in range(50):
            await meet(f"run-{i}")  # its host dies, and so does the manager, which would have told
        waiting = asyncio.ensure_future(meet("waiting", frozenset({"host-0", "host-1"})))
        await asyncio.sleep(0)
        clock.time = scheduler._IDLE_SECONDS + 1
        await meet("new")
        assert set(made._runs) == {"waiting", "new"}
        await made.choose(Meeting("waiting", 0, "host-1", Roster(1, frozenset({"host-1"})), POLICY, None), _offer("x"))
        await waiting

    asyncio.run(main())


# Actors.


def test_peers_that_come_and_go_are_forgotten() -> None:
    peers = RayPeers(Team("fleet", 1, 1.0))
    first = peers._peer("scheduler-0")
    for number in range(2 * _MOST_PEERS):
        peers._peer(f"decoder-{number}")
        assert peers._peer("scheduler-0") is first  # what is in use stays
    assert len(peers._known) <= _MOST_PEERS


class Crew:
    """Actors that are ready at once; weights named `bad` cannot be used."""

    async def names(self) -> list[str]:
        return ["host-0", "decoder-0", "enhancer-0"]

    async def dead(self, names: Collection[str]) -> set[str]:
        return set()

    async def first_packets(self, *_: object) -> None:
        return None

    async def prepare_enhancer(self, enhancer: str, stream: Stream) -> EngineResult:
        if stream.weights == "bad":
            raise ModelError("bad")
        return EngineResult("torch", "cpu", 1.0)

    async def prepare_decoder(self, *_: object) -> None:
        pass

    async def add(self, *_: object) -> None:
        pass

    async def remove(self, *_: object) -> None:
        raise ActorLostError("host-0 is gone")

    async def take_roster(self, *_: object) -> None:
        pass

    async def take_rosters(self, *_: object) -> None:
        pass


def test_a_manager_forgets_streams_sizes_and_those_it_refused(info, monkeypatch) -> None:
    monkeypatch.setattr(manager, "_MOST_ENGINES", 8)

    async def main() -> None:
        made = Manager(Config(), Crew(), Clock())  # type: ignore[arg-type]
        stays = Stream("stays", info, MODEL)
        await made.add([_order(stays)])
        for number in range(10):
            with pytest.raises(ModelError):
                await made.add([_order(Stream(f"bad{number}", info, MODEL, "bad"))])
            with pytest.raises(ModelError):
                await made.prepare([Stream(f"worse{number}", info, MODEL, "bad")])
        assert set(made._seating.seats) == {"stays"}
        for number in range(50):
            stream = Stream(f"s{number}", replace(info, width=64 + 2 * number), MODEL)
            await made.add([_order(stream)])
            await made.remove([stream.name])  # though its host is not there
        assert set(made._streams) == set(made._seating.seats) == {"stays"}
        assert len(made._engines) <= 9
        assert set(made._engines) == set(made._seating.engine_ms)
        assert ("enhancer-0", engine_key(stays)) in made._engines

    asyncio.run(main())


# Epochs.


def _epochs(*numbers: int) -> tuple[EpochReport, ...]:
    return tuple(EpochReport(EpochResult("s", number), ()) for number in numbers)


def test_epochs_that_are_told_again_drive_out_no_newer_ones(info) -> None:
    told = iter(
        [
            HostReport("one", (), _epochs(0, 1, 2, 3, 4, 5), 6),
            HostReport("two", (), _epochs(0, 1, 2), 3),  # started again, it tells from the beginning on
            HostReport("two", (), _epochs(3, 4, 5, 6), 7),
        ]
    )

    class Hosts:
        async def report(self, *_: object) -> HostReport:
            try:
                return next(told)
            except StopIteration:
                raise ActorLostError("host-0 is gone") from None

    async def main() -> None:
        following = Following(None, Hosts(), 4)  # type: ignore[arg-type]
        stream = Stream("s", info, MODEL)
        report = StreamReport("s", "v", "running", "", (), Totals())
        following.streams["s"] = Followed(_order(stream), report, {})
        for latest in (5, 5, 6):
            await following._ask("host-0", lambda name, frames: None)
            assert list(following.streams["s"].epochs) == list(range(latest - 3, latest + 1))
        await following._ask("host-0", lambda name, frames: None)
        assert not following._told

    asyncio.run(main())


def test_of_a_long_file_the_latest_notes_are_read(tmp_path, info) -> None:
    path = tmp_path / "live.mkv.part"
    offset, format = 0, HybridFormat((64, 64), (192, 192), info.frame_rate, info.time_base, (), b"", video_codec="vp9")
    read = asyncio.run(Readers().read(Stream("s", info, MODEL), Mark(), Fraction(100), 10))
    for number in range(10):
        offset = append_epoch(path, format, offset, read.packets[number : number + 1], (), (), b"note %d" % number)
    every = read_notes(path)
    assert [data for _, data in every] == [b"note %d" % number for number in range(10)]
    assert read_notes(path, 3) == every[-3:]


def test_samples_of_memory_become_rarer_not_more(monkeypatch) -> None:
    sampler = UsageSampler.__new__(UsageSampler)
    sampler._memory, sampler._interval, sampler._cpu = [], 1.0, {}
    monkeypatch.setattr(sampler, "_recent", list, raising=False)
    for sample in range(3 * _MOST_SAMPLES):
        sampler._sample()
        sampler._memory[-1] = float(sample)
        assert len(sampler._memory) < _MOST_SAMPLES
    assert sampler._interval > 4
    assert sampler._memory == sorted(sampler._memory)
