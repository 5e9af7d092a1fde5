"""RTMP in, a hybrid stream over WebSocket out, and a file; viewer, enhancer, host and sender are killed in turn."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

import aiohttp
import av
import imageio_ffmpeg
import streams
from bench import CONFIG
from live_api import AUTHORIZED, served, watch

from ns_ray.actors.following import Following
from ns_ray.actors.orders import Plan
from ns_ray.actors.service.live_service import LiveService
from ns_ray.anchors import policies
from ns_ray.client.decoder import HybridDecoder
from ns_ray.hybrid.reader import HybridReader
from ns_ray.picture.coding import Coding


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Sender:
    """A process that sends a clip again and again, in real time, as OBS would."""

    def __init__(self, clip: Path, url: str) -> None:
        self._command = (
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-re", "-stream_loop", "-1", "-i", str(clip)),
            *("-c", "copy", "-f", "flv", url),
        )
        self._process: subprocess.Popen[bytes] | None = None

    def keep_up(self) -> None:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def test_rtmp_to_browser_through_every_death(bench, tmp_path):
    clip = as_obs_sends(tmp_path / "clip.mkv")
    plan = Plan(
        uuid4().hex,
        "neuroscaler",
        policies.Fraction(0.1, "stream"),
        Coding("jpeg", 90),
        2**62,
        True,
        tmp_path / "live",
        time.time(),
    )
    following = Following(bench.fleet.manager, bench.fleet.crew, 100)
    service = LiveService(plan, CONFIG.slot, bench.fleet.manager, following, most_streams=4, delay=Fraction(30))
    port = free_port()
    sender = Sender(clip, f"rtmp://127.0.0.1:{port}/live/key")

    async def go() -> tuple[Path, list[bytes], list[bytes]]:
        async with served(service, tmp_path) as url, aiohttp.ClientSession(url, headers=AUTHORIZED) as client:

            async def now() -> dict:
                async with client.get("/streams/cam") as answer:
                    assert answer.status == 200
                    return await answer.json()

            async def until(done: Callable[[dict], bool], sending: bool = True) -> dict:
                async with asyncio.timeout(60):
                    while not done(view := await now()):
                        if sending:
                            sender.keep_up()
                        await asyncio.sleep(0.1)
                return view

            new = {
                "name": "cam",
                "source": f"rtmp://127.0.0.1:{port}/live/key",
                "listen": True,
                "weights": str(bench.weights),
            }
            async with client.post("/streams", json=new) as answer:
                assert answer.status == 201, await answer.text()
                live = (await answer.json())["live"]
            first, second = [], []
            viewers = [asyncio.ensure_future(watch(client, live, got)) for got in (first, second)]
            view = await until(lambda view: view["enhancement"]["anchors_sent"] >= 2)
            late: list[bytes] = []
            third = asyncio.ensure_future(watch(client, live, late))
            viewers[0].cancel()  # a viewer goes without a word
            for kind in ("enhancer", "host"):
                os.kill(bench.fleet.pid(bench.first(kind)), signal.SIGKILL)
                sent = view["enhancement"]["anchors_sent"]
                view = await until(lambda view, sent=sent: view["enhancement"]["anchors_sent"] >= sent + 2)
            sender.kill()
            view = await until(lambda view: view["state"] == "waiting", sending=False)
            assert view["reason"]
            sent = view["enhancement"]["anchors_sent"]
            packets = view["packets"]
            view = await until(lambda view: view["state"] == "live" and view["enhancement"]["anchors_sent"] >= sent + 4)
            assert view["packets"] > packets
            async with client.delete("/streams/cam") as answer:
                assert answer.status == 200, await answer.text()
                view = await answer.json()
            assert view["enhancement"]["problem"] == ""
            await asyncio.gather(viewers[1], third)
            return Path(view["enhancement"]["recording"]), second, late

    try:
        recording, whole, late = bench.runner.run(go())
    finally:
        sender.kill()
    packets, frames = decoded(recording)
    assert sum(anchors for _, anchors in packets) >= 8
    for name, got in (("whole", whole), ("late", late)):
        path = tmp_path / f"{name}.mkv"
        path.write_bytes(b"".join(got))
        # All came to the same end; the recording begins behind the first viewer, and before the late one.
        for ours, theirs in zip(decoded(path), (packets, frames), strict=True):
            both = min(len(ours), len(theirs))
            assert both > 60
            assert [one == other for one, other in zip(ours[-both:], theirs[-both:], strict=True)] == [True] * both


def as_obs_sends(path: Path) -> Path:
    """Two seconds of H.264, frames that are shown in another order among them, a key frame every half second."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=30, options={"preset": "ultrafast", "bf": "2", "g": "15"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for number, picture in enumerate(streams.pictures(60)):
            frame = av.VideoFrame.from_ndarray(picture.planes[0], "gray").reformat(96, 64, "yuv420p")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def decoded(path: Path) -> "tuple[list[tuple[bytes, int]], list[bytes]]":
    """The bytes of each packet, and how many anchors it has; the frames at HR."""
    packets = [(one.packet.data, len(one.anchors)) for one in HybridReader(str(path))]
    return packets, [b"".join(map(bytes, one.picture.packed().planes)) for one in HybridDecoder(str(path), "plain")]
