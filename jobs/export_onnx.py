"""Exports a model as ONNX files, for one LR size and for any, and checks each against PyTorch on real frames.

    python jobs/export_onnx.py -m EDSR_B8_F32_S3 -l 720               the weights that ship
    python jobs/export_onnx.py -c lol0 -l 720 -m edsr -b 8 -f 32 -s 3   those trained on a content
    python jobs/export_onnx.py -c lol0 -l 720 -m edsr -b 8 -f 32 -e 20   those after epoch 20, as published

Writes <model>/1280x720_fp16.onnx, dynamic_fp16.onnx, 1280x720_fp32.onnx, dynamic_fp32.onnx and export.json below
RESULT_DIR/<content>/checkpoint/<training video>, or RESULT_DIR/generic. A file whose output is not over 60 dB (fp32)
or 45 dB (fp16) from PyTorch's is not written; one that is there with the same weights is left as it is.
"""

import argparse
import sys

from ns_ray.jobs.cli import entry, values
from ns_ray.jobs.cli.model import choose, model_parser

_PRECISIONS = ("fp32", "fp16")
_SHAPES = ("fixed", "dynamic")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = model_parser(__doc__)
    add = parser.add_argument
    add("--precision", nargs="+", choices=_PRECISIONS, default=list(_PRECISIONS), help="precisions to export")
    add("--shapes", nargs="+", choices=_SHAPES, default=list(_SHAPES), help="for the LR size alone, for any size")
    what = "frames to check on"
    add("-n", "--num-frames", "--count", dest="count", type=values.count, default=2, metavar="N", help=what)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    chosen = choose(options)
    from ns_ray.jobs.work.export_onnx import export_all  # takes seconds, which --help and wrong settings do without

    export_all(options, chosen)


if __name__ == "__main__":
    sys.exit(main())
