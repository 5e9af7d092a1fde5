"""What all jobs have in common on the command line."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ns_ray import shipped
from ns_ray.errors import ConfigError, MediaError, NsRayError
from ns_ray.jobs.cli.calling import as_called, program
from ns_ray.jobs.cli.shipped_config import config_path
from ns_ray.jobs.cli.stopping import as_interrupt
from ns_ray.report.terminal import Terminal

DONE, FAILED, USAGE = 0, 1, 2


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the description's lines, and shows the defaults that say something, as they are typed."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text, value = action.help or "", action.default
        if value is None or value in (argparse.SUPPRESS, []) or action.nargs == 0 or "default" in text:
            return text
        words = value if isinstance(value, list | tuple) else [value]
        return f"{text} (default: {' '.join(map(str, words)).replace('%', '%%')})"


class Parser(argparse.ArgumentParser):
    """Reads `--num_blocks` as `--num-blocks`: the published scripts spell their options both ways.

    Of values that are wrong it tells all at once.
    """

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse has it."""
        words = sys.argv[1:] if args is None else list(args)
        options = words.index("--") if "--" in words else len(words)
        self._wrong: list[str] = []
        read = super().parse_known_args([*map(self._dashed, words[:options]), *words[options:]], namespace)
        if self._wrong:
            self.error("\n".join(self._wrong))
        return read

    def _get_value(self, action: argparse.Action, text: str) -> Any:
        with self._noted():
            return super()._get_value(action, text)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if value is not None:  # as is what was no value
            with self._noted():
                super()._check_value(action, value)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except argparse.ArgumentError as error:
            self._wrong.append(str(error))

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, a line for each, and exit with status 2."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, "".join(f"{self.prog}: error: {line}\n" for line in message.splitlines()))

    def _dashed(self, word: str) -> str:
        option, equals, value = word.partition("=")
        known = not word.startswith("--") or option in self._option_string_actions
        return word if known else option.replace("_", "-") + equals + value


def parser(description: str | None, failed: str = "failed (said why)", conflicts: str = "error") -> Parser:
    """A parser with the options that every job has.

    Args:
        description: the job's.
        failed: when it exits with status 1.
        conflicts: may be `resolve`, for a job's own meaning of -h.
    """
    made = Parser(
        prog=program(),
        description=as_called(description or ""),
        epilog=f"exit status: {DONE} done, {FAILED} {failed}, {USAGE} wrong usage or settings",
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
        help="a setting that differs from the configuration, such as enhancer.threads=4; may be repeated",
    )
    made.add_argument("--data-dir", type=Path, default=Path.cwd() / "dataset", metavar="DIR", help="where videos are")
    made.add_argument("--result-dir", type=Path, default=Path.cwd() / "result", metavar="DIR", help="where results go")
    return made


def told(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[str]:
    """Names of the options that are not what they are by default."""
    return [name for name, value in vars(options).items() if value != parser.get_default(name)]


def found(path: Path, data_dir: Path) -> Path:
    """A file that is named by its path, by one below the data folder, or by that of one that ships."""
    places = (path, data_dir / path, shipped.FOLDER / path)
    return next((place for place in places if place.exists()), data_dir / path)


def run(job: Callable[[], None]) -> int:
    """Run a job; an error that a user can act on is printed, each thing that is wrong in a line.

    SIGTERM ends it as Ctrl-C does.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage.
    """
    try:
        with as_interrupt():
            job()
    except NsRayError as error:
        for problem in error.args:
            print(as_called(f"error: {problem}"), file=sys.stderr)
        return USAGE if isinstance(error, ConfigError) else FAILED
    except OSError as error:
        print(as_called(f"error: {error}"), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED
    return DONE


def console() -> Terminal:
    """Where progress and tables go."""
    return Terminal()


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
