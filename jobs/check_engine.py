"""Checks the TensorRT engine on this machine's GPU and prints a verdict: for whoever has a T4 or an RTX card.

    python jobs/check_engine.py -m EDSR_B8_F32_S3 -l 720

Builds or loads the plan, super-resolves real frames and compares them with PyTorch in float32, switches weights there
and back, times both engines, and lets a plan of another version be rebuilt. Then it tells how many streams this GPU
could serve: of --frame-rate and --fraction, by what an anchor takes with the DNN, the configuration's codec (--config
t4) and switches of weights, if nothing else took time. Needs a GPU, TensorRT (or TensorRT for RTX), PyCUDA and nvcc.
Writes RESULT_DIR/generic/<model>/check.json.
"""

import argparse
import sys
from fractions import Fraction

from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.model import choose, model_parser
from ns_ray.picture.coding import LARGEST_FRACTION


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = model_parser(__doc__, failed="failed, or could not be checked")
    add = parser.add_argument
    vocabulary.device_option(parser, "cuda:0", "the GPU to check on")
    what = "frames to check on"
    add("-n", "--num-frames", "--count", dest="count", type=values.count, default=3, metavar="N", help=what)
    add("--runs", type=values.count, default=30, metavar="N", help="runs to time")
    what = "frames a second of the streams to serve"
    add("-a", "--frame-rate", "--framerate", type=values.frame_rate, default=Fraction(60), metavar="R", help=what)
    add("--fraction", type=_fraction, default=0.075, metavar="F", help="their anchors a shown frame, up to 0.15")
    return parser.parse_args(argv)


def _fraction(text: str) -> float:
    value = values.share(text)
    if value > LARGEST_FRACTION:
        raise argparse.ArgumentTypeError(f"{text}: fractions end at {LARGEST_FRACTION}")
    return value


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
