"""What all jobs have in common on the command line."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ns_ray import shipped
from ns_ray.errors import ConfigError, MediaError, NsRayError
from ns_ray.jobs.cli.calling import as_called, program
from ns_ray.jobs.cli.shipped_config import config_path
from ns_ray.jobs.cli.stopping import as_interrupt
from ns_ray.names import folder_name

DONE, FAILED, USAGE = 0, 1, 2


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults and keeps the description's lines."""


class Parser(argparse.ArgumentParser):
    """Reads `--num_blocks` as `--num-blocks`: the published scripts spell their options both ways."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse has it."""
        words = sys.argv[1:] if args is None else list(args)
        options = words.index("--") if "--" in words else len(words)
        return super().parse_known_args([*map(self._dashed, words[:options]), *words[options:]], namespace)

    def _dashed(self, word: str) -> str:
        option, equals, value = word.partition("=")
        known = not word.startswith("--") or option in self._option_string_actions
        return word if known else option.replace("_", "-") + equals + value


def parser(description: str | None, conflicts: str = "error") -> argparse.ArgumentParser:
    """A parser with the options that every job has; `conflicts` may be `resolve`, for a job's own meaning of -h."""
    made = Parser(
        prog=program(),
        description=as_called(description or ""),
        formatter_class=HelpFormatter,
        conflict_handler=conflicts,
    )
    made.add_argument(
        "--config",
        type=config_path,
        default="local",
        metavar="YAML",
        help="the machine or experiment: a file, or the name of one that ships",
    )
    made.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting that differs from the configuration, such as enhancer.threads=4",
    )
    made.add_argument("--data-dir", type=Path, default=Path.cwd() / "dataset", metavar="DIR", help="where videos are")
    made.add_argument("--result-dir", type=Path, default=Path.cwd() / "result", metavar="DIR", help="where results go")
    return made


def name(text: str) -> str:
    """An option's value that becomes part of a path; argparse says what is wrong with it."""
    try:
        return folder_name(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def fraction(text: str) -> float:
    """An option's value from 0 to 1; argparse says what is wrong with it."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no number") from None
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: fractions lie in 0..1")
    return value


def found(path: Path, data_dir: Path) -> Path:
    """A file that is named by its path, by one below the data folder, or by that of one that ships."""
    places = (path, data_dir / path, shipped.FOLDER / path)
    return next((place for place in places if place.exists()), data_dir / path)


def run(job: Callable[[], None]) -> int:
    """Run a job; an error that a user can act on is printed in one line, and SIGTERM ends it as Ctrl-C does.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage.
    """
    try:
        with as_interrupt():
            job()
    except ConfigError as error:
        print(as_called(f"error: {error}"), file=sys.stderr)
        return USAGE
    except (NsRayError, OSError) as error:
        print(as_called(f"error: {error}"), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED
    return DONE


def console() -> Console:
    """Where progress and tables go; wide enough for tables where the output is no terminal."""
    out = Console(stderr=False)
    return out if out.is_terminal else Console(width=160)


def fail(failures: list[str], among: int, what: str) -> None:
    """Say each failure in a line of its own.

    Raises:
        MediaError: there is one; it gives the count.
    """
    for failure in failures:
        print(as_called(f"error: {failure}"), file=sys.stderr)
    if failures:
        others = "; the others are done" if len(failures) < among else ""
        raise MediaError(f"{len(failures)} of {among} {what} failed{others}")
