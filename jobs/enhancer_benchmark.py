"""Measure enhancers as hosts use them: anchors a second through Ray, beside what the engine alone makes in a process.

LR frames lie in Ray's object store, every call brings those of several streams, each with its own weights, and the
compressed anchors go through the object store to this job: all that enhancing takes but decoding and writing. First
the engine works in a process of its own on the same frames, switching weights as often; then one enhancer, two, and so
on to all.
"""

import argparse
import sys

from ns_ray.config.actors import GPU_CALLS
from ns_ray.config.load import load_config
from ns_ray.jobs.cli import entry
from ns_ray.picture.coding import CODECS


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add(
        "-g",
        "--num-gpus",
        "--gpus",
        type=int,
        default=0,
        metavar="N",
        help="GPUs; 0 takes the configured enhancers on the CPU",
    )
    add("-m", "--model-name", default="EDSR_B8_F32_S3", metavar="NAME", help="the DNN")
    add("--input", metavar="FILE", help="VP9 video of the LR frames; default: the configuration's first")
    add("--seconds", type=float, default=10.0, metavar="S", help="time of each measurement")
    add("--streams", type=int, default=32, metavar="N", help="streams, each with weights of its own")
    add("--call-streams", type=int, default=8, metavar="N", help="streams a call")
    add("--call-frames", type=int, default=3, metavar="N", help="anchors a stream and call; 3 are an epoch's at 7.5 %%")
    add("--calls", type=int, default=GPU_CALLS, metavar="N", help="calls under way at a time for each enhancer")
    add("--anchor-codec", choices=CODECS, default="jpeg", help="how anchors are compressed")
    add("--quality", type=int, default=90, metavar="Q", help="of anchors")
    add(
        "--limit",
        type=int,
        default=0,
        metavar="BYTES",
        help="that an anchor may take, by a lower quality; 0: any number",
    )
    options = parser.parse_args(argv)
    if options.seconds <= 0 or min(options.num_gpus, options.limit) < 0 or not 1 <= options.quality <= 100:
        parser.error("--seconds must be above 0, --num-gpus and --limit 0 or more, --quality 1 to 100")
    if min(options.streams, options.call_streams, options.call_frames, options.calls) < 1:
        parser.error("--streams, --call-streams, --call-frames and --calls must be 1 or more")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = load_config(options.config, options.set)
    from ns_ray.jobs.work.enhancer_benchmark import (
        benchmark,  # takes seconds, which --help and wrong settings do without
    )

    benchmark(options, config)


if __name__ == "__main__":
    sys.exit(main())
