"""Measure inference engines: the DNN alone, and anchors from LR frames to JPEG images, each with its own weights.

Every figure is the median of several runs, with the smallest and the largest; the pictures are compared with those of
the torch engine in float32.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.outputs import require_other_output
from ns_ray.picture.coding import CODECS
from ns_ray.sr.engine_names import ENGINES
from ns_ray.sr.spec import USUAL


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    vocabulary.models_option(parser, "the DNNs, of which the weights ship")
    add("--engine", nargs="+", default=list(ENGINES), choices=list(ENGINES), help="engines to compare")
    vocabulary.device_option(parser)
    what = "LR size: rows of 16:9 video, or COLUMNSxROWS"
    vocabulary.resolution_option(parser, "--size", default="720", take=values.size, what=what)
    add("--anchor-codec", choices=CODECS, default="jpeg", help="how anchors are compressed")
    add("--quality", type=values.quality, default=90, metavar="Q", help="of anchors, 1 to 100")
    add("--runs", type=values.count, default=9, metavar="N", help="runs of each measurement")
    vocabulary.frames_option(parser, 60, "frames a run", dest="frames")
    add("--json", type=Path, metavar="OUT", help="the figures; default: engine_benchmark.json in --result-dir")
    options = parser.parse_args(argv)
    options.width, options.height = options.input_resolution
    options.model = list(dict.fromkeys(options.model or USUAL))
    options.json = options.json or options.result_dir / "engine_benchmark.json"
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    checks.settings(options)
    for name in options.model:
        checks.weights(checks.model(name), None)
    checks.file(options.json, "--json")
    checks(require_other_output, options, "json")
    checks.done()
    from ns_ray.jobs.work.engine_benchmark import benchmark  # takes seconds, which --help and wrong settings do without

    benchmark(options)


if __name__ == "__main__":
    sys.exit(main())
