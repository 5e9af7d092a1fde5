"""Measure inference engines: the DNN alone, and anchors from LR frames to JPEG images, each with its own weights.

Every figure is the median of several runs, with the smallest and the largest; the pictures are compared with those of
the torch engine in float32.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.config.load import load_config
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.outputs import require_other_output
from ns_ray.picture.coding import CODECS
from ns_ray.sr.engine_names import ENGINES
from ns_ray.sr.spec import SHIPPED


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("--model", nargs="+", default=list(SHIPPED), help="models, of which the weights are there")
    add("--engine", nargs="+", default=list(ENGINES), choices=list(ENGINES), help="engines to compare")
    add("--device", default="auto", help="where to run them")
    add("--size", default="1280x720", metavar="WxH", help="LR size")
    add("--anchor-codec", choices=CODECS, default="jpeg", help="how anchors are compressed")
    add("--quality", type=int, default=90, help="of anchors")
    add("--runs", type=int, default=9, metavar="N", help="runs of each measurement")
    add("--frames", type=int, default=60, metavar="N", help="frames a run")
    add("--json", type=Path, metavar="OUT", help="the figures; default: engine_benchmark.json in --result-dir")
    options = parser.parse_args(argv)
    width, cross, height = options.size.partition("x")
    if not (cross and width.isdigit() and height.isdigit() and int(width) and int(height)):
        parser.error("--size is columns x rows, such as 1280x720")
    options.width, options.height = int(width), int(height)
    if min(options.runs, options.frames) < 1:
        parser.error("--runs and --frames must be 1 or more")
    options.json = options.json or options.result_dir / "engine_benchmark.json"
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    load_config(options.config, options.set)  # for what is wrong with it: engines are measured side by side
    require_other_output(options, "json")
    from ns_ray.jobs.work.engine_benchmark import benchmark  # takes seconds, which --help and wrong settings do without

    benchmark(options)


if __name__ == "__main__":
    sys.exit(main())
