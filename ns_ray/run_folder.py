"""A folder for each run: none writes into another's, and `latest` beside them leads to the last with results."""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from ns_ray.errors import FileError
from ns_ray.folder_lock import LOCK_NAME, FolderLock

LATEST = "latest"
_UNNAMED = re.compile(r"[^\w.,+@=-]+")
_LONGEST = 80  # characters of a word
_LONGEST_INPUT = 30
_NAMED_INPUTS = 2


@contextmanager
def new_run(parent: Path, *words: str) -> Iterator[Path]:
    """A new folder below `parent` that is this process's own while the block runs; `publish` has `latest` lead to it.

    It is named by the time, then by the words: `20261130-143000_arena0+arena1_neuroscaler_f0.075`. Where nothing was
    written it is gone when the block ends.

    Args:
        parent: of all such runs.
        words: what tells the run from others.

    Raises:
        FileError: the folder cannot be made.
    """
    name = "_".join([time.strftime("%Y%m%d-%H%M%S"), *filter(None, map(_word, words))])
    folder = _made(parent, name)
    lock = FolderLock(folder)
    try:
        yield folder
    finally:
        (folder / LOCK_NAME).unlink(missing_ok=True)  # one that stays tells of a run that was killed
        lock.release()
        _remove_empty(folder)


def publish(folder: Path) -> None:
    """Have `latest` beside a run's folder lead to it, from one moment to the next.

    Raises:
        FileError: there can be no such link.
    """
    link = folder.with_name(LATEST)
    new = folder.with_name(f".{LATEST}.{folder.name}")
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(folder.name)
        os.replace(new, link)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise FileError(
            f"{link}: it cannot be made to lead to {folder.name} ({error.strerror}); move away what is there, or name "
            "a --result-dir that holds links"
        ) from error


def of_inputs(inputs: Sequence[str]) -> str:
    """The names of videos, files or URLs, as a word of a run's name: two, and how many more there are."""
    names = list(dict.fromkeys(map(_stem, inputs)))
    more = len(names) - _NAMED_INPUTS
    return "+".join(names[:_NAMED_INPUTS]) + (f"+{more}-more" if more > 0 else "")


def set_aside(path: Path, say: Callable[[str], None]) -> None:
    """Give an earlier file a name with the time of its last change, so that its place is free, and say so."""
    if not path.exists():
        return
    changed = time.strftime("%Y%m%d-%H%M%S", time.localtime(path.stat().st_mtime))
    for number in count(1):
        aside = path.with_name(f"{path.stem}.{changed}{'' if number == 1 else f'-{number}'}{path.suffix}")
        if not aside.exists():
            path.rename(aside)
            say(f"{path} held an earlier result, which is now {aside}")
            return


def _made(parent: Path, name: str) -> Path:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise FileError(
            f"{parent}: no folder can be made there ({error.strerror}); make room or name another place"
        ) from error
    raise AssertionError  # the numbers do not end


def _stem(path: str) -> str:
    if "://" not in path:
        file = Path(path)
        content = f"{file.parent.parent.name}-" if file.parent.name == "video" else ""  # prepared: all are named alike
        return _word(content + file.stem, _LONGEST_INPUT)
    url = urlsplit(path)  # without its query, which may hold a password
    return _word(Path(url.path).stem or url.hostname or "", _LONGEST_INPUT)


def _word(text: str, longest: int = _LONGEST) -> str:
    return _UNNAMED.sub("-", text)[:longest].strip("-.")


def _remove_empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            _remove_empty(path)
    with suppress(OSError):  # it holds something
        folder.rmdir()
