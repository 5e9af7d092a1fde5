"""Builds the TensorRT plan of a model for one LR size and GPU, out of the ONNX file that jobs/export_onnx.py wrote.

    python jobs/build_engine.py -m EDSR_B8_F32_S3 -l 720                what the engine tensorrt refits
    python jobs/build_engine.py -c lol0 -d 60 -m EDSR_B8_F32_S3          a content's own, as published
    python jobs/build_engine.py --capability 7.5 --gpu-name "Tesla T4" --no-refit   without a GPU, TensorRT for RTX

Writes <model>/<GPU name>/1280x720_fp16.plan and its record below RESULT_DIR/<content>/checkpoint/<training video>, or
RESULT_DIR/generic. A plan is built again where TensorRT's version, the GPU, the ONNX file or the settings differ from
its record; else it is left as it is.
"""

import argparse
import sys

from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.model import choose, model_parser


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = model_parser(__doc__)
    add = parser.add_argument
    add("--precision", choices=("fp16", "fp32"), default="fp16", help="of weights and arithmetic")
    add("--package", choices=("tensorrt", "tensorrt-rtx"), help="what builds it; default: what is installed")
    vocabulary.device_option(parser, "cuda:0", "the GPU to build for")
    add("--capability", metavar="X.Y", help="build for GPUs of this compute capability instead, without one")
    add("--gpu-name", type=values.name, metavar="NAME", help="what those are called, with --capability")
    add(
        "--no-refit", dest="refit", action="store_false", help="fix the weights (engine tensorrt needs them refittable)"
    )
    options = parser.parse_args(argv)
    if bool(options.capability) != bool(options.gpu_name):
        parser.error("--capability and --gpu-name belong together")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    chosen = choose(options)
    from ns_ray.jobs.work.build_engine import build  # takes seconds, which --help and wrong settings do without

    build(options, chosen)


if __name__ == "__main__":
    sys.exit(main())
