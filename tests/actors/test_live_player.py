"""RTMP in, Chromium out: what the page makes of a live stream is what the client makes of its file, to the bit."""

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import pytest
import streams
from bench import CONFIG
from browser import CHROMIUM, Report, pages, reported
from live_api import AUTHORIZED, served
from test_live import Sender, free_port
from test_player import by_the_client, by_the_player

from ns_ray.actors.following import Following
from ns_ray.actors.orders import Plan
from ns_ray.actors.service.live_service import LiveService
from ns_ray.anchors import policies
from ns_ray.picture.coding import Coding
from ns_ray.player.exported import PAGE

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
    pytest.mark.skipif(not (PAGE / "player.wasm").is_file(), reason="built without ziglang"),
]

ANCHORS = 4


def test_the_page_shows_what_the_client_makes_of_the_recording(bench, tmp_path):
    options = streams.REALTIME | {"g": "20"}
    clip = streams.encode(tmp_path / "clip.mkv", size=(64, 48), frames=40, rate=Fraction(20), options=options)
    policy = policies.Fraction(0.1, "stream")
    coding = Coding("av1", 60)
    plan = Plan(uuid4().hex, "neuroscaler", policy, coding, 2**62, True, tmp_path / "live", time.time())
    following = Following(bench.fleet.manager, bench.fleet.crew, 100)
    # No anchor is late, however busy the machine: who sees all of them has all that the client has.
    service = LiveService(plan, CONFIG.slot, bench.fleet.manager, following, most_streams=1, delay=Fraction(30))
    source = f"rtmp://127.0.0.1:{free_port()}/live/key"
    sender = Sender(clip, source)

    async def go(report: str, told: Callable[[str], Report]) -> tuple[Path, Report]:
        async with served(service, PAGE) as url, aiohttp.ClientSession(url, headers=AUTHORIZED) as client:

            async def until(done: Callable[[dict], bool]) -> dict:
                async with asyncio.timeout(60):
                    while True:
                        sender.keep_up()
                        async with client.get("/streams/cam") as answer:
                            view = await answer.json()
                        if done(view):
                            return view
                        await asyncio.sleep(0.1)

            # Anchors begin with frames that the page has: who comes later lacks what the ones before have taught.
            new = {"name": "cam", "source": source, "listen": True, "weights": str(bench.weights), "fraction": 0}
            async with client.post("/streams", json=new) as answer:
                assert answer.status == 201, await answer.text()
                player = (await answer.json())["player"]
            await until(lambda view: view["enhancement"]["frames"] > 0)
            playing = asyncio.ensure_future(asyncio.to_thread(told, f"{url}{player}&threads=2&report={quote(report)}"))
            packets = (await until(lambda view: view["viewers"] == 1))["packets"]
            await until(lambda view: view["enhancement"]["frames"] >= packets)
            async with client.patch("/streams/cam", json={"fraction": 0.1}) as answer:
                assert answer.status == 200, await answer.text()
            await until(lambda view: view["enhancement"]["anchors_sent"] >= ANCHORS)
            async with client.delete("/streams/cam") as answer:
                assert answer.status == 200, await answer.text()
                view = (await answer.json())["enhancement"]
            assert (view["problem"], view["anchors_late"]) == ("", 0)
            return Path(view["recording"]), await playing

    with pages(tmp_path) as (url, reports):
        try:
            recording, report = bench.runner.run(
                go(f"{url}/report/cam", lambda page: reported(page, reports, ["cam"], tmp_path / "profile")["cam"])
            )
        finally:
            sender.kill()
    assert (report["why"], report["note"], report["damaged"], report["threads"]) == ("", "", [], 2)
    expected, played = (
        [frame[1:] for frame in frames] for frames in (by_the_client(recording)[0], by_the_player(report))
    )
    both = min(len(expected), len(played))  # the recording begins before the page, and they come to the same end
    assert played[-both:] == expected[-both:]
    sources = [source for source, _ in played[-both:]]
    assert sources.count("anchor") >= ANCHORS
    assert sources.count("rebuilt") >= ANCHORS
