"""Files that are either whole or not there, whenever their writer was killed."""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ns_ray.errors import FileError, MediaError

_WAIT_SECONDS = 20.0  # a job that was killed may leave a worker that takes seconds to notice


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A place to write `path` at: renamed to it when the block ends, removed when it raises.

    Where the process is killed the `.part` file stays; the next writer overwrites it.

    Raises:
        MediaError: another process is writing the same file.
        FileError: the disk is full, or the place cannot be written to; `path` is then as it was.
    """
    part = path.with_name(f"{path.name}.part")
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with held(part, path):
        try:
            yield part
            with _named(path):
                with part.open("rb") as written:
                    os.fsync(written.fileno())
                part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def discard(path: Path) -> None:
    """Remove what is left of a `writing` of `path` whose process was killed, or is about to end.

    Raises:
        FileError: the place cannot be written to.
    """
    part = path.with_name(f"{path.name}.part")
    if part.exists():
        with suppress(MediaError), held(part, path), _named(path):
            part.unlink(missing_ok=True)


@contextmanager
def held(part: Path, path: Path) -> Iterator[None]:
    """Keep other processes from writing `path`, by a lock on the file `part`, which is made if it lacks.

    Raises:
        MediaError: another process keeps it.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        with part.open("ab") as held:
            if _locked(held.fileno(), part):
                yield
                return
        if time.monotonic() > deadline:
            raise MediaError(f"{path}: another process is writing it; wait for it or end it")
        time.sleep(0.2)


def _locked(descriptor: int, part: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), part.stat())  # not renamed by its writer meanwhile
    except (BlockingIOError, FileNotFoundError):
        return False


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(
            f"{path}: it cannot be written ({error.strerror}); make room or name another place; what was there is whole"
        ) from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file at once, whoever else writes it; makes its directory.

    Raises:
        FileError: the disk is full, or the place cannot be written to; `path` is then as it was.
    """
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write a JSON file at once; raises FileError as `write_whole` does."""
    write_whole(path, (json.dumps(record, indent=1) + "\n").encode())


def read_record(path: Path) -> dict[str, Any] | None:
    """A JSON file's object; None where there is none that can be read."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
