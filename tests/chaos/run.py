"""Streams join and leave while actors are killed; then every file must be whole.

    .venv/bin/python tests/chaos/run.py --seconds 300 --every 2 --kill-every 7 --seed 0

A stream of tiny pictures joins every few seconds, in real time. After some seconds it leaves, by its own end or,
once it has anchors, as it is told to. Hosts, enhancers, scheduler, manager and decoders are killed (SIGKILL) in turn.
Afterwards every file must hold each packet once and in order, and all anchors that were told of, of which there must be
some. The exit status is 1 where one does not. What happened is written as JSON.

Epochs that are late are told apart: of streams whose host, decoder or enhancer was killed shortly before, or was not
yet back, and of all others, which a kill should not disturb. On a machine with too few cores, processes that are
started again take these from everybody.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import cycle, islice
from math import floor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import ray
import streams

from ns_ray.actors.fleet import Fleet
from ns_ray.actors.following import Followed, Following
from ns_ray.actors.local_ray import join_ray
from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Order, Plan
from ns_ray.anchors import policies
from ns_ray.config.actors import DecoderPool, EnhancerPool, Pool
from ns_ray.config.config import Config
from ns_ray.errors import NsRayError
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.picture.coding import PUBLISHED
from ns_ray.report.results import EpochResult
from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights
from ns_ray.video.packets import read_packets

MODEL = "EDSR_B1_F8_S3"
CONFIG = Config(
    epoch_seconds=20 / 60,
    host=Pool(actors=2),
    decoder=DecoderPool(actors=2),
    enhancer=EnhancerPool(actors=2, engine="torch"),
    start_seconds=120,
)
KILLED = ("host", "enhancer", "scheduler", "manager", "decoder")
FRAMES = 900
_PATIENCE_SECONDS = 60
_LOOK_SECONDS = 0.25
_FIRST_EPOCHS = 2  # of a stream, which may be late as it joins
_CATCH_UP_SECONDS = 3.0  # in which streams are given back to an actor, and come level with time again


@dataclass
class Kill:
    """An actor that was killed, and when it answered again, in seconds since the beginning."""

    seconds: float
    actor: str
    back: float | None = None

    def concerns(self, begin: float, end: float) -> bool:
        """Whether the actor is missed between two times."""
        return self.seconds <= end and (self.back is None or begin <= self.back + _CATCH_UP_SECONDS)


@dataclass
class Ended:
    """A stream that has ended; `problem` says what is wrong with it, if anything."""

    name: str
    joined: float
    state: str
    frames: int
    anchors: int
    epochs: int
    late: int
    late_undisturbed: int
    undisturbed: int
    dropped: int
    problem: str


class Chaos:
    """Streams that come and go on a fleet, and kills."""

    def __init__(self, folder: Path, seed: int, life: tuple[float, float]) -> None:
        self.kills: list[Kill] = []
        self.ended: list[Ended] = []
        self._random = random.Random(seed)
        self._life = life
        self._clips = _clips(folder)
        self._weights = folder / "weights.pt"
        save_weights(build(MODEL).state_dict(), self._weights)
        self._output = folder / "out"
        self._output.mkdir()
        self._fleet = Fleet(CONFIG, 0)
        self._following = Following(self._fleet.manager, self._fleet.crew, kept_epochs=100)
        self._joined: dict[str, float] = {}
        self._awaited: list[asyncio.Task[None]] = []
        self._workers: dict[str, set[str]] = {}  # all that ever worked for a stream

    async def run(self, seconds: float, every: float, kill_every: float) -> None:
        """Go on for so many seconds, and until all streams have ended."""
        await self._fleet.start()
        infos = [await self._fleet.manager.probe(str(clip)) for clip in self._clips]
        of_each = [Stream(f"first{number}", info, MODEL, str(self._weights)) for number, info in enumerate(infos)]
        await self._fleet.manager.prepare(of_each)
        await self._fleet.manager.remove([stream.name for stream in of_each])
        plan = Plan(
            "chaos",
            "neuroscaler",
            policies.Fraction(0.1),
            PUBLISHED,
            FRAMES,
            True,
            self._output,
            began=time.time(),
        )
        until = time.monotonic() + seconds
        works = [
            asyncio.ensure_future(self._join(plan, infos, every, until)),
            asyncio.ensure_future(self._kill(plan, kill_every, until)),
        ]
        while not all(work.done() for work in works) or self._following.streams:
            if time.monotonic() > until + _PATIENCE_SECONDS:
                self._give_up(works)
                break
            for work in works:
                if work.done():
                    work.result()
            await self._following.look()
            await self._see_who_works()
            await self._take_ended(plan)
            await asyncio.sleep(_LOOK_SECONDS)
        await asyncio.wait(self._awaited or [asyncio.ensure_future(asyncio.sleep(0))], timeout=_PATIENCE_SECONDS)
        await self._fleet.check()
        self._fleet.stop()

    async def _see_who_works(self) -> None:
        for host in (name for name in self._fleet.names() if name.startswith("host-")):
            if any(kill.actor == host and kill.back is None for kill in self.kills):
                continue
            with suppress(NsRayError):
                for name, doing in (await self._fleet.crew.doing(host)).items():
                    who = doing.placement
                    self._workers.setdefault(name, set()).update((host, who.decoder, who.enhancer))

    async def _await_back(self, plan: Plan, kill: Kill) -> None:
        await asyncio.sleep(_LOOK_SECONDS)  # until Ray has noticed
        while not await self._fleet.crew.answers(kill.actor):
            await asyncio.sleep(_LOOK_SECONDS)
        kill.back = round(time.time() - plan.began, 1)

    def _undisturbed(self, followed: Followed) -> list[EpochResult]:
        """A stream's epochs that no kill concerns, but for the first ones."""
        began, workers = followed.order.plan.began, self._workers.get(followed.report.name, set())
        kills = [kill for kill in self.kills if kill.actor in workers]
        results = [one.result for number, one in followed.epochs.items()]
        slot = float(CONFIG.slot)
        return [
            one
            for one in results
            if one.epoch >= followed.order.first + _FIRST_EPOCHS
            and one.deadline is not None
            and not any(kill.concerns(one.deadline - began - 2 * slot, one.deadline - began) for kill in kills)
        ]

    def _give_up(self, works: Sequence["asyncio.Future[None]"]) -> None:
        for work in works:
            work.cancel()
        for followed in self._following.streams.values():
            self._take(followed)

    async def _join(self, plan: Plan, infos: Sequence, every: float, until: float) -> None:
        """Streams join; each is told to leave after a while, which some do by themselves before."""
        leaving: list[asyncio.Task[None]] = []
        for number, info in enumerate(cycle(infos)):
            if time.monotonic() >= until:
                break
            stream = Stream(f"stream{number}", info, MODEL, str(self._weights))
            slot = floor((time.time() - plan.began) / CONFIG.slot) + 1
            self._joined[stream.name] = time.time() - plan.began
            next_one = asyncio.ensure_future(asyncio.sleep(every))
            await self._following.add([Order(stream, plan, slot)])
            leaving.append(asyncio.ensure_future(self._leave(stream.name, self._random.uniform(*self._life))))
            await next_one
        await asyncio.gather(*leaving)

    async def _leave(self, name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        while name in self._following.running and not self._following.streams[name].report.totals.anchors:
            await asyncio.sleep(_LOOK_SECONDS)  # its host may have been away all the time
        if name in self._following.running:
            await self._following.halt([name])

    async def _kill(self, plan: Plan, every: float, until: float) -> None:
        for kind in cycle(KILLED):
            await asyncio.sleep(every)
            if time.monotonic() >= until:
                return
            name = self._random.choice([name for name in self._fleet.names() if name.startswith(f"{kind}-")])
            try:
                os.kill(self._fleet.pid(name), signal.SIGKILL)
            except ProcessLookupError:
                continue  # it has not come back since it was killed last
            self.kills.append(Kill(round(time.time() - plan.began, 1), name))
            self._awaited.append(asyncio.ensure_future(self._await_back(plan, self.kills[-1])))
            print(f"{self.kills[-1].seconds:7.1f} s: {name} killed", flush=True)

    async def _take_ended(self, plan: Plan) -> None:
        names = [name for name, one in self._following.streams.items() if one.report.state != "running"]
        for name in names:
            self._take(self._following.streams[name])
        if names:
            await self._following.drop(names)

    def _take(self, followed: Followed) -> None:
        report, totals = followed.report, followed.report.totals
        undisturbed = self._undisturbed(followed)
        one = Ended(
            report.name,
            round(self._joined[report.name], 1),
            report.state,
            totals.shown,
            sum(totals.anchors.values()),
            totals.epochs,
            totals.late,
            sum(epoch.late for epoch in undisturbed),
            len(undisturbed),
            totals.dropped,
            report.reason if report.state == "failed" else problem(followed),
        )
        self.ended.append(one)
        print(f"{' ' * 9} {one.name} {one.state}: {one.frames} frames, {one.anchors} anchors {one.problem}", flush=True)

    @property
    def losses(self) -> list[str]:
        """Actors that died, as they were noticed."""
        return [f"{loss.actor}: {loss.cause}" for loss in self._fleet.losses]


def problem(followed: Followed) -> str:
    """What is wrong with the file of a stream that has ended."""
    report, totals = followed.report, followed.report.totals
    if report.state == "running":
        return "it does not end"
    if not report.output:
        return "there is no file"
    read = list(read_hybrid(report.output))
    packets = [one.packet for one in read]
    if len(packets) != totals.shown:
        return f"{len(packets)} packets in the file, {totals.shown} told of"
    for packet, source in zip(
        packets, islice(read_packets(followed.order.stream.info, loop=True), len(packets)), strict=True
    ):
        if packet != source:
            return f"packet {source.video_index} is another"
    anchors = [anchor.name for one in read for anchor in one.anchors]
    if len(anchors) != len(set(anchors)) or len(anchors) != sum(totals.anchors.values()):
        return f"{len(set(anchors))} anchors in the file, {sum(totals.anchors.values())} told of"
    return "" if anchors else "no anchors"


def _clips(folder: Path) -> list[Path]:
    """Three videos that differ in size, frame rate and hidden frames."""
    return [
        streams.encode(folder / "even.mkv", frames=120),
        streams.encode(folder / "odd.mkv", size=(131, 97), frames=120, options=streams.HIDDEN),
        streams.encode(folder / "slow.mkv", size=(64, 64), frames=120, rate=Fraction(30)),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--every", type=float, default=2, help="seconds between streams that join")
    parser.add_argument("--kill-every", type=float, default=7, help="seconds between kills")
    parser.add_argument(
        "--life", type=float, nargs=2, default=(6, 18), help="seconds that a stream stays, at least and at most"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where to write what happened")
    options = parser.parse_args(argv)
    join_ray(0, CONFIG.object_store_mb)
    try:
        with tempfile.TemporaryDirectory(prefix="chaos") as folder:
            chaos = Chaos(Path(folder), options.seed, tuple(options.life))
            asyncio.run(chaos.run(options.seconds, options.every, options.kill_every))
    finally:
        ray.shutdown()
    bad = [one for one in chaos.ended if one.problem]
    epochs, late, undisturbed, late_undisturbed = (
        sum(getattr(one, what) for one in chaos.ended) for what in ("epochs", "late", "undisturbed", "late_undisturbed")
    )
    print(
        f"{len(chaos.ended)} streams, {len(chaos.kills)} kills, {len(bad)} bad; {epochs} epochs of which {late} late; "
        f"{undisturbed} that no kill concerned, of which {late_undisturbed} late"
    )
    if options.json:
        record = {
            "options": {key: str(value) for key, value in vars(options).items()},
            "streams": [asdict(one) for one in chaos.ended],
            "kills": [asdict(one) for one in chaos.kills],
            "losses": chaos.losses,
        }
        options.json.write_text(json.dumps(record, indent=1))
    return 1 if bad or not chaos.ended else 0


if __name__ == "__main__":
    sys.exit(main())
