"""Step 5 of the published evaluation: what each method gains over bilinear, after the losses that it really has.

    python jobs/measure_quality.py --content lol0 --mode eval-small --target per-frame --num_channels 16
    python jobs/measure_quality.py --lr LR --hr HR -n 240 --target engorgio --num_anchors 3 --codec jpeg

per-frame    every shown frame is super-resolved, encoded anew and decoded
selective    equally spaced coded frames are; the others are rebuilt by plain reuse, all encoded anew and decoded
engorgio     (NeuroScaler) anchors are chosen and compressed as images; the others are rebuilt, by plain reuse as
             published, and by the best mode beside it

Gains are means over the shown frames of a method's PSNR less that of bilinear, of luma and of all planes. The published
ones, under the published key, are of all planes and over bilinear as libyuv has it, which is up to a dB worse than ours
(docs/artifact.md); both are shown. Nothing but the result touches the disk: RESULT_DIR/artifact/{per_frame,selective,
engorgio}_quality.json, and of engorgio size.json, whose Mbit are of 2^20. Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import get_args

from ns_ray.anchors.policies import Horizon
from ns_ray.config.load import load_config
from ns_ray.evaluation.choice import EPOCH
from ns_ray.evaluation.method import COMPARED
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.calling import as_called
from ns_ray.jobs.cli.despite import despite_options
from ns_ray.jobs.cli.published_quality import FRAMES, PUBLISHED_KEYS


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("--target", choices=PUBLISHED_KEYS, default="engorgio", help="the method")
    add("--content", type=entry.name, metavar="NAME", help="its test video, and the weights trained on it")
    add("--lr", type=Path, metavar="FILE", help="in place of --content: the LR video, a path or one below --data-dir")
    add("--hr", type=Path, metavar="FILE", help="with --lr: the original; a larger one is scaled down")
    add("-d", "--duration", type=int, default=60, metavar="S", help="seconds in the names of the content's videos")
    add("--mode", choices=FRAMES, default="test", help=", ".join(f"{name}: {n} frames" for name, n in FRAMES.items()))
    add("-n", "--frames", type=int, metavar="N", help="so many shown frames, whatever the mode")
    add("--codec", choices=COMPARED, default="jpeg", help="of engorgio's anchors")
    add("--input-resolution", type=int, metavar="ROWS", help="LR; default: 720, or that of --lr")
    add("--output-resolution", type=int, metavar="ROWS", help="HR; default: 3 times LR")
    add("--num-blocks", type=int, default=8, metavar="N", help="residual blocks")
    add("--num-channels", type=int, metavar="N", help="default: 16 for per-frame, else 32")
    add("--num-anchors", type=int, metavar="N", help="of 40 frames; default: selective 8, engorgio 3")
    add("--horizon", choices=get_args(Horizon), default="gap", help="of engorgio's choice; published here: epoch")
    add("--bitrate", type=int, metavar="KBPS", help="of the re-encode; default: 35500 at 2160p, 6750 at 1080p")
    add("--weights", type=Path, metavar="FILE", help="default: those of the content; with --lr the ones that ship")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's, or torch where that is auto")
    add("--device", default="auto", help="where it runs")
    add("--threads", type=int, default=4, metavar="N", help="methods and upscalings at work at a time")
    add(
        "--crop",
        type=int,
        metavar="N",
        help="write PNG images of frame N beside the figures, of the window without lettering where "
        "bilinear errs most: a folder <target>_crops",
    )
    add("--output", type=Path, metavar="DIR", help="where the files go; default: RESULT_DIR/artifact")
    despite_options(parser)
    options = parser.parse_args(argv)
    words = sys.argv[1:] if argv is None else argv
    options.command = shlex.join([*as_called("python jobs/measure_quality.py").split(), *words])
    if options.content is None and (options.lr is None or options.hr is None):
        parser.error("name a --content, or --lr and --hr")
    if options.content is not None and (options.lr is not None or options.hr is not None):
        parser.error("--content has its own videos: leave out --lr and --hr")
    if options.target == "per-frame" and options.num_anchors is not None:
        parser.error("per-frame has no anchors: leave out --num_anchors")
    if options.num_anchors is not None and not 1 <= options.num_anchors <= EPOCH:
        parser.error(f"--num_anchors lies in 1..{EPOCH}")
    if options.crop is not None and options.crop < 0:
        parser.error("--crop must be 0 or more")
    if options.frames is not None and options.frames < 1:
        parser.error("-n must be at least 1")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = load_config(options.config, options.set)
    from ns_ray.jobs.work.measure_quality import run  # takes seconds, which --help and wrong settings do without

    run(options, config)


if __name__ == "__main__":
    sys.exit(main())
