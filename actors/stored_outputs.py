"""Outputs in an object store, in which live files are saved piece by piece as they grow.

Objects cannot be appended to. What a live file has grown by is an object of its own, below its key and named by the
offset at which it begins; a host on another node puts them together and goes on behind the last one.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ns_ray.actors.outputs import Finished, make_folder
from ns_ray.errors import HybridError, StoreError
from ns_ray.object_store import ObjectStore

_SAVERS = 4
_ATTEMPTS = 3
_PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class _Saved:
    """How much of a live file is in the store, and since when.

    Attributes:
        size: bytes.
        at: when that was.
        stale: whether there may be pieces of before beyond the next one.
        saving: what is under way.
        note: what went wrong.
    """

    size: int
    at: float
    stale: bool = False
    saving: "Future[None] | None" = None
    note: str = ""


class StoredOutputs:
    """Files on this node's disk, and of each what the store has.

    A stream that comes from another node goes on behind what is saved: it loses what it grew by in the last
    `save_seconds`, or since the store was last reached, unless its source can be read again.
    """

    def __init__(
        self,
        node: str,
        store: ObjectStore,
        folder: Path,
        save_seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up outputs.

        Args:
            node: this node's name, for errors.
            store: where they are saved, by their paths below `folder`.
            folder: on this node's disk, where live files are written.
            save_seconds: how often a live file is saved; 0 for with every epoch.
            now: the time, in seconds.
        """
        self._node = node
        self._store = store
        self._folder = folder
        self._every = save_seconds
        self._now = now
        self._saved: dict[Path, _Saved] = {}
        self._savers = ThreadPoolExecutor(_SAVERS, thread_name_prefix="saver")

    def prove(self, folder: Path, token: str, host: str) -> None:
        """See Outputs: the job reads the probe, and removes it."""
        try:
            self.open(folder / host)
            key = f"{self._key(folder)}/{host}"
            self._store.put(key, token.encode())
            if self._store.get(key) != token.encode() or host not in self._store.sizes(self._key(folder)):
                raise StoreError(f"{self._store.url(key)}: what was written is read otherwise")
        except StoreError as error:
            raise HybridError(
                f"node {self._node} cannot use the store: {error}: give it credentials that may write, read, list and "
                "remove there (a role, or the environment of its Ray: docs/cluster.md)"
            ) from error

    def recover(self, part: Path, path: Path, *, begun: bool) -> bool:
        """See Outputs: what is saved comes here, unless there is more here."""
        if not begun:
            return False
        try:
            pieces = self._pieces(part)
            if 0 not in pieces:
                return self._store.size(self._key(path)) is not None
            here = part.stat().st_size if part.is_file() else 0
            size = 0
            if max(begin + length for begin, length in pieces.items()) > here:
                size = self._put_together(part, sorted(pieces))
        except (StoreError, OSError) as error:
            raise HybridError(f"{part}: what is saved of it cannot be brought to {self._node} ({error})") from error
        # Where there was more here, all is saved anew: it may be other than what is there.
        self._saved[part] = _Saved(size, self._now(), stale=True)
        return False

    def open(self, part: Path) -> None:
        """See Outputs."""
        make_folder(part.parent, self._node)

    def grown(self, part: Path, begin: int, end: int) -> str:
        """See Outputs: saves it, beside whatever else goes on, if it is time."""
        saved = self._saved.setdefault(part, _Saved(0, self._now()))
        if saved.saving is not None and not saved.saving.done():
            return saved.note
        if begin < saved.size:
            saved.size, saved.stale = begin, True
        if saved.stale or self._now() - saved.at >= self._every:
            saved.saving = self._savers.submit(self._save, part, saved, end)
        return saved.note

    def hand_over(self, part: Path, end: int) -> None:
        """See Outputs: saves what is not yet saved."""
        saved = self._saved.pop(part, None)
        if saved is not None and end:
            if saved.saving is not None:
                saved.saving.result()
            self._save(part, saved, end)

    def finished(self, part: Path, path: Path) -> Finished:
        """See Outputs: brings it to the store, and removes what was saved of the live file, and what is here."""
        key = self._key(path)
        saved = self._saved.pop(part, None)
        if saved is not None and saved.saving is not None:
            saved.saving.result()
        try:
            if path.is_file():
                self._again_and_again(lambda: self._store.put_file(key, path))
            size = self._store.size(key)
            if size is None:
                raise HybridError(f"{path}: the finished file is neither on node {self._node} nor in the store")
            self._store.remove(self._piece(part, 0))  # without it the others count for nothing
            self._store.remove_all([self._piece(part, begin) for begin in self._pieces(part)])
            path.unlink(missing_ok=True)
            return Finished(self._store.url(key), size)
        except (StoreError, OSError) as error:
            raise HybridError(
                f"{path}: it is whole on node {self._node}, and not in the store ({error}); copy it from there"
            ) from error

    def _save(self, part: Path, saved: _Saved, end: int) -> None:
        begin = saved.size
        try:
            if begin:
                with part.open("rb") as file:
                    file.seek(begin)
                    self._store.put(self._piece(part, begin), file.read(end - begin))
            else:  # may be hours of a stream; what follows `end` is replaced by the next piece
                self._store.put_file(self._piece(part, 0), part)
            if saved.stale:
                self._store.remove_all([self._piece(part, other) for other in self._pieces(part) if other > begin])
            saved.size, saved.at, saved.stale = end, self._now(), False
        except (StoreError, OSError) as error:
            saved.note = f"for a while it could not be saved, and was on one node's disk alone ({error})"

    def _put_together(self, part: Path, begins: list[int]) -> int:
        """Write a live file out of its pieces; each counts from its beginning on, as far as there is no gap."""
        self.open(part)
        arriving = part.with_name(f"{part.name}.arriving")
        self._store.get_file(self._piece(part, 0), arriving)
        with arriving.open("r+b") as file:
            for begin in begins[1:]:
                if begin > file.seek(0, 2):
                    break
                file.seek(begin)
                file.truncate()
                file.write(self._store.get(self._piece(part, begin)))
            size = file.seek(0, 2)
        arriving.replace(part)
        return size

    def _again_and_again(self, do: Callable[[], None]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                return do()
            except StoreError:
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(_PAUSE_SECONDS)
        return None

    def _pieces(self, part: Path) -> dict[int, int]:
        """Bytes of the saved pieces, by their beginnings."""
        sizes = self._store.sizes(self._key(part))
        return {int(name): size for name, size in sizes.items() if name.isdigit()}

    def _piece(self, part: Path, begin: int) -> str:
        return f"{self._key(part)}/{begin:015}"

    def _key(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()
