"""RTMP in, Chromium out: what the page makes of a live stream is what the client makes of its file, to the bit."""

import asyncio
import shutil
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
from browser import CHROMIUM, Report, browsing, framed, pages, reported
from live_api import AUTHORIZED, served
from test_live import Sender, as_obs_sends, free_port
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
Reported = dict[str, Report]
VP9 = streams.REALTIME | {"g": "20"}


def test_the_page_shows_what_the_client_makes_of_the_recording(bench, tmp_path):
    """Of VP9 and of H.264, side by side; another browser that looks on is killed, and nobody notices."""
    clips = {
        "vp9": streams.encode(tmp_path / "vp9.mkv", size=(64, 48), frames=40, rate=Fraction(20), options=VP9),
        "h264": as_obs_sends(tmp_path / "h264.mkv"),
    }
    policy = policies.Fraction(0.1, "stream")
    coding = Coding("av1", 60)
    plan = Plan(uuid4().hex, "neuroscaler", policy, coding, 2**62, True, tmp_path / "live", time.time())
    following = Following(bench.fleet.manager, bench.fleet.crew, 100)
    # No anchor is late, however busy the machine: who sees all of them has all that the client has.
    service = LiveService(plan, CONFIG.slot, bench.fleet.manager, following, most_streams=2, delay=Fraction(30))
    sources = {name: f"rtmp://127.0.0.1:{free_port()}/live/key" for name in clips}
    senders = [Sender(clips[name], sources[name]) for name in clips]

    site = shutil.copytree(PAGE, tmp_path / "player")

    async def go(reports_at: str, told: Callable[[str], Reported]) -> tuple[dict[str, Path], Reported]:
        async with served(service, site) as url, aiohttp.ClientSession(url, headers=AUTHORIZED) as client:

            async def until(name: str, done: Callable[[dict], bool]) -> dict:
                async with asyncio.timeout(60):
                    while True:
                        for sender in senders:
                            sender.keep_up()
                        async with client.get(f"/streams/{name}") as answer:
                            view = await answer.json()
                        if done(view):
                            return view
                        await asyncio.sleep(0.1)

            # Anchors begin with frames that the page has: who comes later lacks what the ones before have taught.
            new = {"listen": True, "weights": str(bench.weights), "fraction": 0}
            players = {}
            for name, source in sources.items():
                async with client.post("/streams", json=new | {"name": name, "source": source}) as answer:
                    assert answer.status == 201, await answer.text()
                    players[name] = (await answer.json())["player"]
            for name in clips:
                await until(name, lambda view: view["enhancement"]["frames"] > 0)
            urls = [f"{page}&threads=2&report={quote(f'{reports_at}/{name}')}" for name, page in players.items()]
            (site / "all.html").write_text(framed(urls))
            playing = asyncio.ensure_future(asyncio.to_thread(told, f"{url}/player/all.html"))
            for name in clips:
                packets = (await until(name, lambda view: view["viewers"] == 1))["packets"]
                await until(name, lambda view, packets=packets: view["enhancement"]["frames"] >= packets)
                async with client.patch(f"/streams/{name}", json={"fraction": 0.1}) as answer:
                    assert answer.status == 200, await answer.text()
            with browsing(url + players["h264"], tmp_path / "killed") as killed:
                await until("h264", lambda view: view["viewers"] == 2)
                killed.kill()
                await until("h264", lambda view: view["viewers"] == 1)
            recordings = {}
            for name in clips:
                await until(name, lambda view: view["enhancement"]["anchors_sent"] >= ANCHORS)
                async with client.delete(f"/streams/{name}") as answer:
                    assert answer.status == 200, await answer.text()
                    view = (await answer.json())["enhancement"]
                assert (view["problem"], view["anchors_late"]) == ("", 0)
                recordings[name] = Path(view["recording"])
            return recordings, await playing

    with pages(tmp_path) as (url, reports):
        try:
            recordings, told = bench.runner.run(
                go(f"{url}/report", lambda page: reported(page, reports, clips, tmp_path / "profile"))
            )
        finally:
            for sender in senders:
                sender.kill()
    for name, report in told.items():
        assert (report["why"], report["note"], report["damaged"], report["threads"]) == ("", "", [], 2)
        expected, played = (
            [frame[1:] for frame in frames] for frames in (by_the_client(recordings[name])[0], by_the_player(report))
        )
        both = min(len(expected), len(played))  # the recording begins before the page, and they come to the same end
        assert played[-both:] == expected[-both:]
        made = [source for source, _ in played[-both:]]
        assert made.count("anchor") >= ANCHORS
        assert made.count("rebuilt") >= ANCHORS
