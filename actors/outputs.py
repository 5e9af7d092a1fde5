"""The files that a host writes, and where they come to lie; here: in a folder that all nodes share."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ns_ray.errors import HybridError

SEEN_SECONDS = 10.0
"""How long what one node wrote into a shared folder may take to be seen by another (NFS keeps folders for 3 s)."""
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished file: its path or URL, its bytes, and the node whose disk it is on; empty where everybody sees it."""

    output: str
    bytes: int
    node: str = ""


class Outputs(Protocol):
    """What a host does with files beyond writing them on a disk that it sees; called in the threads that write.

    All may be called again with the same result. `part` is the live file of a stream, `path` the finished one.
    """

    def prove(self, folder: Path, token: str, host: str) -> None:
        """Write a probe, named by the host, into a folder, and read what is there; see each kind.

        Raises:
            HybridError: that cannot be done; names this node, and the remedy.
        """
        ...

    def recover(self, part: Path, path: Path, *, begun: bool) -> bool:
        """Have the live file here, as far as any node can still tell of it.

        Args:
            part: the live file.
            path: the finished one.
            begun: whether another host may have begun it.

        Returns:
            Whether it is finished.

        Raises:
            HybridError: this cannot be told, or not done.
        """
        ...

    def open(self, part: Path) -> None:
        """Get ready for a live file to be begun."""
        ...

    def grown(self, part: Path, begin: int, end: int) -> str:
        """Note that a live file has grown from `begin` to `end`; what its user should know of that, or nothing."""
        ...

    def hand_over(self, part: Path, end: int) -> None:
        """Have a live file that has grown to `end` where another host can go on with it, as far as that is possible."""
        ...

    def finished(self, part: Path, path: Path) -> Finished:
        """Bring a finished file to where it belongs.

        Raises:
            HybridError: it is not there, or cannot be brought there.
        """
        ...


def make_folder(folder: Path, node: str) -> None:
    """Make a folder for live files on a node's own disk; raises HybridError that names the node."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HybridError(
            f"{folder}: node {node} cannot make this folder ({error}); name another output.folder"
        ) from error


class SharedOutputs:
    """A folder that all nodes with hosts and the job see; nothing is brought anywhere.

    A stream that goes to another node goes on in the same file.
    """

    def __init__(self, node: str) -> None:
        """Set up outputs; `node` is this node's name, for errors."""
        self._node = node

    def prove(self, folder: Path, token: str, host: str) -> None:
        """See Outputs: the job has written `token` into a file of that name."""
        try:
            until = time.monotonic() + (SEEN_SECONDS if folder.is_dir() else 0)
            while not (folder / token).exists() and time.monotonic() < until:
                time.sleep(_LOOK_SECONDS)
            if (folder / token).read_text() != token:
                raise OSError("what the job wrote there is read otherwise")
            (folder / host).write_text(token)
        except FileNotFoundError:
            raise HybridError(
                f"node {self._node} does not see what the job wrote to {folder.parent}, which has to be shared by all: "
                f"{_REMEDY}"
            ) from None
        except OSError as error:
            raise HybridError(f"node {self._node} cannot use {folder.parent} ({error}): {_REMEDY}") from error

    def recover(self, part: Path, path: Path, *, begun: bool) -> bool:
        """See Outputs: both are here already."""
        if not part.parent.is_dir():
            raise HybridError(f"{part.parent}: node {self._node}, where the stream went, does not see it: {_REMEDY}")
        return begun and path.exists()

    def open(self, part: Path) -> None:
        """See Outputs: the job has made the folder."""

    def grown(self, part: Path, begin: int, end: int) -> str:
        """See Outputs."""
        return ""

    def hand_over(self, part: Path, end: int) -> None:
        """See Outputs."""

    def finished(self, part: Path, path: Path) -> Finished:
        """See Outputs."""
        try:
            return Finished(str(path), path.stat().st_size)
        except OSError as error:
            raise HybridError(f"{path}: the finished file is not there ({error})") from error


_REMEDY = (
    "mount the same folder there and name it by --result-dir, or set output.kind to `collected` (each node's own disk) "
    "or `stored` (an object store)"
)
