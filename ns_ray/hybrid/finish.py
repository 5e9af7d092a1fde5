"""Making a finished file of a live stream: the same clusters, with lengths and an index around them."""

import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from ns_ray.errors import HybridError, MediaError
from ns_ray.hybrid.clock import is_steady
from ns_ray.hybrid.header import HybridFormat, header_for
from ns_ray.video import matroska as m
from ns_ray.video.tracks import beginning, info

_CLUSTER_NAME = m.identifier(m.CLUSTER)
_SECOND = 1_000_000_000


@dataclass(slots=True)
class _Cluster:
    """A cluster of the live stream: where its content lies, and the time of its first key frame of the video."""

    body: int
    end: int
    key: int | None = None

    @property
    def head(self) -> bytes:
        return _CLUSTER_NAME + m.size_of(self.end - self.body)


class _Times:
    """When the frames of the video begin, and when each track ends, in units."""

    def __init__(self, tracks: int, first_side: int) -> None:
        self._first_side = first_side
        self.ends = [0] * tracks
        self.video: set[int] = set()
        self._last = [0] * tracks

    def take(self, block: m.Block) -> None:
        """Count a block in; beside the video, one of no stated duration is taken to last as long as the one before."""
        at = block.track - 1
        if not 0 <= at < len(self.ends):
            return
        as_before = max(0, block.time - self._last[at]) if block.track >= self._first_side else 0
        duration = as_before if block.duration is None else block.duration
        self._last[at] = block.time
        self.ends[at] = max(self.ends[at], block.time + duration)
        if at == 0:
            self.video.add(block.time)


def finish(part: Path, path: Path, format: HybridFormat) -> None:
    """Turn a live stream written by `append_epoch` into a file with duration and index, then remove the former.

    What is not whole at the live stream's end, or damaged within, is left out.

    Raises:
        HybridError: reading or writing failed; the live stream is then still there, and nothing else.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with (
            part.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as live,
            temporary.open("wb") as out,
        ):
            out.writelines(_finished(file, live, format))
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
        part.unlink()
    except (MediaError, OSError, ValueError) as error:  # ValueError: an empty file
        raise HybridError(f"{path}: it cannot be finished ({error}); {part} holds the stream") from error
    finally:
        temporary.unlink(missing_ok=True)


def _finished(file: BinaryIO, live: mmap.mmap, format: HybridFormat) -> Iterator[bytes]:
    """The finished file, piece by piece; `live` is the live stream's `file` as bytes."""
    unit = format.unit
    header = header_for(format)
    times = _Times(len(header.entries), format.first_side)
    clusters = list(_clusters(live, times))
    if not clusters:
        raise MediaError("it holds no packet")
    step = _SECOND / (format.frame_rate * unit)
    slack = max(Fraction(1), format.time_base * _SECOND / unit)
    parts = {
        m.INFO: info(unit, float(max(times.ends))),
        m.TRACKS: header.tracks(format.frame_rate if is_steady(sorted(times.video), step, slack) else None),
        m.TAGS: header.tags([_clock(end * unit) for end in times.ends]),
    }
    places, at = {}, len(_seek_head(dict.fromkeys((*parts, m.CUES), 0)))
    for name, part in parts.items():
        places[name] = at
        at += len(part)
    cues = []
    for cluster in clusters:
        if cluster.key is not None:
            cues.append(_cue(cluster.key, at))
        at += len(cluster.head) + cluster.end - cluster.body
    places[m.CUES] = at
    index = m.element(m.CUES, *cues)
    yield beginning(header.doc_type, at + len(index))
    yield _seek_head(places)
    yield from parts.values()
    for cluster in clusters:
        yield cluster.head
        file.seek(cluster.body)
        yield file.read(cluster.end - cluster.body)
    yield index


def _clusters(live: mmap.mmap, times: _Times) -> Iterator[_Cluster]:
    """The clusters of a live stream, each as far as it is whole; `times` is told of every block."""
    at = live.find(_CLUSTER_NAME)
    while at >= 0:
        cluster = _cluster(live, at, times)
        if cluster.end > cluster.body:
            yield cluster
        at = live.find(_CLUSTER_NAME, _behind_notes(live, max(cluster.end, at + 1)))


def _behind_notes(live: mmap.mmap, at: int) -> int:
    """The offset behind the notes that begin at `at`, which may hold anything."""
    with suppress(MediaError):
        while (one := m.element_at(live, at, len(live))).name == m.VOID and one.end <= len(live):
            at = one.end
    return at


def _cluster(live: mmap.mmap, at: int, times: _Times) -> _Cluster:
    cluster = _Cluster(at, at)
    start = 0
    try:
        place = m.element_at(live, at, len(live))
        cluster.body = cluster.end = place.body
        for one in m.elements(live, place.body, min(place.end, len(live))):
            if one.name == m.TIMESTAMP:
                start = m.number(live[one.body : one.end])
            block = m.read_block(live, one, start, payload=False)
            if block is not None:
                times.take(block)
                if block.track == 1 and block.key and cluster.key is None:
                    cluster.key = block.time
            cluster.end = one.end
    except MediaError:  # cut off or damaged here; what comes before is whole
        pass
    return cluster


def _seek_head(places: Mapping[int, int]) -> bytes:
    """Where the parts of the segment begin; as long for any places."""
    seeks = (
        m.element(
            m.SEEK, m.element(m.SEEK_ID, m.identifier(name)), m.element(m.SEEK_POSITION, place.to_bytes(8, "big"))
        )
        for name, place in places.items()
    )
    return m.element(m.SEEK_HEAD, *seeks)


def _cue(time: int, place: int) -> bytes:
    where = m.element(m.CUE_TRACK_POSITIONS, m.unsigned(m.CUE_TRACK, 1), m.unsigned(m.CUE_CLUSTER_POSITION, place))
    return m.element(m.CUE_POINT, m.unsigned(m.CUE_TIME, time), where)


def _clock(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, _SECOND)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:09}"
