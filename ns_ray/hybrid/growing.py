"""The anchors of a hybrid file that is being written, as they come."""

import os
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from ns_ray.errors import MediaError
from ns_ray.hybrid.clock import to_ticks
from ns_ray.hybrid.header import HybridFormat
from ns_ray.video import matroska as m

_NANOSECOND = Fraction(1, 1_000_000_000)
_MOST_BYTES = 256 << 20  # that are looked at at a time


@dataclass(frozen=True, slots=True)
class GrownAnchor:
    """An anchor: the time of its packet in ticks of the video, and its image with its tag."""

    pts: int
    image: bytes


class GrowingFile:
    """Reads a file that `append_epoch` writes, each epoch once the note behind it is there.

    What stands behind the last note may be cut off and written anew. The file stays open, so that what was written last
    can be read after it has been finished and removed.
    """

    def __init__(self, path: Path, format: HybridFormat) -> None:
        """Look at a file that may have to come yet."""
        self._path = path
        self._base = format.time_base
        self._unit = format.unit * _NANOSECOND
        self._file: BinaryIO | None = None
        self._at = 0

    def read(self) -> list[GrownAnchor]:
        """The anchors of the epochs that were written since it was asked last; none while there is no file.

        Raises:
            MediaError: the file is damaged.
        """
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:
                return []
        size = os.fstat(self._file.fileno()).st_size
        if size <= self._at:
            return []
        self._file.seek(self._at)
        data = self._file.read(min(size - self._at, _MOST_BYTES))
        anchors, end = self._epochs(data)
        self._at += end
        return anchors

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _epochs(self, data: bytes) -> tuple[list[GrownAnchor], int]:
        """The anchors before the last note, and where that ends."""
        whole: list[GrownAnchor] = []
        since: list[GrownAnchor] = []
        end = at = 0
        with suppress(MediaError):  # what is being written is not whole
            while at < len(data):
                one = m.element_at(data, at, len(data))
                if one.name == m.SEGMENT:
                    at = one.body
                    continue
                if one.end > len(data):
                    break
                at = one.end
                if one.name == m.CLUSTER:
                    since += self._cluster(data, one)
                elif one.name == m.VOID:
                    whole += since
                    since, end = [], at
        return whole, end

    def _cluster(self, data: bytes, cluster: m.Element) -> list[GrownAnchor]:
        start, found = 0, []
        for one in m.elements(data, cluster.body, cluster.end):
            if one.name == m.TIMESTAMP:
                start = m.number(data[one.body : one.end])
            elif (block := m.read_block(data, one, start, payload=False)) is not None and block.track == 2:
                whole = m.read_block(data, one, start)
                assert whole is not None
                found.append(GrownAnchor(to_ticks(whole.time * self._unit, self._base), bytes(whole.data)))
        return found
