"""Fetching from a web server on this machine, whole and in pieces, and from files; never from the network."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
import sources
import yt_dlp

from ns_ray.dataset.dataset_list import Video
from ns_ray.dataset.download import Wanted, fetch, format_selector
from ns_ray.dataset.raw import find_raw
from ns_ray.errors import MediaError

ROOT = Path(__file__).resolve().parents[2]
WANTED = Wanted(height=108, frame_rate=60, timeout_seconds=5, retries=0)


class Site(ThreadingHTTPServer):
    """Serves one file, with ranges; each answer breaks off after `limit` bytes."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.limit = 10**9
        self.starts: list[int] = []  # of the answers
        self.go_on = Event()  # while it is not set, answers do not end
        self.go_on.set()
        self.url = f"http://127.0.0.1:{self.server_port}/video.webm"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_HEAD(self):
        self._answer(send=False)

    def do_GET(self):
        self._answer(send=True)

    def _answer(self, send):
        content, start = self.server.content, 0
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            start = int(asked[1])
            end = min(int(asked[2] or len(content) - 1), len(content) - 1)
            if start >= len(content):
                self.send_error(416)
                return
        part = content[start : end + 1] if asked else content
        self.send_response(206 if asked else 200)
        self.send_header("Content-Type", "video/webm")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.end_headers()
        if send:
            self.server.starts.append(start)
            self.wfile.write(part[: self.server.limit])
            self.wfile.flush()
            self.server.go_on.wait(30)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Uncompressible enough to take several blocks."""
    path = tmp_path_factory.mktemp("clip") / "clip.webm"
    return sources.write_source(path, codec="libvpx-vp9", frames=600, gop=5)


@pytest.fixture
def site(clip) -> Iterator[Site]:
    made = Site(clip.read_bytes())
    thread = Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def get(source: object, folder: Path, wanted: Wanted = WANTED, name: str = "lol0", stop: Event | None = None):
    told: list[tuple[int, int]] = []
    raw, kept = fetch(Video(name, str(source)), folder, wanted, lambda *state: told.append(state), stop or Event())
    return raw, kept, told


def test_a_download_is_whole_and_kept(tmp_path, site, clip):
    raw, kept, told = get(site.url, tmp_path)
    assert not kept
    assert raw.path == tmp_path / "lol0.webm"
    assert raw.path.read_bytes() == clip.read_bytes()
    assert (raw.info.height, raw.info.frame_rate, raw.source) == (108, 60, site.url)
    assert told[-1][0] == len(site.content)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lol0.json", "lol0.webm"]
    site.starts.clear()
    again, kept, _ = get(site.url, tmp_path)
    assert (again, kept, site.starts) == (raw, True, []), "no byte is fetched twice"


def test_a_broken_download_goes_on_where_it_was(tmp_path, site, clip):
    site.limit = len(site.content) // 2
    with pytest.raises(MediaError, match=r"cannot be fetched.*run this again") as error:
        get(site.url, tmp_path)
    assert site.url in str(error.value)
    assert find_raw(tmp_path, "lol0") is None, "what came in part is not taken for the whole"
    assert max(site.starts) == 0
    site.limit = 10**9
    raw, _, _ = get(site.url, tmp_path)
    assert raw.path.read_bytes() == clip.read_bytes()
    assert max(site.starts) > 0, "it did not start over"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lol0.json", "lol0.webm"]


def test_a_killed_download_goes_on_where_it_was(tmp_path, site, clip):
    site.limit = len(site.content) // 2
    site.go_on.clear()
    job = [sys.executable, "jobs/download.py", "--data-dir", tmp_path, "--height", 108, "--video", f"lol0={site.url}"]
    with subprocess.Popen([*map(str, job)], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size for part in (tmp_path / "raw").glob("*.part/*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    site.go_on.set()
    site.limit = 10**9
    assert find_raw(tmp_path / "raw", "lol0") is None
    raw, _, _ = get(site.url, tmp_path / "raw")
    assert raw.path.read_bytes() == clip.read_bytes()
    assert max(site.starts) > 0, "it did not start over"
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == ["lol0.json", "lol0.webm"]


def test_another_source_is_never_mixed_in(tmp_path, site):
    site.limit = len(site.content) // 2
    with pytest.raises(MediaError):
        get(site.url, tmp_path)
    site.limit = 10**9
    other = site.url + "?other"
    raw, _, _ = get(other, tmp_path)
    assert raw.bytes == len(site.content)
    raw, kept, _ = get(site.url, tmp_path)
    assert (raw.source, kept) == (site.url, False), "the list names another source now"


def test_a_damaged_file_is_fetched_again(tmp_path, site, clip):
    raw, _, _ = get(site.url, tmp_path)
    raw.path.write_bytes(clip.read_bytes()[:-1])
    again, kept, _ = get(site.url, tmp_path)
    assert not kept
    assert again.path.read_bytes() == clip.read_bytes()


def test_a_file_whose_record_was_not_written_is_read_once_and_kept(tmp_path, site, clip):
    (tmp_path / "lol0.webm").write_bytes(clip.read_bytes())
    raw, kept, _ = get(site.url, tmp_path)
    assert (kept, raw.source, site.starts) == (True, site.url, [])
    (tmp_path / "lol0.json").unlink()
    (tmp_path / "lol0.webm").write_bytes(clip.read_bytes()[: len(clip.read_bytes()) // 2])
    raw, kept, _ = get(site.url, tmp_path)
    assert (kept, raw.bytes) == (False, len(site.content))


def test_what_comes_has_to_be_what_was_asked_for(tmp_path, site, clip):
    with pytest.raises(MediaError, match=r"108 rows at 60 frames/s, not 2160 at 60; choose another --output-res"):
        get(site.url, tmp_path, Wanted(2160, 60, 5, 0))
    with pytest.raises(MediaError, match="not 108 at 30"):
        get(site.url, tmp_path, Wanted(108, 30, 5, 0))
    site.content = clip.read_bytes()[: len(clip.read_bytes()) // 2]
    with pytest.raises(MediaError, match="truncated"):
        get(site.url, tmp_path)
    site.content = b"<html>sign in</html>" * 50
    with pytest.raises(MediaError, match=site.url):
        get(site.url, tmp_path)
    assert not list(tmp_path.iterdir()), "nothing unusable is left"


def offered(height: int, fps: float, codec: str = "vp9", **more: object) -> dict[str, object]:
    name = f"{height}p{fps:g}-{codec}{more.get('dynamic_range', '')}"
    return {
        "format_id": name,
        "url": "http://x/",
        "height": height,
        "fps": fps,
        "vcodec": codec,
        "acodec": "none",
    } | more


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (Wanted(2160, 60), "2160p60-vp9"),
        (Wanted(1080, 60), "1080p59.94-avc1"),
        (Wanted(1080, 30), "1080p30-vp9"),
        (Wanted(1440, 60), None),
        (Wanted(2160, 50), None),
    ],
)
def test_what_is_chosen_of_a_sites_formats(wanted, chosen):
    """Never sound, never HDR, which the next step refuses; yt-dlp would take it for better."""
    formats = [
        offered(720, 60),
        offered(1080, 30),
        offered(1080, 59.94, "avc1"),
        offered(2160, 30, "av01"),
        offered(2160, 60, tbr=20000),
        offered(2160, 60, "vp9.2", dynamic_range="HDR10", tbr=25000),
        offered(2160, 60, "none", acodec="opus"),
    ]
    info = {"id": "x", "title": "x", "extractor": "x", "webpage_url": "http://x/", "formats": formats}
    with yt_dlp.YoutubeDL({"format": format_selector(wanted), "quiet": True, "simulate": True}) as downloader:
        if chosen is None:
            with pytest.raises(yt_dlp.utils.YoutubeDLError, match="Requested format is not available"):
                downloader.process_ie_result(info, download=False)
        else:
            assert downloader.process_ie_result(info, download=False)["format_id"] == chosen


def test_without_a_network(tmp_path):
    with pytest.raises(MediaError, match=r"cannot be fetched \(.*; check the network.*--video lol0=FILE") as error:
        get("http://127.0.0.1:9/video.webm", tmp_path)
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_download_stops_and_goes_on(tmp_path, site):
    stop = Event()
    stop.set()
    with pytest.raises(MediaError, match="interrupted"):
        get(site.url, tmp_path, stop=stop)
    assert find_raw(tmp_path, "lol0") is None
    raw, _, _ = get(site.url, tmp_path)
    assert raw.bytes == len(site.content)


def test_local_files_stand_in(tmp_path, clip):
    folder = tmp_path / "raw"
    raw, _, told = get(clip, folder)
    assert raw.path.read_bytes() == clip.read_bytes()
    assert told[-1] == (raw.bytes, raw.bytes)
    assert get(clip, folder)[1]
    assert get(clip.parent, folder, name="gta0")[0].path.name == "gta0.webm"
    assert get(f"file://{clip}", folder, name="chat0")[0].bytes == raw.bytes
    several = tmp_path / "several"
    several.mkdir()
    for name in ("a.webm", "b.webm", "chat1.webm"):
        (several / name).write_bytes(clip.read_bytes())
    assert get(several, folder, name="chat1")[0].source == str(several / "chat1.webm")
    with pytest.raises(MediaError, match=r"should hold one file lol7.\*, but holds a.webm, b.webm"):
        get(several, folder, name="lol7")
    with pytest.raises(MediaError, match="no file or folder"):
        get(tmp_path / "nowhere.mp4", folder, name="lol7")


def test_a_local_file_in_part_is_refused_and_the_old_one_stays(tmp_path, clip):
    folder = tmp_path / "raw"
    get(clip, folder)
    half = tmp_path / "half.webm"
    half.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(MediaError, match="truncated") as error:
        get(half, folder)
    assert str(half) in str(error.value)
    assert (folder / "lol0.webm").read_bytes() == clip.read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["lol0.json", "lol0.webm"]


def test_a_source_is_not_written_over_itself(tmp_path, clip):
    folder = tmp_path / "raw"
    get(clip, folder)
    (tmp_path / "LOL0.webm").hardlink_to(folder / "lol0.webm")
    for source in (folder / "lol0.webm", tmp_path / "LOL0.webm"):
        with pytest.raises(MediaError, match=rf"{source}: it is what was fetched as lol0 before, from elsewhere"):
            get(source, folder)
    assert find_raw(folder, "lol0").source == str(clip)


def test_another_ending_takes_the_place_of_the_old_one(tmp_path, clip):
    folder = tmp_path / "raw"
    get(clip, folder)
    other = sources.write_source(tmp_path / "o.mp4", frames=20, rate=Fraction(30))
    raw, _, _ = get(other, folder)
    assert raw.path.name == "lol0.mp4"
    assert sorted(path.name for path in folder.iterdir()) == ["lol0.json", "lol0.mp4"]
    assert find_raw(folder, "lol0") == raw
