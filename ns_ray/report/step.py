"""A step of a long evaluation: a job with its options, and whether what it would write is there already."""

import hashlib
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ns_ray.whole_file import read_record, write_record

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Step:
    """One job to run.

    Attributes:
        name: for people; unique.
        job: `jobs/<job>.py`.
        arguments: its command line.
        outputs: the files that it writes.
        inputs: files that its figures depend on; those that lack are known by that.
        settings: what else they depend on, as text.
        answers: whether exit status 1 is an answer, not a failure, once the outputs are written.
    """

    name: str
    job: str
    arguments: tuple[str, ...]
    outputs: tuple[Path, ...]
    inputs: tuple[Path, ...] = ()
    settings: str = ""
    answers: bool = False

    @property
    def command(self) -> str:
        """To be typed in the folder of the evaluation."""
        return shlex.join(["neuroscaler", self.job, *self.arguments])

    @property
    def slug(self) -> str:
        """The name as part of a file's."""
        return re.sub(r"[^\w.-]+", "-", self.name)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step: why it failed, and the seconds that it took when it ran."""

    step: Step
    status: Status
    reason: str = ""
    seconds: float = 0.0


class StepRecords:
    """What the steps were done with, a small file each.

    A step is done where its record has the same command and settings, its inputs are what they were, and its outputs
    are still what it wrote.
    """

    def __init__(self, folder: Path, settings: str) -> None:
        """Keep records in `folder`; `settings`: what the figures of all steps depend on, as text."""
        self._folder = folder
        self._settings = settings

    def seconds(self, step: Step) -> float | None:
        """How long a step took that is done; None where it has to be run."""
        record = read_record(self._path(step)) or {}
        same = record == self._made(step, record.get("seconds")) and all(record["outputs"].values())
        return float(record["seconds"]) if same else None

    def keep(self, step: Step, seconds: float) -> None:
        """A step has been done just now."""
        write_record(self._path(step), self._made(step, seconds))

    def _made(self, step: Step, seconds: Any) -> dict[str, Any]:
        return {
            "command": step.command,
            "settings": hashlib.sha256((self._settings + step.settings).encode()).hexdigest(),
            "inputs": _digests(step.inputs),
            "outputs": _digests(step.outputs),
            "seconds": seconds,
        }

    def _path(self, step: Step) -> Path:
        return self._folder / f"{step.slug}.json"


def _digests(paths: Iterable[Path]) -> dict[str, str | None]:
    return {str(path): _digest(path) for path in paths}


def _digest(path: Path) -> str | None:
    """Of a file's content; None where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
