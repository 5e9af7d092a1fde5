"""Fetching source videos: from the web through yt-dlp, or from a local file that stands in for a URL."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from ns_ray.dataset.dataset_list import Video
from ns_ray.dataset.raw import RawVideo, find_raw, forget, keep_record, measure, raw_path
from ns_ray.errors import MediaError
from ns_ray.whole_file import held, writing

Progress = Callable[[int, int], None]  # bytes that are there, and bytes in all (0 where nobody knows)

_RATE_TOLERANCE = 1.0  # sites call 59.94 frames a second 60
_COPY_BYTES = 2**23
_PREFIX = re.compile(r"\x1b\[[0-9;]*m|^ERROR: |; please report this issue on.*|\(caused by.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch: rows, frames a second, seconds that a server may be silent, attempts after the first."""

    height: int = 2160
    frame_rate: float = 60.0
    timeout_seconds: float = 20.0
    retries: int = 5


def fetch(video: Video, folder: Path, wanted: Wanted, progress: Progress, stop: Event) -> tuple[RawVideo, bool]:
    """Have a source video in `folder`, under its name and with the source's ending.

    What was fetched before from the same place is kept if it is whole. What was fetched in part is gone on with.

    Args:
        video: its name and source: a URL, a file, or a folder that holds a video of that name or a single one.
        folder: where it goes.
        wanted: which format of those that a site offers.
        progress: told of bytes, now and then.
        stop: set it to end the fetching; what is there so far stays for the next time.

    Returns:
        The video, and whether it was there already.

    Raises:
        MediaError: it cannot be fetched, or what came is no whole video of that height and rate.
    """
    source = video.source if _remote(video.source) else str(local_file(video).resolve())
    try:
        have = find_raw(folder, video.name)
    except MediaError:
        have = None  # it is not whole: it is fetched again, and stays until that has worked
    if have is not None and have.source == "":
        have = keep_record(have.path, source)  # put there by hand, or its writer was killed before the record
    if have is not None and have.source == source and (not _remote(source) or _suits(have, wanted)):
        return have, True
    if _remote(video.source):
        return _download(video, folder, wanted, progress, stop), False
    return _copy(video.name, Path(source), folder, progress, stop), False


def _remote(source: str) -> bool:
    return "://" in source and not source.startswith("file://")


def local_file(video: Video) -> Path:
    """The file that a local source means.

    Raises:
        MediaError: there is none, or a folder leaves open which.
    """
    path = Path(video.source.removeprefix("file://"))
    if path.is_file():
        return path
    if not path.is_dir():
        raise MediaError(f"{path} is no file or folder here; check the path (a URL begins with https://)")
    inside = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    named = [entry for entry in inside if entry.stem == video.name and entry.suffix not in (".json", ".part")]
    chosen = named or inside
    if len(chosen) != 1:
        there = ", ".join(entry.name for entry in inside[:5]) or "nothing"
        raise MediaError(f"{path} should hold one file {video.name}.*, but holds {there}; name the file")
    return chosen[0]


def _copy(name: str, source: Path, folder: Path, progress: Progress, stop: Event) -> RawVideo:
    total = measure(source).bytes
    target = folder / f"{name}{source.suffix.lower()}"
    if any(path.is_file() and path.samefile(source) for path in folder.glob(f"{name}.*")):
        raise MediaError(
            f"{source}: it is what was fetched as {name} before, from elsewhere; keep it so, or move it away first"
        )
    with writing(target) as part:
        with source.open("rb") as original, part.open("wb") as copy:
            while block := original.read(_COPY_BYTES):
                if stop.is_set():
                    raise MediaError("interrupted")
                copy.write(block)
                progress(copy.tell(), total)
        if part.stat().st_size != total:
            raise MediaError(f"{source} changed while it was copied; run this again")
        _clear(folder, name, target)
    return keep_record(target, str(source))


def _download(video: Video, folder: Path, wanted: Wanted, progress: Progress, stop: Event) -> RawVideo:
    key = f"{video.source} {wanted.height} {wanted.frame_rate:g}"  # never goes on with another video's bytes
    part = folder / f"{video.name}.{hashlib.sha256(key.encode()).hexdigest()[:8]}.part"
    lock = part / "lock"
    part.mkdir(parents=True, exist_ok=True)
    try:
        with held(lock, folder / video.name):
            file = _run(video, part, wanted, progress, stop)
            try:
                raw = measure(file)
                _require(raw, wanted)
            except MediaError as error:
                file.unlink()
                raise MediaError(f"{video.source}: what came is unusable ({error})") from error
            with file.open("rb") as written:
                os.fsync(written.fileno())
            target = folder / f"{video.name}{file.suffix}"
            _clear(folder, video.name, target)
            file.replace(target)
        return keep_record(target, video.source)
    finally:
        if set(part.iterdir()) <= {lock}:  # nothing to go on with
            shutil.rmtree(part)


def format_selector(wanted: Wanted) -> str:
    """What to choose, in yt-dlp's terms: the best SDR video of that height and rate, known or told only by the file."""
    low, high = wanted.frame_rate - _RATE_TOLERANCE, wanted.frame_rate + _RATE_TOLERANCE
    only = f"[height=?{wanted.height}][fps>?{low:g}][fps<?{high:g}][dynamic_range=?SDR]"
    return f"bestvideo{only}/best{only}"


def _run(video: Video, part: Path, wanted: Wanted, progress: Progress, stop: Event) -> Path:
    import yt_dlp  # takes a while; who fetches nothing from the web can do without
    from yt_dlp.utils import DownloadCancelled, YoutubeDLError

    def hook(state: dict[str, Any]) -> None:
        if stop.is_set():
            raise DownloadCancelled("interrupted")
        total = state.get("total_bytes") or state.get("total_bytes_estimate") or 0
        progress(int(state.get("downloaded_bytes") or 0), int(total))

    options: Any = {
        "format": format_selector(wanted),
        "outtmpl": str(part / "video.%(ext)s"),
        "continuedl": True,
        "noplaylist": True,
        "quiet": True,
        "noprogress": True,
        "logger": _Silent(),
        "progress_hooks": [hook],
        "socket_timeout": wanted.timeout_seconds,
        "retries": wanted.retries,
        "fragment_retries": wanted.retries,
        "extractor_retries": wanted.retries,
        "fixup": "never",
        "cachedir": False,
    }
    try:
        with yt_dlp.YoutubeDL(options) as downloader:
            info: Any = downloader.extract_info(video.source)
            files = [Path(entry["filepath"]) for entry in info.get("requested_downloads") or ()]
    except DownloadCancelled as error:
        raise MediaError("interrupted; run this again to go on") from error
    except (YoutubeDLError, OSError) as error:
        raise MediaError(_explain(video, wanted, error)) from error
    if len(files) != 1:
        raise MediaError(f"{video.source} is no single video; give the URL of one")
    return files[0]


def _explain(video: Video, wanted: Wanted, error: Exception) -> str:
    text = " ".join(_PREFIX.sub("", str(error)).split()).rstrip(" .;")
    if "Requested format is not available" in text:
        return (
            f"{video.source} is not offered with {wanted.height} rows at {wanted.frame_rate:g} frames/s; "
            "choose another --output-resolution or --frame-rate (on YouTube, yt-dlp sees all formats only if deno is "
            "installed)"
        )
    return (
        f"{video.source} cannot be fetched ({text}); check the network and the URL and run this again, or "
        f"give a file that you have: --video {video.name}=FILE"
    )


def _require(raw: RawVideo, wanted: Wanted) -> None:
    if not _suits(raw, wanted):
        raise MediaError(
            f"it has {raw.info.height} rows at {float(raw.info.frame_rate):.4g} frames/s, not {wanted.height} at "
            f"{wanted.frame_rate:g}; choose another --output-resolution or --frame-rate"
        )


def _suits(raw: RawVideo, wanted: Wanted) -> bool:
    off = abs(float(raw.info.frame_rate) - wanted.frame_rate)
    return raw.info.height == wanted.height and off <= _RATE_TOLERANCE


def _clear(folder: Path, name: str, target: Path) -> None:
    """Make way for a video of this name: its record goes first, as it would lie about the new file."""
    forget(target)
    old = raw_path(folder, name)
    if old is not None and old != target:
        old.unlink()


class _Silent:
    """yt-dlp's log; what matters comes as exceptions."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    info = warning = error = debug
