"""Quality over all that is sent: hybrid streams beside what else could be sent at such rates.

    python jobs/rate_distortion.py LR HR [-m EDSR_B8_F32_S3] [--anchors jpeg:90 jpeg:75 ...] [--kbps N ...]

Ways to send: the LR video, upscaled by the viewer; hybrid streams (best mode) with anchors compressed by each of
--anchors; every frame super-resolved and encoded anew, by libvpx-vp9 at its published settings and by SVT-AV1 as live
services would, at each of --kbps; and the original encoded straight to AV1 in the same way, for who has it. Shown are
Mbit/s (of 10^6 bits) of video and anchors, PSNR of luma and of all planes, SSIM, VMAF v1 and VMAF NEG at 4K, how the
error flickers, and the DNN's seconds for an hour of the stream on this machine. Writes rate_distortion.json and a
plot of each figure to a folder of the run's own in RESULT_DIR/evaluation/rate_distortion/<LR's name>/<model>, where
`latest` leads to it.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.errors import ConfigError
from ns_ray.evaluation.method import ImageCodec
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.compared import checked
from ns_ray.jobs.cli.despite import despite_options


def image_codec(text: str) -> ImageCodec:
    """An option's value such as `jpeg:90`; argparse says what is wrong with it."""
    try:
        return ImageCodec.parse(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    jpeg = [ImageCodec("jpeg", quality) for quality in (95, 90, 75)]
    images = [*jpeg, ImageCodec("jpeg-residual", 75), ImageCodec("av1", 62), ImageCodec("av1", 43)]
    vocabulary.pair_options(parser)
    vocabulary.model_option(parser)
    vocabulary.weights_option(parser)
    add("-f", "--fraction", type=values.ranked_share, default=0.075, metavar="X", help="anchors of hybrid streams")
    add("--anchors", type=image_codec, nargs="+", default=images, metavar="CODEC:QUALITY", help="how anchors are sent")
    what = "of what is encoded anew; default: 3 up to the published rate"
    add("--kbps", type=values.count, nargs="+", metavar="N", help=what)
    vocabulary.frames_option(parser, dest="frames")
    add("--threads", type=values.count, default=2, metavar="N", help="ways measured at a time")
    add("--no-vmaf", action="store_true", help="leave SSIM, VMAF and flicker out, which take most of the time")
    vocabulary.engine_option(parser)
    what = "where runs go; default: by the LR video's name and the model"
    add("-o", "--output", type=Path, metavar="DIR", help=what)
    vocabulary.device_option(parser)
    despite_options(parser)
    options = parser.parse_args(argv)
    vocabulary.one_pair(parser, options)
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = checked(options)
    from ns_ray.jobs.work.rate_distortion import run  # takes seconds, which --help and wrong settings do without

    run(options, config)


if __name__ == "__main__":
    sys.exit(main())
