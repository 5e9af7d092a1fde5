"""The HTTP API, without Ray: who may do what, what is refused and how, what viewers get though nobody enhances."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from live_api import AUTHORIZED, served, watch
from test_source import Process

from ns_ray.actors.following import Followed
from ns_ray.actors.orders import Order, Plan
from ns_ray.actors.reports import StreamReport, Totals
from ns_ray.actors.service import live_stream, wire
from ns_ray.actors.service.live_service import LiveService
from ns_ray.actors.service.source import Source, SourceAddress
from ns_ray.actors.service.wire import End, Hello
from ns_ray.anchors import policies
from ns_ray.config.admission import Admission
from ns_ray.errors import ModelError
from ns_ray.hybrid.reader import HybridReader
from ns_ray.picture.coding import PUBLISHED
from ns_ray.report.results import Standing
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

NEW = {"name": "cam", "source": "rtmp://there/live/key"}


class Nobody:
    """Has no workers."""

    async def prepare(self, streams: object, plan: Plan) -> object:
        raise ModelError("there is nobody to enhance anything")

    async def look(self) -> None:
        raise ModelError("the manager is away")

    @property
    def streams(self) -> dict[str, object]:
        return {}


class Crowded(Nobody):
    """Refuses all but the first, and has time for half of what that asks for."""

    def __init__(self) -> None:
        self.standings = [Standing(factor=0.5)]
        self.asked: dict[str, Followed] = {}
        self.admissions: list[Admission | None] = []

    async def prepare(self, streams: object, plan: Plan) -> object:
        self.admissions.append(plan.admission)
        return None

    async def add(self, orders: Sequence[Order]) -> None:
        for order in orders:
            stream = order.stream
            state, reason = ("refused", "it asks for too much") if self.asked else ("running", "")
            report = StreamReport(stream.name, stream.info.path, state, reason, (), Totals())
            self.asked[stream.name] = Followed(order, report, {})

    async def halt(self, names: Sequence[str]) -> None:
        for name in names:
            self.asked[name].report = replace(self.asked[name].report, state="stopped")

    async def drop(self, names: Sequence[str]) -> None:
        pass

    async def look(self) -> None:
        pass

    @property
    def streams(self) -> dict[str, Followed]:
        return dict(self.asked)


@pytest.fixture
def sender() -> "list[asyncio.StreamReader]":
    """The senders that were started."""
    return []


@pytest.fixture
def plan(tmp_path) -> Plan:
    return Plan("run", "neuroscaler", policies.Fraction(0.1), PUBLISHED, 2**62, True, tmp_path / "live", 0.0)


@pytest.fixture
def service(plan, sender) -> LiveService:
    return service_by(Nobody(), plan, sender, 2)


def service_by(workers: Nobody, plan: Plan, sender: "list[asyncio.StreamReader]", most: int) -> LiveService:
    async def start(address: SourceAddress) -> Process:
        process = Process([object()])
        process.stdout = asyncio.StreamReader()
        sender.append(process.stdout)
        return process

    return LiveService(
        plan, Fraction(2, 3), workers, workers, most_streams=most, source=lambda address: Source(address, start)
    )


def ask(service: LiveService, player: Path, test) -> None:
    async def go() -> None:
        async with served(service, player) as url, aiohttp.ClientSession(url, headers=AUTHORIZED) as client:
            await test(client)

    asyncio.run(asyncio.wait_for(go(), 60))


async def refused(asked: "Coroutine[object, object, aiohttp.ClientResponse]") -> tuple[int, str]:
    answer = await asked
    return answer.status, (await answer.json())["error"]


def test_what_makes_no_sense_is_refused_with_a_remedy(service, tmp_path):
    async def test(client: aiohttp.ClientSession) -> None:
        for changed, what in (
            ({"name": "a b"}, "name 'a b': use letters"),
            ({"name": "x" * 65}, "up to 64"),
            ({"source": "ftp://there/x"}, "URLs of http, https, rtmp"),
            ({"source": "concat:a|b"}, "only with --unsafe-input"),
            ({"source": "/no/such/film.mkv"}, "there is no such file; check the path"),
            ({"source": "http://there/live", "listen": True}, "senders of rtmp and rtsp alone; name where"),
            ({"repeat": True}, "it is for files; leave it out"),
            ({"source": "rtmp://there/live\nx"}, "several lines"),
            ({"model": "ESPCN"}, "ESPCN"),
            ({"weights": "/no/such.pt"}, "there is no such file"),
            ({"fraction": 0.5}, "fraction: Input should be less than or equal to 0.15"),
            ({"priority": "much"}, "priority: "),
            ({"sauce": "x"}, "sauce: Extra inputs are not permitted"),
        ):
            status, error = await refused(client.post("/streams", json=NEW | changed))
            assert (status, what in error) == (400, True), (changed, error)
        assert (await refused(client.post("/streams", data=b"{")))[0] == 400
        assert await (await client.get("/streams")).json() == []
        assert (await client.post("/streams", json=NEW)).status == 201
        listens = {"listen": True, "source": "rtmp://127.0.0.1/live/a"}
        assert (await client.post("/streams", json=NEW | listens | {"name": "one"})).status == 201
        assert await refused(client.post("/streams", json=NEW)) == (
            409,
            "there is a stream cam; remove it first, or take another name",
        )
        assert (await refused(client.post("/streams", json=NEW | {"name": "two"})))[0] == 409
        assert (await client.delete("/streams/cam")).status == 200
        status, error = await refused(client.post("/streams", json=NEW | listens | {"name": "two"}))
        assert (status, "stream one listens at port 1935" in error) == (409, True)
        for asked in (client.get, client.delete, client.patch):
            more = {"json": {"priority": 2}} if asked == client.patch else {}
            assert await refused(asked("/streams/cam", **more)) == (404, "there is no stream cam; there are: one")
        assert (await client.patch("/streams/one", json={"priority": 2.5})).status == 200
        assert service.stream("one").enhancement.wish.priority == 2.5
        assert (await refused(client.get("/nothing")))[0] == 404
        assert (await refused(client.put("/streams", json={})))[0] == 405

    ask(service, tmp_path, test)


def test_who_has_no_token_or_key_gets_nothing(service, tmp_path):
    (tmp_path / "index.html").write_text("player")

    async def test(client: aiohttp.ClientSession) -> None:
        live = (await (await client.post("/streams", json=NEW)).json())["live"]
        other = (await (await client.post("/streams", json=NEW | {"name": "two"})).json())["live"]
        for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": AUTHORIZED["Authorization"][7:]}):
            async with aiohttp.ClientSession(client._base_url, headers=wrong) as nobody:
                health = await (await nobody.get("/health")).json()
                assert health == {"status": "degraded", "streams": 2, "live": 0, "viewers": 0}
                page = await nobody.get("/player/")
                assert (await page.text(), page.headers["Cross-Origin-Embedder-Policy"]) == ("player", "require-corp")
                for asked in (nobody.get("/streams"), nobody.post("/streams", json=NEW), nobody.delete("/streams/cam")):
                    status, error = await refused(asked)
                    assert (status, "Authorization: Bearer TOKEN" in error) == (401, True)
                for key in ("", "?key=x", "?" + other.partition("?")[2]):
                    assert (await refused(nobody.get(f"/streams/cam/live{key}")))[0] == 403
                    async with nobody.ws_connect(f"/streams/cam/live{key}") as viewer:
                        assert (await viewer.receive()).data == 1008
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.ws_connect(live, origin="https://elsewhere.example")
        await (await client.ws_connect(live, origin="https://tv.example")).close()
        await (await client.ws_connect(live, origin=str(client._base_url).rstrip("/"))).close()

    ask(service, tmp_path, test)


def test_the_original_is_passed_on_though_nobody_enhances(service, sender, tmp_path, plain_video):
    """Byte by byte and at once, over both ways, to who was there and who comes late; what was sent first ends last."""
    info = probe(str(plain_video))
    packets = list(read_packets(info))

    async def test(client: aiohttp.ClientSession) -> None:
        live = (await (await client.post("/streams", json=NEW)).json())["live"]
        early: list[bytes] = []
        late: list[bytes] = []
        watching = [asyncio.ensure_future(watch(client, live, early))]
        while not sender:
            await asyncio.sleep(0.01)
        sender[0].feed_data(wire.packed(Hello(info, True, 0)))
        while not early:
            await asyncio.sleep(0.01)
        sender[0].feed_data(b"".join(map(wire.packed, packets[:40])))
        while len(early) < 41:
            await asyncio.sleep(0.01)
        watching.append(asyncio.ensure_future(watch(client, live, late)))
        answer = await client.get(live)
        assert answer.headers["Content-Type"] == "video/x-matroska"
        while len(late) < 11:
            await asyncio.sleep(0.01)
        sender[0].feed_data(b"".join(map(wire.packed, packets[40:])))
        while len(early) < 61:
            await asyncio.sleep(0.01)
        view = await (await client.get("/streams/cam")).json()
        assert (view["state"], view["packets"], view["viewers"]) == ("live", 60, 3)
        assert view["enhancement"]["problem"] == "there is nobody to enhance anything"
        assert (await client.delete("/streams/cam")).status == 200
        await asyncio.gather(*watching)
        over_http = await answer.read()
        for name, data, first in (("early", b"".join(early), 0), ("late", b"".join(late), 30), ("http", over_http, 30)):
            path = tmp_path / f"{name}.mkv"
            path.write_bytes(data)
            assert [one.packet.data for one in HybridReader(str(path))] == [one.data for one in packets[first:]]

    ask(service, tmp_path, test)


def test_a_source_that_comes_back_as_another_begins_anew(service, sender, tmp_path, plain_video):
    info = probe(str(plain_video))
    packets = list(read_packets(info))

    async def test(client: aiohttp.ClientSession) -> None:
        live = (await (await client.post("/streams", json=NEW)).json())["live"]
        assert (await client.patch("/streams/cam", json={"priority": 3})).status == 200
        first: list[bytes] = []
        second: list[bytes] = []
        watching = asyncio.ensure_future(watch(client, live, first))
        for number, (one, got) in enumerate(((info, first), (replace(info, time_base=info.time_base / 2), second))):
            while len(sender) <= number:
                await asyncio.sleep(0.01)
            if number:
                sender[number].feed_data(wire.packed(Hello(one, True, 0)))
                await watching  # who watched the first has to come again
                watching = asyncio.ensure_future(watch(client, live, got))
            else:
                sender[number].feed_data(wire.packed(Hello(one, True, 0)))
            while not got:
                await asyncio.sleep(0.01)
            sender[number].feed_data(b"".join(map(wire.packed, packets)) + wire.packed(End("")))
            while len(got) < 61:
                await asyncio.sleep(0.01)
        assert first[0] != second[0]
        assert service.stream("cam").enhancement.wish.priority == 3
        assert (await client.delete("/streams/cam")).status == 200
        await watching

    ask(service, tmp_path, test)


def test_streams_beyond_what_there_is_time_for_are_passed_on_and_then_no_more_are_taken(
    plan, sender, tmp_path, plain_video, monkeypatch
):
    """What runs has its fraction lowered, down to the floor; one waits for room; a third is not even taken."""
    monkeypatch.setattr(live_stream, "_FINISH_SECONDS", 0.1)
    info, begins = probe(str(plain_video)), b"".join(map(wire.packed, read_packets(probe(str(plain_video)))))
    workers = Crowded()
    service = service_by(workers, replace(plan, admission=Admission(floor=0.06)), sender, 4)

    async def test(client: aiohttp.ClientSession) -> None:
        async def sent(name: str, state: str) -> "dict[str, Any]":
            answer = await client.post("/streams", json=NEW | {"name": name})
            assert answer.status == 201
            while len(sender) < len(service.streams):
                await asyncio.sleep(0.01)
            sender[-1].feed_data(wire.packed(Hello(info, True, 0)))
            while True:
                sender[-1].feed_data(begins)
                view: dict[str, Any] = await (await client.get(f"/streams/{name}")).json()
                if view["enhancement"]["state"] == state:
                    return view
                await asyncio.sleep(0.1)

        first = (await sent("first", "running"))["enhancement"]
        assert (first["fraction"], first["fraction_now"]) == (0.1, 0.06)
        assert workers.admissions == [Admission(floor=0.06)]
        second = await sent("second", "refused")
        assert (second["state"], second["packets"] >= 60) == ("live", True)
        figures = [second["enhancement"][name] for name in ("problem", "fraction", "fraction_now", "recording")]
        assert figures == ["it asks for too much", 0.1, 0.0, None]
        status, error = await refused(client.post("/streams", json=NEW | {"name": "third"}))
        assert (status, "second waits for it (it asks for too much); or remove" in error) == (503, True)
        assert (await client.delete("/streams/second")).status == 200
        assert (await client.post("/streams", json=NEW | {"name": "third"})).status == 201

    ask(service, tmp_path, test)
