"""Quality over the share of anchors: every way to choose them, both ways to rebuild, against super-resolving all.

    python jobs/curves.py LR HR [-m EDSR_B8_F32_S3] [--fractions 0.025 0.05 ...] [--frames N] [--threads N]

LR is a VP9 stream, HR the original of the same frames; a larger one is scaled down. Anchors pass through their codec,
as they do in a hybrid stream; Mbit are of 2^20. PSNR is that of luma, and of all planes.
Writes curves.json, curves.png and curves_all_planes.png to a folder of the run's own in
RESULT_DIR/evaluation/curves/<LR's name>/<model>, where `latest` leads to it.
Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.config.load import load_config
from ns_ray.jobs.cli import entry
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
    add("lr", type=Path, metavar="LR", help="the LR video: a path, or one below --data-dir")
    add("hr", type=Path, metavar="HR", help="the original, likewise")
    add("-m", "--model", default="EDSR_B8_F32_S3", help="what super-resolves")
    add("--weights", type=Path, metavar="FILE", help="its weights; the ones that ship where not said")
    add("--fractions", type=float, nargs="+", default=[0.025, 0.05, 0.075, 0.1, 0.15, 0.2], metavar="X", help="anchors")
    add("--selections", nargs="+", choices=(*SELECTIONS, ORACLE), default=list(USUAL), metavar="NAME", help=selections)
    add("--modes", nargs="+", choices=MODES, default=list(MODES), metavar="NAME", help="how to rebuild")
    add("--anchor-codec", choices=CODECS, help="how anchors are compressed; default: the configuration's")
    add("--quality", type=int, metavar="Q", help="of anchors, 1 to 100; default: by the codec and their share")
    add("--frames", type=int, metavar="N", help="stop after N; all where not said")
    add("--threads", type=int, default=1, metavar="N", help="points rebuilt at a time")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's, or torch where that is auto")
    add("--output", type=Path, metavar="DIR", help="where runs go; default: by the LR video's name and the model")
    add("--device", default="auto", help="where it runs")
    despite_options(parser)
    options = parser.parse_args(argv)
    if options.quality is not None and not 1 <= options.quality <= 100:
        parser.error("--quality must be 1 to 100")
    if not all(0 < fraction <= 0.2 for fraction in options.fractions):
        parser.error("fractions lie above 0, up to 0.2: no more frames than that are ranked")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = load_config(options.config, options.set)
    from ns_ray.jobs.work.curves import run  # takes seconds, which --help and wrong settings do without

    run(options, config)


if __name__ == "__main__":
    sys.exit(main())
