"""Measure what control costs: CPU time of all processes in which nothing is decoded, enhanced, compressed or written.

Streams are real and paced, but their pictures so small, and the DNN too, that a machine without a GPU has many of them:
what is left is reading, ranking, choosing, calls, and Ray. Clips are made of the configuration's first video.

What Ray takes is told apart: its own processes, the threads of its C++ in each of ours, and what all of them take while
nothing is done, which does not grow with the streams.
"""

import argparse
import sys

from ns_ray import shipped
from ns_ray.jobs.cli import entry, values
from ns_ray.jobs.cli.checks import Checks


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("-v", "--num-videos", "--videos", type=values.count, default=32, metavar="N", help="streams at once")
    add("--seconds", type=values.positive, default=20.0, metavar="S", help="how long they last")
    add("-f", "--fraction", type=values.fraction, default=0.075, metavar="F", help="anchors a shown frame")
    options = parser.parse_args(argv)
    if options.seconds < 2:
        parser.error("--seconds must be 2 or more")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    config = checks.settings(options)
    for path in config.inputs[:1]:
        checks.source(shipped.found(path))
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    from ns_ray.jobs.work.control_benchmark import (
        benchmark,  # takes seconds, which --help and wrong settings do without
    )

    benchmark(options, config)


if __name__ == "__main__":
    sys.exit(main())
