"""Sources that are opened once: as they come over RTSP and the web, with their sound."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler
from itertools import islice
from pathlib import Path

import imageio_ffmpeg
import pytest
from remux import ffmpeg
from web import web

from ns_ray.errors import MediaError
from ns_ray.hybrid.clock import is_steady
from ns_ray.video.arriving import Arriving
from ns_ray.video.packets import read_units
from ns_ray.video.probe import VideoInfo, probe

RATE, FRAMES = 15, 120


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """H.264 as OBS sends it, with B frames, a key frame every 4 s, and a tone as AAC; 8 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    picture = f"testsrc=size=64x48:rate={RATE}"
    video = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-g", "60", "-sc_threshold", "0")
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=sample_rate=48000")
    ffmpeg(*inputs, *video, "-bf", "3", "-c:a", "aac", "-frames:v", str(FRAMES), "-shortest", str(path))
    return path


@pytest.fixture(scope="module")
def site(film) -> Iterator[str]:
    """The film on the web: FLV, MPEG-TS, HLS, and MPEG-TS that begins between key frames."""
    folder = film.parent
    for name in ("film.flv", "film.ts", "film.m3u8"):
        ffmpeg("-i", str(film), "-c", "copy", str(folder / name))
    whole = (folder / "film.ts").read_bytes()
    (folder / "late.ts").write_bytes(whole[len(whole) // 8 // 188 * 188 :])

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with web(partial(Quiet, directory=folder)) as url:
        yield url


def expected(film: Path) -> tuple[list[int], list[int], list[bytes]]:
    """Times in frames, as shown and as decoded, and sound, of the film itself."""
    info = probe(str(film))
    units = list(read_units(info))
    return *frames(info, [unit.packet for unit in units if unit.packet]), [
        side.data for unit in units for side in unit.sides
    ]


def frames(info: VideoInfo, packets) -> tuple[list[int], list[int]]:
    usual = 1 / (RATE * info.time_base)
    return [round(one.pts / usual) for one in packets], [round(one.due / usual) for one in packets]


def came(source: Arriving, count: int | None = None):
    """The first packets of a source, or all, and the sound between them."""
    with closing(source.units()) as units:
        read = list(islice(units, count))
    return [one.packet for one in read if one.packet], [side.data for one in read for side in one.sides]


@pytest.mark.parametrize("name", ["film.flv", "film.ts", "film.m3u8"])
def test_the_web(site, film, name, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    source = Arriving(f"{site}/{name}")
    info = source.info
    assert (info.codec, info.width, info.height, info.frame_rate) == ("h264", 64, 48, RATE)
    assert [side.codec for side in info.sides] == ["aac"]
    interval = 1 / (RATE * info.time_base)
    assert len(source.times) > 60
    assert is_steady(source.times, interval, max(Fraction(1), interval / 10))
    packets, sound = came(source)
    shown, decoded, heard = expected(film)
    assert frames(info, packets) == (shown, decoded)
    count = len(heard) - 2  # what comes before the first picture may be there or not
    assert sound[-count:] == heard[-count:]


def test_who_comes_between_key_frames_waits_for_what_is_needed_to_decode(site, monkeypatch):
    source = Arriving(f"{site}/late.ts")
    assert (source.info.width, source.info.height) == (64, 48)
    assert source.info.record
    packets, _ = came(source, 3)
    assert not packets[0].key
    monkeypatch.setattr("ns_ray.video.arriving._PATIENTLY", {"analyzeduration": "1000000"})
    with pytest.raises(MediaError, match=r"late.ts: (no key frame came|its size cannot be told)"):
        Arriving(f"{site}/late.ts")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_is_sent_to_us(film, transport):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"rtsp://127.0.0.1:{one.getsockname()[1]}/live/key"
    program = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "quiet", "-nostdin", "-re", "-i", str(film), "-c", "copy")
    command = (*program, "-rtsp_transport", transport, "-f", "rtsp", url)
    done = threading.Event()
    senders: list[subprocess.Popen[bytes]] = []

    def send() -> None:
        while not done.is_set():
            senders.append(subprocess.Popen(command))
            while senders[-1].poll() is None and not done.is_set():
                time.sleep(0.05)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        source = Arriving(url, listen=True)
        packets, sound = came(source, 20)
    finally:
        done.set()
        sending.join()
        senders[-1].kill()
        senders[-1].wait()
    assert (source.info.codec, source.info.width, source.info.frame_rate) == ("h264", 64, RATE)
    assert packets[0].key
    shown, decoded, heard = expected(film)
    assert frames(source.info, packets) == (shown[:20], decoded[:20])
    assert set(sound) & set(heard)
