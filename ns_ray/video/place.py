"""Places in a source to which a new reader can go at once, at whatever hour of the stream."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import av.error

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.errors import MediaError
from ns_ray.video.address import is_pipe, locate
from ns_ray.video.main_track import main_track
from ns_ray.video.probe import open_address
from ns_ray.video.recordings import SEGMENT, WHOLE, Section, Span, file_of, number, open_recording

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

_CLUSTER = 0x1F43B675  # of Matroska, RFC 9559
_IVF_HEADER = 32
_LONGEST_HEADER = 64 * 1024 * 1024  # of a Matroska file with pictures and fonts attached


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Place:
    """A key frame's packet in a source.

    Attributes:
        number: of the packet, counted from its recording's beginning.
        pts: as the source has it.
        position: of its bytes in its recording; None where that is not known.
        size: in bytes.
        enter: position from which the source can be read on behind its header alone; None where it cannot.
        ends: of the tracks read so far, as in `Reading`; what comes after the place may end earlier.
        span: the recording that it lies in.
    """

    number: int
    pts: int | None
    position: int | None
    size: int
    enter: int | None
    ends: Mapping[int, int]
    span: Span = WHOLE

    def holds(self, packet: "Packet[Stream]", moved: int) -> bool:
        """Whether a packet is this one; `moved` as in `Entered`."""
        position = None if packet.pos is None else packet.pos + moved
        return (packet.pts, position, packet.size) == (self.pts, self.position, self.size)


@dataclass(frozen=True, slots=True)
class Entered:
    """A source that was entered at a place, and what is to be added to its packets' positions to have the true ones."""

    container: "InputContainer"
    moved: int


def place_of(
    packet: "Packet[Stream]",
    container: "InputContainer",
    video: "VideoStream",
    number: int,
    moved: int,
    ends: Mapping[int, int],
    span: Span,
) -> Place:
    """The place of a key frame's packet that has just been read; arguments as in `Place` and `Entered`."""
    position = None if packet.pos is None else packet.pos + moved
    enter: int | None = None
    if position is not None and container.format.name == "ivf":
        enter = position
    elif position is not None and packet.pts is not None and container.format.name.startswith("matroska"):
        # The index tells in which cluster a key frame lies; reading can begin at clusters alone.
        entries = video.index_entries
        found = entries.search_timestamp(packet.pts, any_frame=True)
        if found >= 0 and entries[found].timestamp == packet.pts and entries[found].pos + moved < position:
            enter = entries[found].pos + moved
    return Place(number, packet.pts, position, packet.size, enter, dict(ends), span)


def enter(path: str, unsafe: bool, place: Place) -> Entered | None:
    """Open a source so that the packet at a place comes at once, or soon.

    Of IVF and Matroska files what lies between the header and the place is left out. Times may be ambiguous there, and
    an index missing. Other sources are asked to go to the time.

    Returns:
        None where it cannot be entered there.

    Raises:
        MediaError: it cannot be opened any more.
    """
    if place.position is None or place.pts is None or is_pipe(path):
        return None
    address = locate(path, unsafe)
    if address.file and place.enter is not None:
        section = Section(file_of(str(address.target)), place.span)
        header = _header(section)
        if header is not None and header <= place.enter:
            joined = _Joined(section, header, place.enter)
            with suppress(MediaError):
                return Entered(open_address(replace(address, target=joined), path), place.enter - header)
        section.close()
    container = open_recording(path, unsafe, place.span)
    try:
        container.seek(place.pts, stream=main_track(container), backward=True)
    except (av.error.FFmpegError, IndexError):
        container.close()
        return None
    return Entered(container, 0)


class _Joined:
    """A file read from front to back without what lies between its header and another position."""

    def __init__(self, section: Section, header: int, enter: int) -> None:
        self._file = section
        self._file.seek(0)
        self._header = header
        self._enter = enter

    def read(self, count: int) -> bytes:
        at = self._file.tell()
        if at == self._header:
            self._file.seek(self._enter)
        elif at < self._header:
            count = min(count, self._header - at)
        return self._file.read(count)

    def close(self) -> None:
        self._file.close()


def _header(file: Section) -> int | None:
    """Bytes of a file before its first packets: of IVF, or of Matroska to its first cluster; None where not found."""
    if file.read(4) == b"DKIF":
        return _IVF_HEADER
    at = 0
    while at < _LONGEST_HEADER:
        file.seek(at)
        begin = file.read(12)
        name, length = number(begin, marked=True)
        if name == _CLUSTER:
            return at
        size, more = number(begin[length:], marked=False)
        if not length or not more:
            return None
        at += length + more + (0 if name == SEGMENT else size)
    return None
