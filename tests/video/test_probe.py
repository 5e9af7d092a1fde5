"""What sources are, and which may be opened at all."""

import gc
import os
import socket
import subprocess
import sys
import threading
import time
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler
from itertools import islice
from pathlib import Path

import pytest
from remux import ffmpeg, ivf, remux
from web import web

from ns_ray.dataset.raw import measure
from ns_ray.errors import MediaError
from ns_ray.video import address
from ns_ray.video import matroska as m
from ns_ray.video.address import why_unreadable
from ns_ray.video.packets import read_packets, read_units
from ns_ray.video.probe import open_address, open_input, probe, require_supported

MS = Fraction(1, 1000)


@pytest.fixture(scope="module")
def clip(plain_video):
    """60 packets, key frames at 0 and 30."""
    return list(read_packets(probe(str(plain_video))))


def datas(clip):
    return [packet.data for packet in clip]


def times_of(rate, base=MS, count=60):
    return [round(i / Fraction(rate) / base) for i in range(count)]


def count(path, unsafe=False):
    with open_input(str(path), unsafe) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


# Rates


@pytest.mark.parametrize("rate", [24, 25, Fraction(30000, 1001), 50, 60])
def test_a_rate_that_the_container_lacks_is_told_from_times(tmp_path, clip, rate):
    count = 60
    for path in (
        remux(tmp_path / "a.mkv", clip, times_of(rate, count=count), MS),
        ivf(tmp_path / "a.ivf", datas(clip), times_of(rate, Fraction(1, 90000), count), Fraction(1, 90000)),
    ):
        found = probe(str(path))
        assert found.frame_rate == pytest.approx(float(rate), rel=1.5e-3)
        assert not found.notes


def test_a_rate_that_times_belie_does_not_count(tmp_path, clip):
    info = probe(str(remux(tmp_path / "a.mkv", clip, times_of(30), MS, rate=60)))
    assert info.frame_rate == 30
    assert info.notes == ("its container says 60 frames/s, its times 30: times count",)


def test_of_a_variable_rate_the_average_counts(tmp_path, clip):
    times = [i * 40 + i * i % 29 for i in range(60)]
    info = probe(str(remux(tmp_path / "a.mkv", clip, times, MS)))
    assert float(info.frame_rate) == pytest.approx(25, rel=0.02)
    assert not info.notes


def test_a_rate_that_cannot_be_told_is_assumed(tmp_path, clip):
    info = probe(str(remux(tmp_path / "a.mkv", clip[:1], [0], MS)))
    assert info.frame_rate == 30
    assert "assumed" in info.notes[0]


# What may not be a video, or not one that can be read


def test_a_stream_without_a_key_frame_is_waited_for(tmp_path, clip):
    path = remux(tmp_path / "mid.mkv", clip[5:30], times_of(60, count=25), MS, rate=60)
    info = probe(str(path))
    assert (info.pixel_format, info.width, info.height) == ("unknown", 96, 64)
    require_supported(info)


def test_an_encrypted_mp4_is_named(tmp_path, clip):
    plain, path = tmp_path / "p.mp4", tmp_path / "e.mp4"
    remux(plain, clip, times_of(60), MS, format="mp4")
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76" * 16, "-encryption_kid", "a7" * 16)
    ffmpeg("-i", str(plain), "-c", "copy", *key, str(path))
    with pytest.raises(MediaError, match=r"e.mp4: it is encrypted.*decrypt it"):
        probe(str(path))


@pytest.mark.parametrize("key", [b"0123456789abcdef", b""])
def test_an_encrypted_matroska_file_is_named(tmp_path, clip, key):
    """ContentEncodings added by hand, with and without the name of a key; each packet begins with a signal byte."""
    path = remux(tmp_path / "e.mkv", clip[:10], times_of(60, count=10), MS, rate=60, options={"live": "1"})
    data = path.read_bytes()
    encryption = m.element(0x5035, m.unsigned(0x47E1, 5), m.element(0x47E2, key) if key else b"")
    encodings = m.element(0x6D80, m.element(0x6240, m.unsigned(0x5033, 1), encryption))
    segment = next(one for one in m.elements(data) if one.name == m.SEGMENT)
    parts = []
    for one in m.elements(data, segment.body, segment.end):
        body = data[one.body : one.end]
        if one.name == m.TRACKS:
            entry = m.child(body, m.TRACK_ENTRY)
            assert entry is not None
            parts.append(m.element(m.TRACKS, m.element(m.TRACK_ENTRY, entry, encodings)))
        elif one.name == m.INFO:
            parts.append(m.element(one.name, body))
    sealed = (m.Block(1, p.pts, b"\x01" + bytes(8) + bytes(byte ^ 0x5A for byte in p.data), p.key) for p in clip[:10])
    parts.append(
        m.element(m.CLUSTER, m.unsigned(m.TIMESTAMP, 0), *(piece for one in sealed for piece in m.block(one, 0, 0)))
    )
    path.write_bytes(data[: segment.at] + m.identifier(m.SEGMENT) + m.UNKNOWN + b"".join(parts))
    with pytest.raises(MediaError, match=r"e.mkv: it is encrypted.*decrypt it"):
        probe(str(path))


def test_what_cannot_be_read_is_told_apart(tmp_path, clip):
    whole = remux(tmp_path / "w.mp4", clip, times_of(60), MS, format="mp4").read_bytes()
    for name, content, why in (
        ("empty.webm", b"", "it is empty"),
        ("text.webm", b"no video at all\n" * 50, "it is text"),
        ("list.ts", b"#EXTM3U\n#EXTINF:3,\nother.mp4\n", "it is a playlist"),
        ("noise.webm", bytes(range(256)) * 4, "its format is not known"),
        ("marked.m3u8", "\ufeff#EXTM3U\n#EXTINF:3,\nother.mp4\n".encode(), "it is a playlist"),
        ("header.mp4", whole[: len(whole) // 2], r"an MP4 file without its index \(moov\).*it is cut off"),
        ("header.ivf", b"DKIF\0\0 \0VP90", "it begins as IVF files do, but"),
        ("header.mkv", b"\x1aE\xdf\xa3\x80", "it begins as Matroska files do, but"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError, match=rf"{name}: it cannot be opened as a video.*{why}"):
            probe(str(tmp_path / name))
    with pytest.raises(MediaError, match=r"it cannot be opened as a video: it is a folder"):
        probe(str(tmp_path))
    with pytest.raises(MediaError, match=r"absent.webm: .*no such file"):
        probe(str(tmp_path / "absent.webm"))
    with pytest.raises(MediaError, match=r"no such file; check the path"):
        probe("C:\\video.webm")
    with pytest.raises(MediaError, match=r"File name too long; check the path"):
        probe("a" * 5000)
    with pytest.raises(MediaError, match=r"it is a playlist; check what it lists"):
        probe(str(tmp_path / "list.ts"), unsafe=True)


def test_a_codec_that_nobody_knows_is_named(tmp_path, clip):
    path = remux(tmp_path / "a.mkv", clip, times_of(60), MS, rate=60)
    path.write_bytes(path.read_bytes().replace(b"V_VP9", b"V_VPX"))
    with pytest.raises(MediaError, match=r"a.mkv: the codec of its video is not known"):
        probe(str(path))


def test_whole_raw_videos_are_judged_by_their_video(tmp_path, clip):
    late = [t + 700 for t in times_of(60)]
    path = remux(tmp_path / "a.mkv", clip, late, MS, rate=60, sides=range(0, 4000, 20))
    assert measure(path).seconds == pytest.approx(1.0, abs=0.02)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(MediaError, match="truncated"):
        measure(path)


def test_a_file_that_may_not_be_read_is_said_to(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    (tmp_path / "a.webm").touch()
    assert why_unreadable(str(tmp_path / "a.webm")).startswith("it cannot be read (Permission denied); check its")
    os.truncate(tmp_path / "a.webm", 100)
    with pytest.raises(MediaError, match=r"a.webm: it cannot be opened as a video.*Permission denied"):
        probe(str(tmp_path / "a.webm"))


# Names and addresses


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_host_that_does_not_answer_is_said_to(scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/a.webm"
        with pytest.raises(MediaError, match=r"nothing came in 0.3 s"):
            open_address(address.locate(url), url, open_seconds=0.3)


def test_a_pipe_that_cannot_be_opened_leaves_nothing_behind(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(OSError(6, "No such device or address")))
    unheard = []
    monkeypatch.setattr(sys, "unraisablehook", unheard.append)
    with pytest.raises(MediaError, match=r"fifo: it cannot be opened \(No such device"):
        open_input(str(tmp_path / "fifo"))
    gc.collect()
    assert not unheard


@pytest.mark.parametrize(
    "name", ["2024-01-01T10:00:00.webm", "concat:x.webm", "http:x", "subfile,,a:b.webm", "-", "a b%20c#?"]
)
def test_an_existing_file_is_a_file_whatever_its_name(tmp_path, plain_video, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(plain_video.read_bytes())
    for path in (name, str(tmp_path / name)):
        assert count(path) == 60
        assert sum(1 for _ in read_packets(probe(path))) == 60


@pytest.mark.parametrize(
    "form",
    [
        *("concat:{}", "concatf:{}", "subfile,,start,0,end,0,,:{}", "cache:{}", "async:{}", "crypto+file:{}", "fd:0"),
        *("data:video/webm;base64,AA==", "pipe:0", "ftp://127.0.0.1/x"),
        *("tcp://127.0.0.1:9", "udp://127.0.0.1:9", "rtp://127.0.0.1:9"),
    ],
)
def test_other_protocols_are_refused_by_name(plain_video, form):
    with pytest.raises(MediaError, match=r"only with --unsafe-input"):
        open_input(form.format(plain_video))


def test_protocols_that_ffmpeg_lacks_are_refused_with_a_way_round():
    with pytest.raises(MediaError, match=r"rtsp, rtsps are opened, of srt only .*ffmpeg -i srt://"):
        open_input("srt://127.0.0.1:9000")


def test_the_users_word_opens_other_protocols(plain_video):
    assert count(f"concat:{plain_video}", unsafe=True) == 60
    info = probe(f"concat:{plain_video}", unsafe=True)
    assert info.unsafe
    assert sum(1 for _ in read_packets(info)) == 60


@pytest.mark.parametrize("scheme", ["http", "https", "rtmp", "rtmps", "rtsp", "rtsps", "HTTP"])
def test_urls_are_tried(scheme):
    with pytest.raises(MediaError, match=r"refused"):
        open_input(f"{scheme}://127.0.0.1:1/a/b")


def playlists(media: str) -> dict[str, str]:
    return {
        "a.m3u8": f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{media}\n#EXT-X-ENDLIST\n",
        "a.ts": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{media}\n#EXT-X-ENDLIST\n",
        "a.ffconcat": f"ffconcat version 1.0\nfile '{media}'\n",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    }


def test_a_playlist_leads_nowhere(tmp_path, plain_video):
    for name, text in playlists(str(plain_video)).items():
        (tmp_path / name).write_text(text)
        with pytest.raises(MediaError, match=rf"{name}: .*playlist.* --unsafe-input"):
            open_input(str(tmp_path / name))
    assert count(tmp_path / "a.ffconcat", unsafe=True) == 60


@pytest.fixture
def site(tmp_path):
    """A web server for a folder; its address."""

    class Quiet(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            if not self.path.startswith("/live/"):
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            data = (tmp_path / self.path[len("/live/") :]).read_bytes()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n")

    with web(partial(Quiet, directory=tmp_path)) as url:
        yield url


def test_the_web_serves_files_and_playlists_of_the_web_alone(tmp_path, plain_video, site):
    (tmp_path / "a.webm").write_bytes(plain_video.read_bytes())
    assert count(f"{site}/a.webm") == 60
    segments = ("-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "0.4", "-hls_playlist_type", "vod")
    ffmpeg("-i", str(plain_video), "-c", "copy", *segments, str(tmp_path / "good.m3u8"))
    info = probe(f"{site}/good.m3u8")
    assert info.frame_rate == 60
    packets = list(islice(read_packets(info, loop=True), 70))
    assert [p.video_index for p in packets] == list(range(70))
    for name, text in playlists(f"file://{plain_video}").items():
        (tmp_path / name).write_text(text)
        with pytest.raises(MediaError, match=name):
            open_input(f"{site}/{name}")
    (tmp_path / "tcp.m3u8").write_text(playlists("tcp://127.0.0.1:1")["a.m3u8"])
    with pytest.raises(MediaError, match=r"tcp.m3u8"):
        open_input(f"{site}/tcp.m3u8")


def test_a_live_url_is_read_once_and_goes_on_with_what_comes(tmp_path, clip, site):
    remux(tmp_path / "a.mkv", clip, times_of(25), MS, options={"live": "1"})
    info = probe(f"{site}/live/a.mkv")
    assert info.frame_rate == 25
    units = list(read_units(info, loop=True))
    assert [u.packet.video_index for u in units] == list(range(60))
    rest = list(read_units(info, units[29].mark, loop=True))
    assert [u.packet.video_index for u in rest] == list(range(30, 90))
    assert rest[0].packet.pts == units[29].packet.pts + 40
    assert "opened again" in rest[0].notes[0]


# Pipes


@pytest.fixture
def fifo(tmp_path, monkeypatch):
    monkeypatch.setattr(address, "OPEN_SECONDS", 0.3)
    monkeypatch.setattr(address, "READ_SECONDS", 0.3)
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_a_fifo_without_a_writer_is_given_up(fifo):
    begin = time.monotonic()
    with pytest.raises(MediaError, match=r"fifo: nobody wrote to it for 0.3 s; start what writes"):
        open_input(str(fifo))
    assert time.monotonic() - begin < 5


def test_a_fifo_gives_what_is_written_until_its_writer_falls_silent(fifo, plain_video):
    data, silence = plain_video.read_bytes(), threading.Event()

    def write(size):
        with open(fifo, "wb") as file:
            file.write(data[: size // 2])
            file.flush()
            time.sleep(0.05)
            file.write(data[size // 2 : size])
            file.flush()
            if size < len(data):
                silence.wait()

    writer = threading.Thread(target=write, args=(len(data),))
    writer.start()
    assert count(fifo) == 60
    writer.join()
    writer = threading.Thread(target=write, args=(len(data) * 2 // 3,))
    writer.start()
    with pytest.raises(MediaError, match=r"fifo: nobody wrote to it for 0.3 s; is its writer alive"):
        count(fifo)
    silence.set()
    writer.join()


@pytest.mark.parametrize("piped", [True, False])
def test_standard_input_is_read(plain_video, piped):
    program = (
        "from ns_ray.video.probe import open_input\n"
        "print(sum(p.size > 0 for p in open_input('/dev/stdin').demux(video=0)))"
    )
    with open(plain_video, "rb") as file:
        given = {"input": file.read()} if piped else {"stdin": file}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, **given)
    assert done.stdout.strip() == b"60"
