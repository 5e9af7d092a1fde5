"""Checks the TensorRT engine on this machine's GPU and prints a verdict: for whoever has a T4 or an RTX card.

    python jobs/check_engine.py -m EDSR_B8_F32_S3 -l 720

Builds or loads the plan, super-resolves real frames and compares them with PyTorch in float32, switches weights there
and back, times both engines, and lets a plan of another version be rebuilt. Needs a GPU, TensorRT (or TensorRT for
RTX), PyCUDA and nvcc. Writes RESULT_DIR/generic/<model>/check.json.
"""

import argparse
import sys

from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.model import choose, model_parser


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = model_parser(__doc__, failed="failed, or could not be checked")
    add = parser.add_argument
    vocabulary.device_option(parser, "cuda:0", "the GPU to check on")
    what = "frames to check on"
    add("-n", "--num-frames", "--count", dest="count", type=values.count, default=3, metavar="N", help=what)
    add("--runs", type=values.count, default=30, metavar="N", help="runs to time")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    chosen = choose(options)
    from ns_ray.jobs.work.check_engine import check  # takes seconds, which --help and wrong settings do without

    check(options, chosen)


if __name__ == "__main__":
    sys.exit(main())
