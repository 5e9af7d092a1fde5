"""Measures super-resolution: PSNR of bilinear, bicubic and models against an HR reference, of luma and all planes.

    python jobs/evaluate_sr.py LR HR [-m MODEL ...] [--every 20] [--weights DIR [-e 20]]

LR and HR are videos of the same frames, compared by their times; an HR video larger than scale times LR is scaled down
first (swscale, bicubic), and one that is smaller, or of another frame rate, shape or beginning is refused. Bilinear and
bicubic are those of swscale. Prints a table and writes RESULT_DIR/evaluation/sr/<LR's name>.json. Exit status: 0 done,
1 failed, 2 wrong usage.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.config.load import load_config
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite_options
from ns_ray.jobs.cli.model import epoch_option
from ns_ray.sr.spec import SHIPPED


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("lr", type=Path, metavar="LR", help="LR video: a path, or one below --data-dir")
    add("hr", type=Path, metavar="HR", help="its HR reference, likewise")
    add("-m", "--model", action="append", help=f"may be repeated; default: {' and '.join(SHIPPED)}")
    add("--weights", type=Path, metavar="DIR", help="folder of <model>.pt; default: the ones that ship")
    epoch_option(parser)
    add("--every", type=int, default=20, metavar="N", help="compare one frame in N")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's")
    add("--device", default="auto", help="cpu, cuda or cuda:<index>")
    despite_options(parser)
    options = parser.parse_args(argv)
    if options.every < 1:
        parser.error("--every must be at least 1")
    if options.epoch is not None and options.weights is None:
        parser.error("--epoch is of the training that --weights names")
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = load_config(options.config, options.set)
    from ns_ray.jobs.work.evaluate_sr import measure  # takes seconds, which --help and wrong settings do without

    measure(options, config)


if __name__ == "__main__":
    sys.exit(main())
