"""Writes docs/jobs.md: `.venv/bin/python tests/jobs/jobs_table.py`."""

import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from job_options import JOBS, actions_of, breaches, parser_of

from ns_ray.host import describe_host
from ns_ray.whole_file import write_whole

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "jobs.md"
_SHARED = ("--help", "--config", "--set", "--data-dir", "--result-dir")


def main() -> None:
    """Measure each job's --help, look at its options, write."""
    rows = [_row(job) for job in JOBS]
    host = describe_host()
    lines = [
        "# The jobs",
        "",
        "Written by `.venv/bin/python tests/jobs/jobs_table.py`; `tests/jobs/test_vocabulary.py` walks the same",
        "options. `python jobs/NAME.py --help` tells all of each; all have `--config`, `--set`, `--data-dir` and",
        "`--result-dir`. Where two spellings are named, published ones are understood beside them.",
        "",
        f"Seconds are CPU time of `--help`, measured once ({host['processor']}, {host['cores']} cores).",
        "",
        "| job | what it does | options | `--help`, s | one vocabulary |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]
    write_whole(TABLE, ("\n".join(lines) + "\n").encode())


def _row(job: str) -> str:
    parser = parser_of(job)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, f"jobs/{job}.py", "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    about = str(import_module(f"ns_ray.jobs.{job}").__doc__).partition("\n")[0].replace("|", "\\|")
    options = [action for action in actions_of(parser) if not {*_SHARED} & {*action.option_strings}]
    names = " ".join(f"`{_name(action.option_strings) or action.metavar}`" for action in options)
    return f"| `{job}` | {about} | {names} | {seconds:.1f} | {'; '.join(breaches(parser)) or 'holds'} |"


def _name(spellings: list[str]) -> str:
    """The word, and the letter before it."""
    long = [one for one in spellings if one.startswith("--")][:1]
    return "/".join([*(one for one in spellings if not one.startswith("--")), *long])


if __name__ == "__main__":
    main()
