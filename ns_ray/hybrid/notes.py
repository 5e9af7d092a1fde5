"""Notes between the clusters of a live file, for whoever has to go on writing it; players pass over them.

A note is a Void element (RFC 8794, section 11.3.3) behind the clusters that it speaks of. Finished files have none.
"""

import mmap
import zlib
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from ns_ray.errors import HybridError, MediaError
from ns_ray.video import matroska as m

_IDENTIFIER = b"NSRAY note\0"
_CHECK_BYTES = 4


def noted(data: bytes) -> bytes:
    """The element that holds a note."""
    return m.element(m.VOID, _IDENTIFIER, zlib.crc32(data).to_bytes(_CHECK_BYTES, "big"), data)


def read_notes(path: Path, latest: int | None = None) -> list[tuple[int, bytes]]:
    """The notes in a live file, in order, each with the offset behind it; none where there is no file.

    What is not whole at the file's end is passed over.

    Args:
        path: the file.
        latest: how many at most, the last ones; None for all.

    Raises:
        HybridError: the file cannot be read.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as live:
            return list(_notes(live, latest))
    except (FileNotFoundError, ValueError):  # ValueError: it is empty
        return []
    except OSError as error:
        raise HybridError(f"{path}: it cannot be gone on with ({error})") from error


def _notes(live: mmap.mmap, latest: int | None) -> Iterable[tuple[int, bytes]]:
    found: deque[tuple[int, bytes]] = deque(maxlen=latest)
    check = len(_IDENTIFIER)
    start = check + _CHECK_BYTES
    try:
        segment = m.element_at(live, m.element_at(live, 0, len(live)).end, len(live))
        for one in m.elements(live, segment.body):
            if one.name != m.VOID or live[one.body : one.body + check] != _IDENTIFIER:
                continue
            data = live[one.body + start : one.end]
            if zlib.crc32(data).to_bytes(_CHECK_BYTES, "big") == live[one.body + check : one.body + start]:
                found.append((one.end, data))
    except MediaError:  # what was being written when its writer died
        pass
    return found
