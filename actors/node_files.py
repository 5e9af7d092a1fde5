"""Files on the disks of single nodes, by Ray tasks that run there."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ns_ray.errors import FileError

_CHUNK = 16 * 2**20
_SECONDS = 60.0


class NodeFiles:
    """Looks at files on any node. All methods wait, so they are for threads, or for jobs."""

    def nodes(self) -> Sequence[str]:
        """The ids of all nodes that there are."""
        return [node["NodeID"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]

    def sizes(self, node: str, paths: Sequence[Path]) -> list[int]:
        """Bytes of files on a node; -1 for those that are not there, or are gone with it."""
        try:
            found: list[int] = ray.get(_on(node, _sizes).remote(paths), timeout=_SECONDS)
        except (RayError, TimeoutError):
            return [-1] * len(paths)
        return found

    def fetch(self, node: str, path: Path, to: Path) -> None:
        """Copy a file from a node's disk to a path here, which has it whole or not at all.

        Raises:
            FileError: it is not there, or its node is gone; or it cannot be written.
        """
        arriving = to.with_name(f"{to.name}.arriving")
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            with arriving.open("wb") as file:
                while data := ray.get(_on(node, _read).remote(path, file.tell()), timeout=_SECONDS):
                    file.write(data)
            arriving.replace(to)
        except (RayError, TimeoutError) as error:
            raise FileError(f"{path} on node {node} cannot be had ({' '.join(str(error).split())[:200]})") from error
        except OSError as error:
            raise FileError(
                f"{to}: it cannot be written ({error.strerror}); make room or name another place"
            ) from error
        finally:
            arriving.unlink(missing_ok=True)

    def remove(self, node: str, folder: Path) -> None:
        """Remove a folder on a node, as far as it is there."""
        with suppress(RayError, TimeoutError):
            ray.get(_on(node, _remove).remote(folder), timeout=_SECONDS)


def _on(node: str, do: Any) -> Any:
    """A function as a task that runs on a node, and reserves nothing."""
    where = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(do).options(num_cpus=0, max_retries=1, scheduling_strategy=where)


def _sizes(paths: Sequence[Path]) -> list[int]:
    return [path.stat().st_size if path.is_file() else -1 for path in paths]


def _read(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(_CHUNK)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
