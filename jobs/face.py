"""What all jobs have in common on the command line."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import ray
from rich.console import Console

from ns_ray.errors import ConfigError, NsRayError

ROOT = Path(__file__).resolve().parents[1]
DONE, FAILED, USAGE = 0, 1, 2


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults and keeps the description's lines."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every job has."""
    made = argparse.ArgumentParser(description=description, formatter_class=HelpFormatter)
    made.add_argument(
        "--config",
        type=Path,
        default=ROOT / "configs" / "local.yaml",
        metavar="YAML",
        help="the machine or experiment",
    )
    made.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting that differs from the configuration, such as enhancer.threads=4",
    )
    made.add_argument("--data-dir", type=Path, default=ROOT / "dataset", metavar="DIR", help="where videos are")
    made.add_argument("--result-dir", type=Path, default=ROOT / "result", metavar="DIR", help="where results go")
    return made


def run(job: Callable[[], None]) -> int:
    """Run a job; an error that a user can act on is printed in one line.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage.
    """
    try:
        job()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except (NsRayError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED
    return DONE


def console() -> Console:
    """Where progress and tables go; wide enough for tables where the output is no terminal."""
    out = Console(stderr=False)
    return out if out.is_terminal else Console(width=160)


def join_ray(cpus: float, object_store_mb: int) -> None:
    """Join the Ray that this job was submitted to, or start one on this machine.

    Args:
        cpus: CPUs that the job's actors reserve; a local Ray offers at least these, as more processes than cores only
            take turns.
        object_store_mb: memory of a local Ray's object store.
    """
    # A lost actor's calls leave answers that nobody asks for; the pipeline has dealt with them.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    if "RAY_ADDRESS" in os.environ:
        ray.init(log_to_driver=False)
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray.init(
        address="local",
        num_cpus=max(os.cpu_count() or 1, int(cpus) + 1),
        object_store_memory=object_store_mb * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
