"""A folder for one run alone: two runs never write into the same one, and no earlier result is lost."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from ns_ray.errors import FolderBusyError
from ns_ray.folder_lock import LOCK_NAME, FolderLock


@contextmanager
def claimed(wanted: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """An empty folder that is this process's own while the block runs.

    What an earlier run left at `wanted` is moved aside, to that name followed by the time of its last change. Where
    another run is at work there, the folder is `wanted` with a number behind its name.

    Args:
        wanted: the folder to take.
        say: told where an earlier result went, and which folder was taken instead.
    """
    folder, lock = _locked(wanted)
    if folder != wanted:
        say(f"another run is at work in {wanted}; this one takes {folder}")
    try:
        while any(path.name != LOCK_NAME for path in folder.iterdir()):
            aside = set_aside(folder, say)  # our lock goes along, so that nobody else takes it on the way
            lock.release()
            (aside / LOCK_NAME).unlink(missing_ok=True)
            lock = FolderLock(folder)
        yield folder
    finally:
        lock.release()


def _locked(wanted: Path) -> tuple[Path, FolderLock]:
    for number in count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            return folder, FolderLock(folder, seconds=0)
        except FolderBusyError:
            continue
    raise AssertionError  # the numbers do not end


def set_aside(path: Path, say: Callable[[str], None]) -> Path:
    """Give an earlier file or folder a name with the time of its last change, so that its place is free.

    Returns:
        Where it is now; `path` where there was none.
    """
    if not path.exists():
        return path
    changed = max(
        (one.stat().st_mtime for one in path.glob("*") if one.name != LOCK_NAME), default=path.stat().st_mtime
    )
    time_of_it = time.strftime("%Y%m%d-%H%M%S", time.localtime(changed))
    stem, suffix = (path.name, "") if path.is_dir() else (path.stem, path.suffix)
    for number in count(1):
        aside = path.with_name(f"{stem}.{time_of_it}{'' if number == 1 else f'-{number}'}{suffix}")
        if not aside.exists():
            path.rename(aside)
            say(f"{path} held an earlier result, which is now {aside}")
            return aside
    raise AssertionError
