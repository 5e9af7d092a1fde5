"""Outputs on the disks of hosts' nodes, from where the job fetches them once they are finished."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ns_ray.actors.outputs import Finished, make_folder
from ns_ray.errors import FileError, HybridError


class Disks(Protocol):
    """The disks of all nodes, by the nodes' ids; see `NodeFiles`."""

    def nodes(self) -> Sequence[str]:
        """All nodes that there are."""
        ...

    def sizes(self, node: str, paths: Sequence[Path]) -> list[int]:
        """Bytes of files on a node; -1 for those that are not there."""
        ...

    def fetch(self, node: str, path: Path, to: Path) -> None:
        """Copy a file to here; raises FileError."""
        ...


class CollectedOutputs:
    """Files on this node's disk.

    A stream that comes from another node brings its file along, as long as that node is there. With a node its files
    go; their streams begin again.
    """

    def __init__(self, node: str, identifier: str, disks: Disks) -> None:
        """Set up outputs.

        Args:
            node: this node's name, for errors.
            identifier: its id.
            disks: those of all nodes.
        """
        self._node = node
        self._id = identifier
        self._disks = disks

    def prove(self, folder: Path, token: str, host: str) -> None:
        """See Outputs: the job fetches the probe."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / host).write_text(token)
            if (folder / host).read_text() != token:
                raise OSError("what was written there is read otherwise")
        except OSError as error:
            raise HybridError(
                f"node {self._node} cannot write to {folder.parent} ({error}): make room, or name another output.folder"
            ) from error

    def recover(self, part: Path, path: Path, *, begun: bool) -> bool:
        """See Outputs: the largest there is comes here."""
        if not begun:
            return False
        for wanted in (path, part):
            here = wanted.stat().st_size if wanted.is_file() else -1
            others = [node for node in self._disks.nodes() if node != self._id]
            sizes = {node: self._disks.sizes(node, [wanted])[0] for node in others}
            best = max(sizes, key=lambda node: sizes[node], default="")
            if best and sizes[best] > here:
                try:
                    self._disks.fetch(best, wanted, wanted)
                except FileError as error:
                    raise HybridError(f"{wanted}: it cannot be brought to node {self._node} ({error})") from error
                here = sizes[best]
            if wanted is path and here >= 0:
                return True
        return False

    def open(self, part: Path) -> None:
        """See Outputs."""
        make_folder(part.parent, self._node)

    def grown(self, part: Path, begin: int, end: int) -> str:
        """See Outputs."""
        return ""

    def hand_over(self, part: Path, end: int) -> None:
        """See Outputs: who goes on with it fetches it."""

    def finished(self, part: Path, path: Path) -> Finished:
        """See Outputs: the file stays where it is."""
        try:
            return Finished(str(path), path.stat().st_size, self._id)
        except OSError as error:
            raise HybridError(f"{path}: the finished file is not on node {self._node} ({error})") from error
