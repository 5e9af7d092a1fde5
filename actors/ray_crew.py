"""All actors as Ray has them, by name: typed calls that deaths cost nothing but time."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import RayError

from ns_ray.actors.messages import (
    Anchors,
    Ask,
    DecodeJob,
    DecodeReply,
    DecoderSpeed,
    EncodeJob,
    EncodeReply,
    Form,
    MadeReply,
    Stream,
)
from ns_ray.actors.orders import Change, Order, Placement, Plan, Roster
from ns_ray.actors.peer import Peer, Team, is_dead, pulse
from ns_ray.actors.peers import Meeting
from ns_ray.actors.reports import AnchorCounts, Doing, HostReport, HostView
from ns_ray.actors.service.manager import Placed, Prepared
from ns_ray.actors.worker import Pulse
from ns_ray.anchors.award import Award
from ns_ray.anchors.offer import Offer
from ns_ray.errors import ActorLostError, PartLostError
from ns_ray.picture.coding import Coding
from ns_ray.report.results import EngineResult
from ns_ray.video.block import PacketBlock
from ns_ray.video.probe import VideoInfo

SCHEDULER, MANAGER = "scheduler-0", "manager-0"
_KINDS = ("host", "decoder", "enhancer", "encoder")
_ANSWER_SECONDS = 2.0
_SLICES = 20
_MOST_PEERS = 4096
_APART = 10  # packets between frames that an enhancer is measured with


class _Named:
    """Actors by name."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self._known: dict[str, Peer] = {}  # the one asked last is the last

    def _peer(self, name: str) -> Peer:
        peer = self._known[name] = self._known.pop(name) if name in self._known else Peer(name, self._team)
        if len(self._known) > _MOST_PEERS:  # names of actors that have gone do not come again
            del self._known[next(iter(self._known))]
        return peer


class RayPeers(_Named):
    """The other actors, for a host; see `Peers`."""

    async def choose(self, meeting: Meeting, offer: Offer) -> Award:
        """See Scheduler."""
        peer = self._peer(SCHEDULER)
        award: Award = await peer.ask("choose", lambda actor: actor.choose.remote(meeting, offer))
        return award

    async def leave(self, run: str, host: str) -> None:
        """See Scheduler."""
        await self._peer(SCHEDULER).ask("leave", lambda actor: actor.leave.remote(run, host))

    async def decode(
        self, decoder: str, jobs: Sequence[DecodeJob], parts: int
    ) -> tuple[Sequence[Any], Sequence[DecodeReply]]:
        """See DecoderActor; parts stay where they are."""

        def call(actor: Any) -> Any:
            answer = actor.decode.options(num_returns=parts + 1).remote(jobs, parts)
            return answer if parts else [answer]

        peer = self._peer(decoder)
        found: tuple[list[Any], list[DecodeReply]] = await peer.ask("decode", call, several=len(jobs) > 1)
        return found

    async def enhance(self, enhancer: str, asks: Sequence[Ask], parts: Sequence[Any]) -> Sequence[Anchors]:
        """See Enhancer."""
        peer = self._peer(enhancer)
        anchors: list[Anchors] = await peer.ask("enhance", lambda actor: actor.enhance.remote(asks, *parts))
        return anchors

    async def enlarge(
        self, enhancer: str, asks: Sequence[Ask], form: Form, parts: Sequence[Any]
    ) -> tuple[Sequence[Any], Sequence[MadeReply]]:
        """See Enhancer; pictures stay where they are."""

        def call(actor: Any) -> Any:
            return actor.enlarge.options(num_returns=len(asks) + 1).remote(asks, form, *parts)

        found: tuple[list[Any], list[MadeReply]] = await self._peer(enhancer).ask("enlarge", call)
        return found

    async def compress(self, encoder: str, pictures: Any, coding: Coding) -> Anchors:
        """See EncoderActor."""
        peer = self._peer(encoder)
        anchors: Anchors = await peer.ask("compress", lambda actor: actor.compress.remote(pictures, coding))
        return anchors

    async def encode(self, encoder: str, job: EncodeJob, pictures: Sequence[Any]) -> tuple[PacketBlock, EncodeReply]:
        """See EncoderActor."""
        peer = self._peer(encoder)
        found: tuple[PacketBlock, EncodeReply] = await peer.ask(
            "encode", lambda actor: actor.encode.remote(job, *pictures)
        )
        return found

    async def forget(self, actor: str, names: Sequence[str]) -> None:
        """See DecoderActor and EncoderActor."""
        await self._peer(actor).ask("forget", lambda handle: handle.forget.remote(names))


class RayCrew(_Named):
    """All actors, for the manager and those who follow its streams; see `Crew`."""

    def __init__(self, team: Team) -> None:
        super().__init__(team)
        self._handles: dict[str, Any] = {}  # held, so that Ray goes on telling of deaths
        self._doing: dict[str, tuple[str, dict[str, Doing]]] = {}  # what hosts told last, and the name of that

    async def names(self) -> Sequence[str]:
        """All that there are now, those too that are just being started again."""
        found = await asyncio.to_thread(ray.util.list_named_actors, all_namespaces=True)
        names = (one["name"] for one in found if one["namespace"] == self._team.namespace)
        return [name for name in names if name.rpartition("-")[0] in _KINDS]

    async def answers(self, name: str) -> bool:
        """Whether an actor is there and well."""
        return await self.pulse(name) is not None

    async def pulse(self, name: str) -> Pulse | None:
        """How an actor is; None where it does not answer, or is dead."""
        try:
            actor = self._peer(name).actor
            answer = asyncio.ensure_future(pulse(actor))
            for _ in range(_SLICES):  # Ray lets a call wait for a node that it has already found dead
                done, _ = await asyncio.wait({answer}, timeout=_ANSWER_SECONDS / _SLICES)
                if done:
                    return answer.result()
                if is_dead(actor):
                    break
            answer.cancel()
        except (RayError, ActorLostError):
            pass
        return None

    async def dead(self, names: Collection[str]) -> set[str]:
        """See `Crew`."""
        found = set()
        for name in names:
            try:
                handle = self._handles.get(name) or self._peer(name).actor
            except ActorLostError:
                found.add(name)
                continue
            self._handles[name] = handle
            if is_dead(handle):
                found.add(name)
        while len(self._handles) > _MOST_PEERS:
            del self._handles[next(iter(self._handles))]
        return found

    async def view(self, host: str, seconds: float) -> HostView | None:
        """See Host; None where it does not answer."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                view: HostView = await self._peer(host).actor.view.remote(seconds)
                return view
        except (RayError, TimeoutError, ActorLostError):
            return None

    async def probe(self, decoder: str, path: str, unsafe: bool) -> VideoInfo:
        """See DecoderActor."""
        info: VideoInfo = await self._peer(decoder).ask("probe", lambda actor: actor.probe.remote(path, unsafe))
        return info

    async def first_packets(self, decoder: str, stream: Stream, count: int) -> PacketBlock:
        """See DecoderActor."""
        peer = self._peer(decoder)
        block: PacketBlock = await peer.ask("first_packets", lambda actor: actor.first_packets.remote(stream, count))
        return block

    async def measure(self, decoder: str, stream: Stream, packets: PacketBlock) -> DecoderSpeed:
        """See DecoderActor."""
        peer = self._peer(decoder)
        speed: DecoderSpeed = await peer.ask("measure", lambda actor: actor.measure.remote(stream, packets))
        return speed

    async def prepare_decoder(self, decoder: str, stream: Stream, packets: PacketBlock) -> None:
        """See DecoderActor."""
        await self._peer(decoder).ask("prepare", lambda actor: actor.prepare.remote(stream, packets))

    async def prepare_enhancer(self, enhancer: str, stream: Stream) -> EngineResult:
        """See Enhancer."""
        result: EngineResult = await self._peer(enhancer).ask("prepare", lambda actor: actor.prepare.remote(stream))
        return result

    async def measure_enhancer(
        self, enhancer: str, decoder: str, stream: Stream, packets: PacketBlock, coding: Coding
    ) -> float:
        """See Crew; of two calls the quicker one counts, as the first makes things ready for the second."""
        tried = replace(stream, name=f"measured {uuid4().hex}")
        names = [(packet, 0) for packet in range(0, len(packets), _APART)]
        job = DecodeJob(tried, 0, packets, (), [(0, names)])
        peers, took = RayPeers(self._team), list[float]()
        with suppress(PartLostError):
            parts, _ = await peers.decode(decoder, [job], 1)
            await peers.forget(decoder, [tried.name])
            for _ in range(2):
                (made,) = await peers.enhance(enhancer, [Ask(tried, 0, 0, coding)], parts)
                spans = (span for span in made.reply.spans if span.stage == "inference")
                took += [span.seconds / len(made.reply.made) for span in spans]
        return min(took, default=0.0)

    async def take_roster(self, run: str, roster: Roster) -> None:
        """See Scheduler."""
        await self._peer(SCHEDULER).ask_once("take_roster", lambda actor: actor.take_roster.remote(run, roster))

    async def add(self, host: str, orders: Sequence[tuple[Order, Placement]], rosters: Mapping[str, Roster]) -> None:
        """See Host."""
        await self._peer(host).ask_once("add", lambda actor: actor.add.remote(orders, rosters))

    async def change(self, host: str, name: str, change: Change) -> None:
        """See Host."""
        await self._peer(host).ask("change", lambda actor: actor.change.remote(name, change))

    async def move(self, host: str, name: str, placement: Placement) -> None:
        """See Host."""
        await self._peer(host).ask_once("move", lambda actor: actor.move.remote(name, placement))

    async def halt(self, host: str, names: Sequence[str]) -> None:
        """See Host."""
        await self._peer(host).ask_once("halt", lambda actor: actor.halt.remote(names))

    async def release(self, host: str, names: Sequence[str]) -> Sequence[str]:
        """See Host."""
        gone: list[str] = await self._peer(host).ask_once("release", lambda actor: actor.release.remote(names))
        return gone

    async def remove(self, host: str, names: Sequence[str]) -> None:
        """See Host."""
        await self._peer(host).ask_once("remove", lambda actor: actor.remove.remote(names))

    async def take_rosters(self, host: str, rosters: Mapping[str, Roster]) -> None:
        """See Host."""
        await self._peer(host).ask_once("take_rosters", lambda actor: actor.take_rosters.remote(rosters))

    async def doing(self, host: str) -> Mapping[str, Doing]:
        """See Host."""
        known = self._doing.get(host, ("", {}))
        answer: tuple[str, dict[str, Doing] | None] = await self._peer(host).ask_once(
            "doing", lambda actor: actor.doing.remote(known[0])
        )
        name, doing = answer
        if doing is not None:
            self._doing[host] = known = name, doing
        return known[1]

    async def anchor_counts(self, host: str) -> AnchorCounts:
        """See Host."""
        counts: AnchorCounts = await self._peer(host).ask_once("kept", lambda actor: actor.anchor_counts.remote())
        return counts

    async def report(self, host: str, after: int, born: str) -> HostReport:
        """See Host."""
        report: HostReport = await self._peer(host).ask_once("report", lambda actor: actor.report.remote(after, born))
        return report

    async def prove(self, host: str, folder: Path, token: str) -> str:
        """See Host; the id of its node."""
        node: str = await self._peer(host).ask("prove", lambda actor: actor.prove.remote(folder, token))
        return node


class ManagerClient:
    """The manager."""

    def __init__(self, team: Team) -> None:
        self._peer = Peer(MANAGER, team)

    async def probe(self, path: str, unsafe: bool = False) -> VideoInfo:
        """See Manager."""
        info: VideoInfo = await self._peer.ask("probe", lambda actor: actor.probe.remote(path, unsafe))
        return info

    async def prepare(self, streams: Sequence[Stream], plan: Plan | None = None) -> Prepared:
        """See Manager."""
        prepared: Prepared = await self._peer.ask("prepare", lambda actor: actor.prepare.remote(streams, plan))
        return prepared

    async def add(self, orders: Sequence[Order], again: bool = False) -> Mapping[str, str]:
        """See Manager."""
        refused: Mapping[str, str] = await self._peer.ask("add", lambda actor: actor.add.remote(orders, again))
        return refused

    async def change(self, name: str, change: Change) -> None:
        """See Manager."""
        await self._peer.ask("change", lambda actor: actor.change.remote(name, change))

    async def halt(self, names: Sequence[str]) -> None:
        """See Manager."""
        await self._peer.ask("halt", lambda actor: actor.halt.remote(names))

    async def remove(self, names: Sequence[str]) -> None:
        """See Manager."""
        await self._peer.ask("remove", lambda actor: actor.remove.remote(names))

    async def streams(self) -> Placed:
        """See Manager."""
        placed: Placed = await self._peer.ask("streams", lambda actor: actor.streams.remote())
        return placed
