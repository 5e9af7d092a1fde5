"""What may be opened: files, whatever they are called, pipes, and media URLs; and nothing else by way of those.

FFmpeg opens far more: other protocols by name (`concat:`, `subfile,`, `tcp:`), and from playlists whatever they list.
An address may come from anywhere, so all of that needs the user's word (`unsafe`).
"""

import os
import re
import select
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from ns_ray.errors import MediaError

OPEN_SECONDS = 10.0
READ_SECONDS = 10.0
# Containers and raw streams whose media lies in themselves. Playlists are not among them.
_CONTAINERS = (
    "matroska,mov,ivf,obu,avi,flv,live_flv,asf,mpegts,mpeg,mpegvideo,ogg,nut,mxf,gxf,dv,wtv,"
    "h264,hevc,vvc,m4v,av1,mjpeg,gif,yuv4mpegpipe"
)
# By protocol: the protocols it stands on, and what it may carry. HLS and DASH lead on to http and https alone.
_WEB = ("http,https,httpproxy,tls,tcp", f"{_CONTAINERS},hls,dash,aac,ac3,mp3,webvtt")
_RTMP = ("rtmp,rtmps,tls,tcp", "flv,live_flv")
_RTSP = ("rtp,udp,tls,tcp", "rtsp")
_PROTOCOLS = {"http": _WEB, "https": _WEB, "rtmp": _RTMP, "rtmps": _RTMP, "rtsp": _RTSP, "rtsps": _RTSP}
_SCHEME = re.compile(r"([A-Za-z0-9+.-]{2,})[:,]")  # one letter is a drive of Windows
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"v=0", b"[playlist]", b"<?xml", b"<MPD")
_BEGINNINGS = {b"\x1aE\xdf\xa3": "Matroska", b"DKIF": "IVF", b"FLV": "FLV", b"RIFF": "AVI", b"nut/": "NUT"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UNSAFE = "only with --unsafe-input, as it can lead to any file or host"
_UNKNOWN_TO_WHEELS = ("srt", "rist")


class Pipe:
    """Reads a FIFO or a terminal, and gives up where nobody writes to it for too long."""

    def __init__(self, path: str) -> None:
        """Wait for a writer; raises MediaError where none came or it wrote nothing in time."""
        self._path = path
        self._file = -1
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if not self._ready(OPEN_SECONDS):
            self.close()
            raise MediaError(f"{path}: nobody wrote to it for {OPEN_SECONDS:g} s; start what writes to it first")
        self._failed = False

    def read(self, count: int) -> bytes:
        """The next bytes, `count` at most; none at the end. Raises MediaError once where the writer fell silent."""
        while not self._failed:
            if not self._ready(READ_SECONDS):
                self._failed = True
                raise MediaError(f"{self._path}: nobody wrote to it for {READ_SECONDS:g} s; is its writer alive?")
            with suppress(BlockingIOError):
                return os.read(self._file, count)
        return b""

    def close(self) -> None:
        """Let go of it; doing that twice does no harm."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()

    def _ready(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._file, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


class Readable(Protocol):
    """What FFmpeg can be given in place of a name."""

    def read(self, count: int) -> bytes:
        """The next bytes, `count` at most; none at the end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """Something that may be opened: what FFmpeg is given, with which options, and whether it is a file or a pipe."""

    target: str | Readable
    options: Mapping[str, str] = field(default_factory=dict)
    file: bool = False
    pipe: bool = False


def is_pipe(path: str) -> bool:
    """Whether it is read once and never again: a FIFO, a terminal."""
    mode = _mode(path)
    return mode is not None and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode))


def is_rereadable(path: str) -> bool:
    """Whether it is, by its address, a file, which may be read again from its beginning, on whichever machine."""
    return not is_pipe(path) and (local(path) is not None or "://" not in path)


def local(path: str) -> str | None:
    """The path of an existing file, pipe or folder that an address names; None where there is none."""
    for name in (path, path.removeprefix("file:")):
        if _mode(name) is not None:
            return name
    return None


def regular(path: str) -> str | None:
    """The path of an existing regular file that an address names, which may be read again and again; else None."""
    name = local(path)
    return name if name is not None and stat.S_ISREG(_mode(name) or 0) else None


def locate(path: str, unsafe: bool = False) -> Address:
    """What an address means.

    An existing file is taken as a file even where its name looks like an address. A pipe is opened here.

    Args:
        path: a path or a URL.
        unsafe: whether any protocol of FFmpeg may be used, and playlists may open what they list.

    Raises:
        MediaError: there is nothing, or nothing that may be opened.
    """
    name = local(path)
    if name is not None:
        return _local(path, name, unsafe)
    scheme = _SCHEME.match(path)
    if scheme is None or scheme[1] == "file":
        raise MediaError(f"{path}: it cannot be opened as a video: {_why_absent(path)}; check the path")
    if unsafe:
        return Address(path)
    protocol = scheme[1].lower()
    if protocol not in _PROTOCOLS:
        known = ", ".join(_PROTOCOLS)
        raise MediaError(f"{path}: no such file; URLs of {known} are opened, of {protocol} {_UNSAFE}{_more(protocol)}")
    protocols, formats = _PROTOCOLS[protocol]
    options = {"protocol_whitelist": protocols, "format_whitelist": formats}
    if formats == "rtsp":
        options["rtsp_flags"] = "prefer_tcp"  # what UDP loses damages frames; who has UDP alone is asked again
    return Address(protocol + path[len(protocol) :], options)


def why_unreadable(path: str, unsafe: bool = False) -> str:
    """What is wrong with what could not be opened as a video, as far as can be told, and the remedy.

    Args:
        path: what was to be opened.
        unsafe: as in `locate`.
    """
    name = local(path)
    if name is None:
        return "check the address, and whether what it names is a video"
    begin = b""
    if not is_pipe(name):
        try:
            with open(name, "rb") as file:
                begin = file.read(4096)
        except OSError as error:
            return f"it cannot be read ({error.strerror}); check its permissions and the disk"
    if begin.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(_PLAYLISTS):
        return (
            "it is a playlist; check what it lists"
            if unsafe
            else f"it is a playlist; what it lists is opened {_UNSAFE}"
        )
    if begin[4:8] == b"ftyp" and not _has_box(name, b"moov"):
        return "it is an MP4 file without its index (moov), which may come last: it is cut off, get the whole file"
    if begin and not any(byte < 9 or 13 < byte < 27 for byte in begin):
        return "it is text, no video; check the path"
    kind = next((kind for mark, kind in _BEGINNINGS.items() if begin.startswith(mark)), "")
    if kind:
        return f"it begins as {kind} files do, but is damaged or cut off before its first frame; get the whole file"
    return "its format is not known, or its beginning is damaged or missing; check the path and the format"


def _local(path: str, name: str, unsafe: bool) -> Address:
    mode = _mode(name) or 0
    # Of FFmpeg's playlist of files it takes a word of its own.
    options = {"safe": "0"} if unsafe else {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    if stat.S_ISDIR(mode):
        raise MediaError(f"{path}: it cannot be opened as a video: it is a folder; name a file in it")
    if is_pipe(name):
        try:
            return Address(Pipe(name), options, pipe=True)
        except OSError as error:
            raise MediaError(f"{path}: it cannot be opened ({error.strerror})") from error
    if not stat.S_ISREG(mode):
        raise MediaError(f"{path}: it cannot be opened as a video: it is neither a file nor a pipe; give a video file")
    if not os.stat(name).st_size:
        raise MediaError(f"{path}: it cannot be opened as a video: it is empty; get the file again")
    return Address(f"file:{name}", options, file=True)


def _more(protocol: str) -> str:
    if protocol not in _UNKNOWN_TO_WHEELS:
        return ""
    return f"; and PyAV's wheels have no {protocol}: pass it on with `ffmpeg -i {protocol}://... -c copy -f flv rtmp://...`"


def _has_box(path: str, wanted: bytes) -> bool:
    """Whether an MP4 file has a box of this name, besides those that lie in others (ISO/IEC 14496-12, section 4.2)."""
    with suppress(OSError), open(path, "rb") as file:
        while len(head := file.read(16)) >= 8:
            size = int.from_bytes(head[:4], "big")
            size = int.from_bytes(head[8:], "big") if size == 1 else size
            if head[4:8] == wanted:
                return True
            if size < 8:  # to the file's end, or damaged
                break
            file.seek(size - len(head), os.SEEK_CUR)
    return False


def _why_absent(path: str) -> str:
    try:
        os.stat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "there is no such file"


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):
        return None
