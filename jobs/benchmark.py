"""Enhance live streams and measure it: VP9 or H.264 in, hybrid streams (or video encoded anew) out.

Without --input it takes the test video of --content at --input-resolution from --data-dir; if that is not there, the
configuration's inputs.

SIGINT (Ctrl-C) and SIGTERM (`ray job stop`) end a run early: it reads no more, gives epochs in work `stop_seconds` of
the configuration, finishes all files, writes its report and exits with status 1. A second signal ends it at once.
"""

import argparse
import sys
from typing import get_args

from ns_ray.anchors.normalisers import Normaliser
from ns_ray.anchors.policies import Horizon, Ranked
from ns_ray.config.config import Config
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.despite import despite, despite_options
from ns_ray.jobs.cli.methods import METHODS
from ns_ray.jobs.cli.run_sources import (
    inputs_of,
    references_of,
    require_method,
    require_original,
    require_rate,
    weights_of,
)
from ns_ray.picture.coding import CODECS

POLICIES = ("fraction", "budget", "uniform", "uniform-coded", "per-frame", "key")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(
        __doc__, failed="nothing could be run, a stream was refused or failed (the others are whole), or stopped early"
    )
    add = parser.add_argument
    num_gpus = ("-g", "--num-gpus", "--gpus")
    what = "GPUs, one enhancer each; 0 enhances on the CPU"
    add(*num_gpus, type=values.count_or_none, default=0, metavar="N", help=what)
    num_videos = ("-v", "--num-videos", "--videos")
    add(*num_videos, type=values.count, metavar="N", help="streams at once; default: one an --input, or else 2")
    what = "VP9 or H.264 videos, files or URLs; taken in turn where there are more streams"
    vocabulary.input_or_instance_options(parser, what, many=True)
    vocabulary.frames_option(parser, 240, "frames a stream; a shorter video is repeated", dest="num_frames")
    add("-d", "--duration", type=values.count, default=60, metavar="S", help="duration in the names of prepared videos")
    what = "the DNN, such as EDSR_B8_F32_S3; default: the method's"
    vocabulary.model_option(parser, None, what, dest="model_name")
    add("-c", "--content", type=values.name, default="lol0", metavar="NAME", help="whose prepared video is taken")
    what = "LR height in the names of prepared videos"
    vocabulary.resolution_option(parser, "-r", "--resolution", dest="resolution", what=what)
    add("-s", "--scale", type=values.count, metavar="S", help="HR over LR; must be the model's")
    frame_rate = ("-a", "--frame-rate", "--framerate")
    add(*frame_rate, type=values.positive, metavar="FPS", help="refuse videos of another frame rate")
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
    add(
        "--quality",
        type=values.quality,
        metavar="Q",
        help="of anchors, 1 to 100; default: by the codec and the fraction",
    )
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument(
        "--anchor-share",
        type=_share,
        metavar="S",
        help="bits that anchors take at most for one of the video, over 2 s; 0 or none: any number. Their quality is "
        "lowered for it from --quality (95 where that is not said), some are left out. Default: 1, from the codec's "
        "own quality; none for jpeg, or with --quality alone",
    )
    rate.add_argument("--anchor-kbps", type=values.count, metavar="N", help="the same, in kbit/s")
    vocabulary.weights_option(parser, more=" or, where it has none, a file a stream, in order of their names")
    add(
        "--own-weights",
        action="store_true",
        help="give each stream weights of its own: copies of --weights, changed a little",
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
    add("--keep-going", action="store_true", help="enhance the others where an --input cannot be")
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
    add("--against-videos", type=values.count, metavar="N", help="streams at once of those; default: one an encoder")
    add("--against-frames", type=values.count, default=240, metavar="N", help="frames a stream of those")
    parser.set_defaults(paced=False)
    despite_options(parser)
    options = parser.parse_args(argv)
    options.told = entry.told(parser, options)
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
        return values.fraction(text)
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
    config = _checked(options)
    from ns_ray.jobs.work.benchmark import benchmark  # takes seconds, which --help and wrong settings do without

    benchmark(options, config)


def _checked(options: argparse.Namespace) -> Config:
    """The configuration; all that can be told to be wrong without Ray is raised at once."""
    checks, sources = Checks(), Checks()
    config = checks.settings(options)
    spec = checks.model(options.model_name)
    if spec is not None and options.scale not in (None, spec.scale):
        checks.wrong(f"--scale {options.scale}: {spec} enlarges {spec.scale} times; name another model")
    known = options.input or config != Config()  # of a configuration that cannot be read no inputs are missed
    inputs = (checks(inputs_of, options, config) if known else None) or []
    for path in dict.fromkeys(inputs):
        info = sources.source(path, unsafe=options.unsafe_input)
        if info is not None:
            sources(require_rate, info, options.frame_rate)
            sources(require_method, "--method", options.method, info)
            for method in options.against:
                sources(require_method, "--against", method, info)
    if not options.keep_going:
        checks.add(sources)
    references = checks(references_of, options, config, inputs) if spec or options.reference else None
    if options.reference and spec is not None:
        for lr, hr in (references or {}).items():
            checks(require_original, lr, hr, spec.scale, despite(options))
    for file in checks(weights_of, options) or ():
        checks.weights(spec, file)
    checks.folder(options.result_dir, "--result-dir")
    if config.output.url:
        from ns_ray.object_store import require_store  # fsspec takes a while

        checks(require_store, config.output.url)
    checks.done()
    return config


if __name__ == "__main__":
    sys.exit(main())
