"""Quality over the share of anchors: every way to choose them, both ways to rebuild, against super-resolving all.

    python jobs/curves.py LR HR [-m EDSR_B8_F32_S3] [--fractions 0.025 0.05 ...] [-n N] [--threads N]

LR is a VP9 or H.264 stream, HR the original of the same frames; a larger one is scaled down. Anchors pass through
their codec, as they do in a hybrid stream. Shown are Mbit/s (of 10^6 bits) of video and anchors, the DNN's seconds
for an hour of the stream on this machine, PSNR of luma and of all planes, and, of the first of --selections, SSIM,
VMAF v1 and VMAF NEG at 4K, and how the error flickers. Writes curves.json and a plot of each figure to a folder of the
run's own in RESULT_DIR/evaluation/curves/<LR's name>/<model>, where `latest` leads to it.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.compared import checked
from ns_ray.jobs.cli.despite import despite_options
from ns_ray.jobs.cli.selections import ORACLE, SELECTIONS
from ns_ray.picture.coding import CODECS

USUAL = ("neuroscaler", "published", "uniform")
MODES = ("best", "plain")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    selections = f"how to choose: {', '.join(SELECTIONS)}; {ORACLE} tries every frame, which takes minutes a GOP"
    vocabulary.pair_options(parser)
    vocabulary.model_option(parser)
    vocabulary.weights_option(parser)
    add(
        "--fractions",
        type=values.ranked_share,
        nargs="+",
        default=[0.025, 0.05, 0.075, 0.1, 0.15, 0.2],
        metavar="X",
        help="anchors",
    )
    add("--selections", nargs="+", choices=(*SELECTIONS, ORACLE), default=list(USUAL), metavar="NAME", help=selections)
    add("--modes", nargs="+", choices=MODES, default=list(MODES), metavar="NAME", help="how to rebuild")
    add("--anchor-codec", choices=CODECS, help="how anchors are compressed; default: the configuration's")
    add(
        "--quality",
        type=values.quality,
        metavar="Q",
        help="of anchors, 1 to 100; default: by the codec and their share",
    )
    vocabulary.frames_option(parser, dest="frames")
    add("--threads", type=values.count, default=1, metavar="N", help="points rebuilt at a time")
    add(
        "--no-vmaf",
        action="store_true",
        help="leave SSIM, VMAF and flicker out, which take most of the time, and each point some 300 MB at 1080p",
    )
    vocabulary.engine_option(parser)
    what = "where runs go; default: by the LR video's name and the model"
    add("-o", "--output", type=Path, metavar="DIR", help=what)
    vocabulary.device_option(parser)
    despite_options(parser)
    options = parser.parse_args(argv)
    vocabulary.one_pair(parser, options)
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = checked(options)
    from ns_ray.jobs.work.curves import run  # takes seconds, which --help and wrong settings do without

    run(options, config)


if __name__ == "__main__":
    sys.exit(main())
