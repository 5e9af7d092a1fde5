"""Measures super-resolution: PSNR of bilinear, bicubic and models against an HR reference, of luma and all planes.

    python jobs/evaluate_sr.py LR HR [-m MODEL ...] [--every 20] [--weights DIR [-e 20]]

LR and HR are videos of the same frames, compared by their times; an HR video larger than scale times LR is scaled down
first (swscale, bicubic), and one that is smaller, or of another frame rate, shape or beginning is refused. Bilinear and
bicubic are those of swscale. Prints a table and writes RESULT_DIR/evaluation/sr/<LR's name>.json.
"""

import argparse
import sys

from ns_ray.config.config import Config
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.despite import despite_options
from ns_ray.jobs.cli.model import epoch_option
from ns_ray.sr.spec import USUAL


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    vocabulary.pair_options(parser)
    vocabulary.models_option(parser)
    vocabulary.weights_option(parser)
    epoch_option(parser)
    add("--every", type=values.count, default=20, metavar="N", help="compare one frame in N")
    what = "inference engine; default: the configuration's"
    add("--engine", metavar="NAME", help=what)
    vocabulary.device_option(parser)
    despite_options(parser)
    options = parser.parse_args(argv)
    vocabulary.one_pair(parser, options)
    options.model = list(dict.fromkeys(options.model or USUAL))
    if options.epoch is not None and options.weights is None:
        parser.error("--epoch is of the training that --weights names")
    if len(options.model) > 1 and options.weights is not None and options.weights.is_file():
        parser.error("--weights: of several models name a folder, with a file of each")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = _checked(options)
    from ns_ray.jobs.work.evaluate_sr import measure  # takes seconds, which --help and wrong settings do without

    measure(options, config)


def _checked(options: argparse.Namespace) -> Config:
    """The configuration; all that can be told to be wrong is raised at once."""
    checks = Checks()
    config = checks.settings(options)
    specs = [checks.model(name) for name in options.model]
    known = [spec for spec in specs if spec is not None]
    if len({spec.scale for spec in known}) > 1:
        checks.wrong(f"--model {' '.join(options.model)}: they enlarge by several scales; name models of one")
    checks.pair(options.lr, options.hr, options, known[0] if known else None, enhanced=False)
    checks.engine(options.engine)
    for spec in specs:
        checks.weights(spec, options.weights, options.epoch)
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    return config


if __name__ == "__main__":
    sys.exit(main())
