"""Measure enhancers as hosts use them: anchors a second through Ray, beside what the engine alone makes in a process.

LR frames lie in Ray's object store, every call brings those of several streams, each with its own weights, and the
compressed anchors go through the object store to this job: all that enhancing takes but decoding and writing. First
the engine works in a process of its own on the same frames, switching weights as often; then one enhancer, two, and so
on to all.
"""

import argparse
import sys

from ns_ray import shipped
from ns_ray.config.actors import GPU_CALLS
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.picture.coding import CODECS


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add(
        "-g",
        "--num-gpus",
        "--gpus",
        type=values.count_or_none,
        default=0,
        metavar="N",
        help="GPUs; 0 takes the configured enhancers on the CPU",
    )
    vocabulary.model_option(parser, dest="model_name")
    vocabulary.input_option(parser, "VP9 video of the LR frames; default: the configuration's first")
    add("--seconds", type=values.positive, default=10.0, metavar="S", help="time of each measurement")
    add("--streams", type=values.count, default=32, metavar="N", help="streams, each with weights of its own")
    add("--call-streams", type=values.count, default=8, metavar="N", help="streams a call")
    add(
        "--call-frames",
        type=values.count,
        default=3,
        metavar="N",
        help="anchors a stream and call; 3 are an epoch's at 7.5 %%",
    )
    add(
        "--calls", type=values.count, default=GPU_CALLS, metavar="N", help="calls under way at a time for each enhancer"
    )
    add("--anchor-codec", choices=CODECS, default="jpeg", help="how anchors are compressed")
    add("--quality", type=values.quality, default=90, metavar="Q", help="of anchors, 1 to 100")
    what = "that an anchor may take, by a lower quality; 0: any number"
    add("--limit", type=values.count_or_none, default=0, metavar="BYTES", help=what)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    config = checks.settings(options)
    checks.weights(checks.model(options.model_name), None)
    for path in [options.input] if options.input else [shipped.found(path) for path in config.inputs[:1]]:
        info = checks.source(path, options.data_dir)
        options.input = info.path if info else options.input
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    from ns_ray.jobs.work.enhancer_benchmark import (
        benchmark,  # takes seconds, which --help and wrong settings do without
    )

    benchmark(options, config)


if __name__ == "__main__":
    sys.exit(main())
