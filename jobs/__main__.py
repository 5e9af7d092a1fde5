"""All jobs by one command: `neuroscaler benchmark ...` does what `python jobs/benchmark.py ...` does."""

import importlib
import shutil
import sys
import textwrap
from pathlib import Path

from ns_ray.jobs.cli.calling import COMMAND, called_by_command
from ns_ray.nearest import nearest_first

_USAGE = 2
_JOBS = {path.stem: path for path in sorted(Path(__file__).parent.glob("[a-z]*.py"))}


def main(argv: list[str] | None = None) -> int:
    """Run the job that the first argument names, with the others; returns its exit status.

    SIGTERM ends it as Ctrl-C does.
    """
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help"):
        print(_help())
        return 0 if words else _USAGE
    name = words[0].replace("-", "_")
    if name not in _JOBS:
        nearest = nearest_first(name, _JOBS)[0]
        print(f"error: there is no job {words[0]}; the nearest is {nearest}, --help lists all", file=sys.stderr)
        return _USAGE
    called_by_command(name, words[1:])
    job = importlib.import_module(f"ns_ray.jobs.{name}")
    status: int = job.main()
    return status


def _help() -> str:
    """All jobs, each with the first line of what it says of itself; nothing is imported for that."""
    width = max(map(len, _JOBS)) + 4
    columns = min(shutil.get_terminal_size().columns, 120)
    lines = [f"usage: {COMMAND} JOB [--help] ...", "", "Each job tells its options by --help.", ""]
    for name, path in _JOBS.items():
        with path.open(encoding="utf-8") as file:
            told = file.readline().strip().strip('"')
        lines += textwrap.wrap(told, columns, initial_indent=f"  {name}".ljust(width), subsequent_indent=" " * width)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
