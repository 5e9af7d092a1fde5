"""Options that have a stream compared with an original that differs from it."""

import argparse
from fractions import Fraction

from ns_ray.evaluation.original import Despite
from ns_ray.jobs.cli import values

_TICKS = 1_000_000


def despite_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "--despite",
        action="append",
        choices=("rate", "shape"),
        default=[],
        help="compare with an original of another frame rate (frames of the same time) or shape (it is stretched), "
        "which is refused otherwise; may be repeated",
    )
    parser.add_argument(
        "--offset",
        type=values.number,
        metavar="S",
        help="seconds by which the original's times are ahead of the stream's; default: both have to begin alike",
    )


def despite(options: argparse.Namespace) -> Despite:
    """What they say."""
    offset = options.offset
    return Despite(
        "rate" in options.despite,
        "shape" in options.despite,
        None if offset is None else Fraction(offset).limit_denominator(_TICKS),
    )
