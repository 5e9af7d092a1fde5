"""Studies of anchors on real contents: what residual bytes tell, quality by distance, one choice for all or many.

    python jobs/study.py LR HR [LR HR ...] [-m EDSR_B8_F32_S3] [--fraction 0.075] [--frames N] [--threads N]

LR is a VP9 stream, HR the original of the same frames; a larger one is scaled down. Each frame is super-resolved once
for all of it, and each stream rebuilt in plain and best mode from anchors behind JPEG:
residual bytes against quality lost: bytes since the last anchor, by which gains are reckoned, and luma lost against
super-resolution of the frame itself; with anchors by gain, and with KEY frames alone.
PSNR by distance: luma over bilinear, and the share of SR's gain, by frames since the last anchor.
One choice for all or for each GPU: anchors chosen over all streams against among those of each GPU alone, as many in
all: by the proxy for --streams streams made of the contents, and in dB for the contents themselves, where the other
normalisers are tried, too. Contents should be of one LR size, as all anchors count as equally dear.
Writes a JSON file for each content as soon as it is measured, study.json with the figures of all, proxy.png,
distance.png and apart.png to a folder of the run's own in RESULT_DIR/evaluation/study/<model>, where `latest` leads to
it. Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ns_ray.config.load import load_config
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite_options

MOST_CONTENTS = 12
"""So many that all ways to place them can be gone through."""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    weights = "weights, one file for all pairs or one for each; the ones that ship where not said"
    names = "names of the pairs; default: the LR files', with their folders' where two are the same"
    add("videos", type=Path, nargs="+", metavar="LR HR", help="pairs of videos: paths, or ones below --data-dir")
    add("-m", "--model", default="EDSR_B8_F32_S3", help="what super-resolves")
    add("--weights", type=Path, nargs="+", default=[], metavar="FILE", help=weights)
    add("--names", type=entry.name, nargs="+", default=[], metavar="NAME", help=names)
    add("-f", "--fraction", type=float, default=0.075, metavar="X", help="anchors a shown frame")
    add("--frames", type=int, metavar="N", help="stop after N; all where not said")
    add("--gpus", type=int, nargs="+", default=[2, 3, 6], metavar="N", help="numbers of GPUs to compare")
    add("--streams", type=int, default=60, metavar="N", help="streams that are simulated")
    add("--placements", type=int, default=15, metavar="N", help="measured for each number of GPUs; 0: none")
    add("--threads", type=int, default=1, metavar="N", help="methods rebuilt at a time")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's, or torch where that is auto")
    add("--output", type=Path, metavar="DIR", help="where runs go; default: by the model")
    add("--device", default="auto", help="where it runs")
    despite_options(parser)
    options = parser.parse_args(argv)
    pairs = len(options.videos) // 2
    if len(options.videos) % 2:
        parser.error("videos come in pairs: LR HR [LR HR ...]")
    if pairs > MOST_CONTENTS and options.placements:
        parser.error(f"of more than {MOST_CONTENTS} pairs no placements can be measured: say --placements 0")
    if len(options.weights) not in (0, 1, pairs) or len(options.names) not in (0, pairs):
        parser.error(f"--weights are one file or {pairs}, one a pair, and --names {pairs}")
    if not 0 < options.fraction <= 0.2:
        parser.error("--fraction lies above 0, up to 0.2: no more frames than that are ranked")
    if min(options.threads, options.frames or 1, *options.gpus) < 1 or options.placements < 0:
        parser.error("--threads, --frames and --gpus must be 1 or more, --placements 0 or more")
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
    config = load_config(options.config, options.set)
    from ns_ray.jobs.work.study import run  # takes seconds, which --help and wrong settings do without

    run(options, config)


if __name__ == "__main__":
    sys.exit(main())
