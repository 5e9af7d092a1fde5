"""Show what runs on a Ray: which streams are late and why, hosts and their queues, decoders and enhancers.

It only looks: joins the Ray that runs on this machine (or that of --address), asks hosts how they stand, and shows that
again and again until Ctrl-C; `--once` prints it once, for pipes and logs. A stream's reason is where its late epochs
spent most of their time: in a stage, or waiting for it, which means that more workers of that kind are needed.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.jobs.cli import entry, values
from ns_ray.jobs.cli.checks import Checks


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, failed="no Ray to be joined, or nothing of ours runs on it")
    add = parser.add_argument
    add("--address", metavar="HOST:PORT", help="of the Ray; default: RAY_ADDRESS, or what runs on this machine")
    add("--once", action="store_true", help="print once, and end")
    add("--json", type=Path, metavar="FILE", help="write what was seen last there, too")
    add("--every", type=values.positive, default=2.0, metavar="S", help="look again after so many seconds")
    add("--seconds", type=values.positive, default=30.0, metavar="S", help="count epochs of the last seconds")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    checks.settings(options)
    if options.json is not None:
        checks.file(options.json, "--json")
    checks.done()
    from ns_ray.jobs.work.top import show  # takes seconds, which --help and wrong settings do without

    show(options)


if __name__ == "__main__":
    sys.exit(main())
