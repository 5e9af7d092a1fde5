"""Recordings that lie one behind the other in a Matroska, MP4 or IVF file, each with a header of its own.

FFmpeg takes the second header of an IVF file for a frame, and passes over that of an MP4 file. Later recordings of a
Matroska file it reads by the first one's header, and not all of them: another track ends it, and so does the third.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from io import FileIO
from typing import TYPE_CHECKING

import av

from ns_ray.errors import MediaError
from ns_ray.video.address import is_pipe, locate, regular
from ns_ray.video.main_track import main_track
from ns_ray.video.probe import VideoInfo, open_address, rates_of

if TYPE_CHECKING:
    from av.container import InputContainer

Span = tuple[int, int | None]
"""Where a recording begins in its file, and where it ends; None for the file's own end."""
WHOLE: Span = (0, None)
EBML, SEGMENT = 0x1A45DFA3, 0x18538067  # RFC 9559
_NOT_DECODING = {"codec_whitelist": ",".join(name for name in av.codecs_available if "vp9" not in name)}
_MOST_BOXES = 100_000  # of an MP4 file that are looked at


class Section:
    """A part of a file, to be read as if it was a whole one."""

    def __init__(self, path: str, span: Span) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 (closed with what reads it)
        self._start = span[0]
        self._end = os.fstat(self._file.fileno()).st_size if span[1] is None else span[1]
        self._file.seek(self._start)

    def read(self, count: int) -> bytes:
        """The next bytes, `count` at most; none at the end."""
        return self._file.read(max(0, min(count, self._end - self._file.tell())))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset from the beginning, from here, or from the end; returns it from the beginning."""
        base = {os.SEEK_SET: self._start, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._end}[whence]
        return self._file.seek(max(self._start, base + offset)) - self._start

    def tell(self) -> int:
        """The offset from the beginning."""
        return self._file.tell() - self._start

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def recordings(path: str, unsafe: bool = False) -> list[Span]:
    """The recordings in a Matroska or MP4 file; of anything else, and what cannot be read, the whole is one.

    Nothing is read of a pipe.

    One that does not say where it ends goes on to the file's end.

    Raises:
        MediaError: it cannot be opened any more.
    """
    if is_pipe(path) or not (address := locate(path, unsafe)).file:
        return [WHOLE]
    found: list[int] = []
    with suppress(OSError), open(file_of(str(address.target)), "rb", buffering=0) as file:
        begin = file.read(8)
        file.seek(0)
        found = _movies(file) if begin[4:] == b"ftyp" else _segments(file)
    return list(zip(found or [0], [*found[1:], None], strict=True))


def begins_ivf(path: str, unsafe: bool, at: int) -> bool:
    """Whether an IVF header begins at a byte of a file."""
    if is_pipe(path) or not (address := locate(path, unsafe)).file:
        return False
    with open(file_of(str(address.target)), "rb") as file:
        file.seek(at)
        return file.read(4) == b"DKIF"


def open_recording(path: str, unsafe: bool, span: Span) -> "InputContainer":
    """Open one of a file's recordings; raises MediaError as `open_input`."""
    return _open(path, unsafe, span, {})


def open_known(info: VideoInfo, span: Span) -> "InputContainer":
    """Open one of the recordings of a probed video for its packets; raises MediaError as `open_input`.

    FFmpeg decodes a frame of what it opens, which takes a hundred times as long as all else and tells nothing of the
    packets. A file of VP9 is spared that where FFmpeg learns as much without: it reads on for what is not told, and
    packets that it read to learn of others have durations of their own.
    """
    path, unsafe = info.path, info.unsafe
    if info.rates is not None and span[0] == 0 and regular(path):
        with suppress(MediaError):
            container = _open(path, unsafe, span, _NOT_DECODING)
            video = main_track(container)
            if video is not None and video.codec_context.width and rates_of(video) == info.rates:
                return container
            container.close()
    return open_recording(path, unsafe, span)


def open_first(path: str, unsafe: bool) -> "InputContainer":
    """Open a file's first recording, or what else there is; raises MediaError as `open_input`."""
    return open_recording(path, unsafe, recordings(path, unsafe)[0])


def file_of(target: str) -> str:
    """The path of a file in FFmpeg's way to name it."""
    return target.removeprefix("file:")


def number(data: bytes, *, marked: bool) -> tuple[int, int]:
    """A variable-length number of EBML (RFC 8794, section 4) and its bytes, none where it is damaged.

    Args:
        data: what begins with it.
        marked: whether the bit that tells its length belongs to it, as in names.
    """
    length = 9 - data[0].bit_length() if data else 9
    if length > min(8, len(data)):
        return 0, 0
    value = int.from_bytes(data[:length], "big")
    return value if marked else value & ((1 << 7 * length) - 1), length


def _open(path: str, unsafe: bool, span: Span, options: Mapping[str, str]) -> "InputContainer":
    address = locate(path, unsafe)
    address = replace(address, options={**address.options, **options})
    if span != WHOLE:
        address = replace(address, target=Section(file_of(str(address.target)), span))
    return open_address(address, path, unsafe)


def _segments(file: FileIO) -> list[int]:
    """Where the recordings of a Matroska file begin."""
    found: list[int] = []
    at, size = 0, os.fstat(file.fileno()).st_size
    while at < size:
        end = _end(file.read(64), at)
        if end is None:
            break
        found.append(at)
        at = file.seek(min(end, size))
    return found


def _movies(file: FileIO) -> list[int]:
    """Where the recordings of an MP4 file begin (ISO/IEC 14496-12, section 4.2): each has a type, and later a movie."""
    found: list[int] = []
    at, start = 0, 0
    for _ in range(_MOST_BOXES):
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        length = int.from_bytes(head[8:], "big") if length == 1 else length
        if head[4:8] == b"ftyp":
            start = at
        elif head[4:8] == b"moov" and start not in found:
            found.append(start)
        if length < 8:
            break
        at = file.seek(at + length)
    return found


def _end(data: bytes, at: int) -> int | None:
    """Where a recording ends that begins with these bytes at an offset; far off if it does not say, None if none."""
    for wanted in (EBML, SEGMENT):
        name, length = number(data, marked=True)
        size, more = number(data[length:], marked=False)
        if name != wanted or not more:
            return None
        at += length + more + size
        data = data[length + more + size :]
    return at
