"""Step 5 of the published evaluation: what each method gains over bilinear, after the losses that it really has.

    python jobs/measure_quality.py --content lol0 --mode eval-small --target per-frame --num_channels 16
    python jobs/measure_quality.py -i LR --reference HR -n 240 --target engorgio --num_anchors 3 --codec jpeg

per-frame    every shown frame is super-resolved, encoded anew and decoded
selective    equally spaced coded frames are; the others are rebuilt by plain reuse, all encoded anew and decoded
engorgio     (NeuroScaler) anchors are chosen and compressed as images; the others are rebuilt, by plain reuse as
             published, and by the best mode beside it

Gains are means over the shown frames of a method's PSNR less that of bilinear, of luma and of all planes. The published
ones, under the published key, are of all planes and over bilinear as libyuv has it, which is up to a dB worse than ours
(docs/artifact.md); both are shown. Nothing but the result touches the disk: RESULT_DIR/artifact/{per_frame,selective,
engorgio}_quality.json, and of engorgio size.json, whose Mbit are of 2^20.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import get_args

from ns_ray.anchors.policies import Horizon
from ns_ray.evaluation.choice import EPOCH
from ns_ray.evaluation.method import COMPARED
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.calling import as_called
from ns_ray.jobs.cli.checks import Checks, required
from ns_ray.jobs.cli.despite import despite_options
from ns_ray.jobs.cli.published_quality import FRAMES, PUBLISHED_KEYS
from ns_ray.jobs.cli.quality_source import quality_source


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("--target", choices=PUBLISHED_KEYS, default="engorgio", help="the method")
    add("-c", "--content", type=values.name, metavar="NAME", help="its test video, and the weights trained on it")
    what = "in place of --content: the LR video, a path or one below --data-dir"
    vocabulary.input_option(parser, what, metavar="LR")
    what = "with --input: its original, likewise; a larger one is scaled down"
    add("--reference", metavar="HR", help=what)
    add(
        "-d",
        "--duration",
        type=values.count,
        default=60,
        metavar="S",
        help="seconds in the names of the content's videos",
    )
    add("--mode", choices=FRAMES, default="test", help=", ".join(f"{name}: {n} frames" for name, n in FRAMES.items()))
    vocabulary.frames_option(parser, what="so many shown frames; default: the mode's", dest="frames")
    add("--codec", choices=COMPARED, default="jpeg", help="of engorgio's anchors")
    vocabulary.resolution_option(parser, default=None, what="rows of LR; default: 720, or those of --input")
    vocabulary.resolution_option(parser, which="output", default=None, what="rows of HR; default: 3 times LR")
    add("--num-blocks", type=values.count, default=8, metavar="N", help="residual blocks")
    add("--num-channels", type=values.count, metavar="N", help="default: 16 for per-frame, else 32")
    add("--num-anchors", type=values.count, metavar="N", help="of 40 frames; default: selective 8, engorgio 3")
    add("--horizon", choices=get_args(Horizon), default="gap", help="of engorgio's choice; published here: epoch")
    add("--bitrate", type=values.count, metavar="KBPS", help="of the re-encode; default: 35500 at 2160p, 6750 at 1080p")
    vocabulary.weights_option(parser, "those of the content; with --input those that ship")
    vocabulary.engine_option(parser)
    vocabulary.device_option(parser)
    add("--threads", type=values.count, default=4, metavar="N", help="methods and upscalings at work at a time")
    add(
        "--crop",
        type=values.index,
        metavar="N",
        help="write PNG images of frame N beside the figures, of the window without lettering where "
        "bilinear errs most: a folder <target>_crops",
    )
    add("-o", "--output", type=Path, metavar="DIR", help="where the files go; default: RESULT_DIR/artifact")
    despite_options(parser)
    options = parser.parse_args(argv)
    words = sys.argv[1:] if argv is None else argv
    options.command = shlex.join([*as_called("python jobs/measure_quality.py").split(), *words])
    if options.content is None and (options.input is None or options.reference is None):
        parser.error("name a --content, or --input and --reference")
    if options.content is not None and (options.input is not None or options.reference is not None):
        parser.error("--content has its own videos: leave out --input and --reference")
    if options.target == "per-frame" and options.num_anchors is not None:
        parser.error("per-frame has no anchors: leave out --num_anchors")
    if options.num_anchors is not None and options.num_anchors > EPOCH:
        parser.error(f"--num_anchors lies in 1..{EPOCH}")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    config = checks.settings(options)
    source = quality_source(options, checks)
    checks.engine(options.engine)
    checks.folder(options.output or options.result_dir, "--output" if options.output else "--result-dir")
    checks.done()
    from ns_ray.jobs.work.measure_quality import run  # takes seconds, which --help and wrong settings do without

    run(options, config, required(source))


if __name__ == "__main__":
    sys.exit(main())
