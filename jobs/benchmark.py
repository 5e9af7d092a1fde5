"""Enhance live streams and measure it: VP9 in, hybrid streams (or video encoded anew) out.

Without --input it takes the test video of --content at --resolution from --data-dir; if that is not there, the
configuration's inputs.

SIGINT (Ctrl-C) and SIGTERM (`ray job stop`) end a run early: it reads no more, gives epochs in work `stop_seconds` of
the configuration, finishes all files, writes its report and exits with status 1. A second signal ends it at once.
"""

import argparse
import sys
from pathlib import Path
from typing import get_args

from ns_ray.anchors.normalisers import Normaliser
from ns_ray.anchors.policies import Horizon, Ranked
from ns_ray.config.load import load_config
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite_options
from ns_ray.jobs.cli.methods import METHODS
from ns_ray.picture.coding import CODECS

POLICIES = ("fraction", "budget", "uniform", "uniform-coded", "per-frame", "key")


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
        help="GPUs, one enhancer each; 0 enhances on the CPU",
    )
    add(
        "-v",
        "--num-videos",
        "--videos",
        type=int,
        metavar="N",
        help="streams at once; default: one an --input, or else 2",
    )
    add(
        "-i",
        "--instance",
        type=entry.name,
        metavar="NAME",
        help="name of the machine in results; default: the configuration's",
    )
    add(
        "-n",
        "--num-frames",
        "--number",
        type=int,
        default=240,
        metavar="N",
        help="frames a stream; a shorter video is repeated",
    )
    add("-d", "--duration", type=int, default=60, metavar="S", help="duration in the names of prepared videos")
    add("-m", "--model-name", metavar="NAME", help="the DNN, such as EDSR_B8_F32_S3; default: the method's")
    add("-c", "--content", type=entry.name, default="lol0", metavar="NAME", help="whose prepared video is taken")
    add(
        "-r",
        "--resolution",
        type=int,
        default=720,
        metavar="H",
        help="LR height in the names of prepared videos",
    )
    add("-s", "--scale", type=int, metavar="S", help="HR over LR; must be the model's")
    add("-a", "--frame-rate", "--framerate", type=float, metavar="FPS", help="refuse videos of another frame rate")
    add("--method", choices=METHODS, default="neuroscaler", help="how streams are enhanced")
    add(
        "--policy",
        choices=POLICIES,
        help="how anchors are chosen; default: the method's. uniform spaces shown frames equally, uniform-coded, as "
        "the published selective method, coded frames, hidden ones included",
    )
    add("-f", "--fraction", type=_fraction, metavar="F", help="anchors a shown frame, 0..1; default: the method's")
    add("--scope", choices=("all", "stream"), default="all", help="whether streams compete for anchors")
    add(
        "--horizon",
        choices=get_args(Horizon),
        default="gap",
        help="how long an epoch's last anchor is thought to serve: until the next one can be expected, or, as the "
        "published engine has it, to the end of the GOP, or, as its quality code has it, of the epoch",
    )
    add(
        "--normaliser",
        choices=get_args(Normaliser),
        default="mean",
        help="what a stream's gains are divided by: its mean frame size over 2 GOPs (published: the engine), the sum "
        "of its GOP's accumulated residuals (the quality code), or nothing (engorgio_baseline)",
    )
    add(
        "--ranked",
        choices=get_args(Ranked),
        default="fifth",
        help="which of a stream's frames may become anchors: its best fifth, or all (the published quality code)",
    )
    add("--anchor-codec", choices=CODECS, help="how anchors are compressed; default: the configuration's")
    add("--quality", type=int, metavar="Q", help="of anchors, 1 to 100; default: by the codec and the fraction")
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument(
        "--anchor-share",
        type=_share,
        metavar="S",
        help="bits that anchors take at most for one of the video, over 2 s; 0 or none: any number. Their quality is "
        "lowered for it from --quality (95 where that is not said), some are left out. Default: 1, from the codec's "
        "own quality; none for jpeg, or with --quality alone",
    )
    rate.add_argument("--anchor-kbps", type=int, metavar="N", help="the same, in kbit/s")
    add(
        "--weights",
        type=Path,
        metavar="PT",
        help="weights of the model, or a folder with one file a stream, in order of their names; default: the "
        "pretrained ones",
    )
    add(
        "--own-weights",
        action="store_true",
        help="give each stream weights of its own: copies of --weights, changed a little",
    )
    add(
        "--input",
        nargs="+",
        metavar="FILE",
        help="VP9 videos, files or URLs; taken in turn where there are more streams",
    )
    add(
        "--reference",
        nargs="+",
        metavar="HR",
        help="the original of each --input, which the report shows and compares with; default: that of the content or "
        "of the configuration, where there is one",
    )
    add(
        "--unsafe-input",
        action="store_true",
        help="let --input use every protocol and playlist of FFmpeg (concat, subfile, tcp ...), which can lead to any "
        "file or host; without it files and http(s), rtmp(s), rtsp(s) URLs are opened, and no files by way of them",
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--paced", action="store_true", help="packets come in real time; late epochs lose anchors")
    pace.add_argument("--as-fast-as-possible", dest="paced", action="store_false", help="no waiting (the default)")
    add(
        "--find-max",
        action="store_true",
        help="the most streams in real time: paced runs, from --num-videos on",
    )
    add(
        "--against",
        nargs="+",
        choices=METHODS,
        default=[],
        metavar="METHOD",
        help="methods to measure after the run on the same actors, with their published settings, as fast as they go",
    )
    add("--against-videos", type=int, metavar="N", help="streams at once of those; default: one an encoder")
    add("--against-frames", type=int, default=240, metavar="N", help="frames a stream of those")
    parser.set_defaults(paced=False)
    despite_options(parser)
    options = parser.parse_args(argv)
    counts = ("num_videos", "num_frames", "duration", "resolution", "against_videos", "against_frames", "anchor_kbps")
    for name in counts:
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be 1 or more")
    if options.quality is not None and not 1 <= options.quality <= 100:
        parser.error("--quality must be 1 to 100")
    if options.num_gpus < 0:
        parser.error("--num-gpus must be 0 or more")
    if options.against and options.find_max:
        parser.error("--against needs a run of a given number of streams, not --find-max")
    model, policy, fraction = METHODS[options.method]
    options.num_videos = options.num_videos or (len(options.input) if options.input else 2)
    options.model_name = options.model_name or model
    options.policy = options.policy or policy
    options.fraction = fraction if options.fraction is None else options.fraction
    return options


def _fraction(text: str) -> float:
    try:
        return entry.fraction(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; the frame rate is -a") from None


def _share(text: str) -> float:
    if text == "none":
        return 0.0
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share < 1000:
        raise argparse.ArgumentTypeError(f"{text}: name a number such as 0.5, or none")
    return share


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = load_config(options.config, options.set)
    from ns_ray.jobs.work.benchmark import benchmark  # takes seconds, which --help and wrong settings do without

    benchmark(options, config)


if __name__ == "__main__":
    sys.exit(main())
