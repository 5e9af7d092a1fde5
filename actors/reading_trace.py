"""What a host reads at any moment, in a file that outlives it: a stream that kills it time after time is found out."""

import faulthandler
import fcntl
import logging
import mmap
import os
import re
import struct
import tempfile
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ns_ray.actors.messages import Stream
from ns_ray.errors import MediaError

_LOG = logging.getLogger(__name__)
_LAYOUT = struct.Struct("<?BB5xqqQ16s")
_NOW = struct.Struct("<qQ")  # a part of that
_NOW_AT = 16
_SLOTS = 4096
_DEATHS = 2
_TURN_SECONDS = 5.0
_PREFIX = "ns-ray-"
_NO_THREAD = 0  # one that Python does not know, so none that reads
_CUT_OFF = "\n...\n"  # where there are more than 100 threads
_KEY_BYTES = 16


class _Slot(NamedTuple):
    """One stream.

    Attributes:
        read: whether it is being read.
        deaths: those that may be its fault, all in one place.
        certain: those that are its fault.
        died_at: the packet that it was read from then.
        at, thread: the packet that it is read from now, and in which thread.
        key: who it is.
    """

    read: bool = False
    deaths: int = 0
    certain: int = 0
    died_at: int = 0
    at: int = 0
    thread: int = 0
    key: bytes = bytes(_KEY_BYTES)


class _Mark:
    """A stream's slot; in the block, the stream is marked as being read."""

    def __init__(self, trace: "ReadingTrace", number: int, stream: Stream) -> None:
        self.number = number
        self.key = trace.get(number).key
        self.at = 0
        self._trace = trace
        self._path = stream.info.path
        self._suspect = any(trace.get(number)[1:3])
        self._mine = False

    def __enter__(self) -> None:
        if self._suspect:
            self._examine()
        memory, offset = self._trace.memory, self.number * _LAYOUT.size
        _NOW.pack_into(memory, offset + _NOW_AT, self.at, threading.get_ident())
        memory[offset] = 1  # last, so that a mark is whole

    def __exit__(self, *_: object) -> None:
        if self.number >= 0:  # else it was forgotten meanwhile
            self._trace.memory[self.number * _LAYOUT.size] = 0
        if self._mine:
            self._mine = False
            self._trace.turn.release()

    def _examine(self) -> None:
        """See what is held against the stream; wait for its turn."""
        was = self._trace.get(self.number)
        deaths = was.deaths if self.at == was.died_at else 0
        most = max(deaths, was.certain)
        if most >= _DEATHS:
            raise MediaError(
                f"{self._path}: its host died {most} times while it read this near packet {self.at}; have the file "
                "made anew (ffmpeg -i FILE -map 0:v:0 -c copy NEW.mkv), and add the stream again"
            )
        if self.at < was.died_at:
            return
        self._suspect = most > 0
        self._mine = deaths > 0 and self._trace.turn.acquire(timeout=_TURN_SECONDS)
        self._trace.set(self.number, was._replace(deaths=deaths))


class ReadingTrace:
    """Marks which streams are in the hands of native readers, and refuses those that killed the process before.

    Where the process died of a signal that can be caught, the thread that caught it tells the stream. Any other death
    is held against all that were being read, each at its place. Most of them are innocent: they get past that place
    when they are read again, and are cleared. Until then they are read one at a time, so that a second death is held
    against one alone. A stream that has two deaths against it is refused.

    The marks are in memory that is mapped from a file, which costs no system call, and which the process finds that is
    started in place of a dead one on the same node. Threads may share it, each for other streams.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Find out what the predecessor died of.

        Args:
            path: the file, made if it is new; see `trace_path`. None to leave no trace.
        """
        self._marks: dict[str, _Mark] = {}
        self._suspects: dict[bytes, int] = {}  # the predecessor's, which have not come back yet
        self.turn = threading.Lock()
        self.memory: mmap.mmap | bytearray = bytearray()
        culprit = None
        if path is not None:
            try:
                self._file, self.memory = _mapped(path)
                culprit = self._watch_faults(path.with_suffix(".fault"))
            except OSError as error:
                _LOG.warning("%s: streams that kill this host will not be found out (%s)", path, error)
        self._free = list(range(len(self.memory) // _LAYOUT.size))[::-1]
        self._take_over(culprit)

    def _watch_faults(self, path: Path) -> int | None:
        """Have fatal signals noted; the thread in which the predecessor got one, None where that is not known."""
        self._faults = path.open("a+", errors="replace")
        self._faults.seek(0)
        text = self._faults.read()
        self._faults.truncate(0)
        faulthandler.enable(self._faults)
        if not text:
            return None
        _LOG.warning("the process before this one died: %s", text)
        found = re.search(r"^Current thread 0x([0-9a-f]+)", text, re.MULTILINE)
        if found:
            return int(found[1], 16)
        return None if _CUT_OFF in text else _NO_THREAD

    def _take_over(self, culprit: int | None) -> None:
        """Learn from the predecessor's marks; `culprit` is the thread it died in, where that is known."""
        for number in list(self._free):
            was = self.get(number)
            deaths, certain, died_at = was.deaths, was.certain, was.died_at
            if was.read and culprit is None:
                deaths, died_at = deaths + 1 if was.at == died_at else 1, was.at
            elif was.read and culprit == was.thread:
                certain += 1
            if not deaths + certain:
                self.set(number, _Slot())
                continue
            self.set(number, _Slot(False, min(deaths, 255), min(certain, 255), died_at, key=was.key))
            self._free.remove(number)
            self._suspects[was.key] = number

    def reading(self, stream: Stream, at: int) -> AbstractContextManager[None]:
        """Hand a stream to native readers in the block, from packet number `at` on.

        The block's beginning raises:
            MediaError: the process died of that before.
        """
        mark = self._marks.get(stream.name) or self._mark(stream)
        if mark is None:
            return nullcontext()
        mark.at = at
        return mark

    def forget(self, name: str) -> None:
        """Hold nothing against a stream that has ended."""
        mark = self._marks.pop(name, None)
        if mark is not None:
            self.set(mark.number, _Slot())
            self._free.append(mark.number)
            mark.number = -1

    def _mark(self, stream: Stream) -> _Mark | None:
        """A new stream's mark; None where there is no trace, or no room in it."""
        name = f"{stream.name}\0{stream.info.path}".encode(errors="surrogateescape")
        key = blake2b(name, digest_size=_KEY_BYTES).digest()
        number = self._suspects.pop(key, None)
        if number is None:
            if not self._free:
                return None
            number = self._free.pop()
            self.set(number, _Slot(key=key))
        mark = self._marks[stream.name] = _Mark(self, number, stream)
        return mark

    def get(self, number: int) -> _Slot:
        """What a slot holds."""
        return _Slot(*_LAYOUT.unpack_from(self.memory, number * _LAYOUT.size))

    def set(self, number: int, slot: _Slot) -> None:
        """Have a slot hold this."""
        _LAYOUT.pack_into(self.memory, number * _LAYOUT.size, *slot)


def _mapped(path: Path) -> tuple[int, mmap.mmap]:
    """The file, locked for as long as the process lives, and its memory."""
    size = _SLOTS * _LAYOUT.size
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        os.posix_fallocate(file, 0, size)  # a full disk must not show when the memory is written to
        return file, mmap.mmap(file, size)
    except OSError:
        os.close(file)
        raise


def trace_path(namespace: str, host: str) -> Path:
    """Where a host of a fleet leaves its trace on this node."""
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{namespace}-{host}.trace"


def clear_traces(namespace: str) -> None:
    """Delete the traces of a fleet on this node, once its hosts have ended."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{namespace}-*"):
        path.unlink(missing_ok=True)


def clear_left_traces(namespace: str) -> None:
    """Delete the traces on this node of whatever fleets live no more; `namespace` is one that does."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*.trace"):
        if path.name.startswith(f"{_PREFIX}{namespace}-"):
            continue
        with suppress(OSError):  # another user's, or one that is in use
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.with_suffix(".fault").unlink(missing_ok=True)
                path.unlink()
            finally:
                os.close(file)
