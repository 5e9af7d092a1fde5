"""Measure inference as the published benchmark_infer does: requests of 6 blank frames, each with weights of its own.

    python jobs/benchmark_infer.py -i ae_server -d 60 -m EDSR_B8_F32_S3
    python jobs/benchmark_infer.py -r 360 --requests 3 --naive-requests 1 --set enhancer.engine=torch     # on a CPU

- Preallocated, as enhancers work here: one engine, whose memory was allocated before, and a file of weights for each
  request, read and prepared before the first one, as a stream's are when it joins. Switching to them is inside the
  time, and so is the way of every frame from host memory to an HR picture (YUV 4:2:0) in host memory. 10 requests warm
  up, 100 count.
- The same, its HR pictures left on the device: what the DNN alone could do (`on device`).
- The naive way, which is ours to define: each request reads its weights, builds an engine with all its memory, works,
  and frees it. The kernels' compilation is kept between requests, as a file or in the process.

Writes infer_result.json and naive_result.json to RESULT_DIR/evaluation/<instance>/<LR rows>p/<model>: `num frames`,
`latency` (s in all), `throughput` (frames a second). Weights are the content's trained ones, changed a little for each
request; of a content that nothing was trained on, the ones that ship. On a CPU that others use, too, set
OMP_WAIT_POLICY=PASSIVE, as all actors have it: threads that wait by spinning cost many times their work.
"""

import argparse
import sys

from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("-c", "--content", type=values.name, default="lol0", metavar="NAME", help="content whose weights are taken")
    what = "rows of LR; columns make it 16:9"
    vocabulary.resolution_option(parser, "-r", "--resolution", what=what)
    what = "seconds of the training video, as in its name"
    add("-d", "--duration", type=values.count, default=600, metavar="S", help=what)
    add("-s", "--scale", type=values.count, metavar="S", help="HR over LR; must be the model's")
    vocabulary.model_option(parser)
    vocabulary.weights_option(parser, "those of the content, or those that ship")
    vocabulary.instance_option(parser)
    add("--requests", type=values.count, default=100, metavar="N", help="requests that count")
    add("--warm-up", type=values.count_or_none, default=10, metavar="N", help="requests before those")
    add("--request-frames", type=values.count, default=6, metavar="N", help="blank frames a request")
    add(
        "--naive-requests",
        type=values.count_or_none,
        default=10,
        metavar="N",
        help="requests in the naive way; 0 leaves it out",
    )
    vocabulary.device_option(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    config = checks.settings(options)
    spec = checks.model(options.model)
    if spec is not None and options.scale not in (None, spec.scale):
        checks.wrong(f"--scale {options.scale}: {spec} enlarges {spec.scale} times; name another model")
    if options.weights:
        options.weights = checks.weights(spec, options.weights)
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    from ns_ray.jobs.work.benchmark_infer import benchmark  # takes seconds, which --help and wrong settings do without

    benchmark(options, config)


if __name__ == "__main__":
    sys.exit(main())
