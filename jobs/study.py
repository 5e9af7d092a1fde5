"""Studies of anchors on real contents: what residual bytes tell, quality by distance, one choice for all or many.

    python jobs/study.py LR HR [LR HR ...] [-m EDSR_B8_F32_S3] [--fraction 0.075] [-n N] [--threads N]

LR is a VP9 or H.264 stream, HR the original of the same frames; a larger one is scaled down. Each frame is
super-resolved once for all of it, and each stream rebuilt in plain and best mode from anchors behind JPEG:
residual bytes against quality lost: bytes since the last anchor, by which gains are reckoned, and luma lost against
super-resolution of the frame itself; with anchors by gain, and with KEY frames alone.
PSNR by distance: luma over bilinear, and the share of SR's gain, by frames since the last anchor.
One choice for all or for each GPU: anchors chosen over all streams against among those of each GPU alone, as many in
all: by the proxy for --streams streams made of the contents, and in dB for the contents themselves, where the other
normalisers are tried, too. Contents should be of one LR size, as all anchors count as equally dear.
Writes a JSON file for each content as soon as it is measured, study.json with the figures of all, proxy.png,
distance.png and apart.png to a folder of the run's own in RESULT_DIR/evaluation/study/<model>, where `latest` leads to
it.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ns_ray.config.config import Config
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.despite import despite_options

MOST_CONTENTS = 12
"""So many that all ways to place them can be gone through."""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    weights = "files of weights, or folders that hold <model>.pt: one for all or one a pair; default: those that ship"
    names = "names of the pairs; default: the LR files', with their folders' where two are the same"
    vocabulary.pair_options(parser)
    vocabulary.model_option(parser)
    add("--weights", type=Path, nargs="+", default=[], metavar="PT", help=weights)
    add("--names", type=values.name, nargs="+", default=[], metavar="NAME", help=names)
    add("-f", "--fraction", type=values.ranked_share, default=0.075, metavar="X", help="anchors a shown frame")
    vocabulary.frames_option(parser, dest="frames")
    add("--gpus", type=values.count, nargs="+", default=[2, 3, 6], metavar="N", help="numbers of GPUs to compare")
    add("--streams", type=values.count, default=60, metavar="N", help="streams that are simulated")
    add(
        "--placements",
        type=values.count_or_none,
        default=15,
        metavar="N",
        help="measured for each number of GPUs; 0: none",
    )
    add("--threads", type=values.count, default=1, metavar="N", help="methods rebuilt at a time")
    vocabulary.engine_option(parser)
    add("-o", "--output", type=Path, metavar="DIR", help="where runs go; default: by the model")
    vocabulary.device_option(parser)
    despite_options(parser)
    options = parser.parse_args(argv)
    named = vocabulary.pairs_of(parser, options)
    options.videos, pairs = [path for pair in named for path in pair], len(named)
    if pairs > MOST_CONTENTS and options.placements:
        parser.error(f"of more than {MOST_CONTENTS} pairs no placements can be measured: say --placements 0")
    if len(options.weights) not in (0, 1, pairs) or len(options.names) not in (0, pairs):
        parser.error(f"--weights are one file or {pairs}, one a pair, and --names {pairs}")
    if options.streams < max(pairs, *options.gpus):
        parser.error("--streams must be as many as pairs and GPUs, or more")
    options.names = options.names or _names(options.videos[::2])
    if len({*options.names}) < pairs:
        parser.error(f"two pairs have the same name ({', '.join(options.names)}); give others by --names")
    return options


def _names(videos: Sequence[Path]) -> list[str]:
    counts = Counter(path.stem for path in videos)
    return [path.stem if counts[path.stem] == 1 else f"{path.absolute().parent.name}-{path.stem}" for path in videos]


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = _checked(options)
    from ns_ray.jobs.work.study import run  # takes seconds, which --help and wrong settings do without

    run(options, config)


def _checked(options: argparse.Namespace) -> Config:
    """The configuration; all that can be told to be wrong is raised at once."""
    checks = Checks()
    config = checks.settings(options)
    spec = checks.model(options.model)
    for lr, hr in zip(options.videos[::2], options.videos[1::2], strict=True):
        checks.source(lr, options.data_dir)
        checks.video(hr, options.data_dir)
    checks.engine(options.engine)
    files = [checks.weights(spec, path) for path in options.weights or [None]]
    options.weights = files if options.weights else []
    checks.folder(options.output or options.result_dir, "--output" if options.output else "--result-dir")
    checks.done()
    return config


if __name__ == "__main__":
    sys.exit(main())
