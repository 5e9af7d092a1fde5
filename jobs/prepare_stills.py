"""Makes training material out of still images: pans over them, as HR video and as LR video at the published settings.

    python jobs/prepare_stills.py IMAGES... [--data-dir dataset] [--set stills.kept=3 ...]

For every image large and detailed enough it writes `DATA_DIR/stills/<image>-<height>/`, with an LR clip
(`360p_700kbps_d2_train.webm` or `720p_4125kbps_d1_train.webm`, every frame) and an HR one (`1080p_d2_train.webm` or
`2160p_d1_train.webm`, AV1, only the few frames that are trained on, at their own times).
Exit status: 0 done, 1 nothing could be made of the images, 2 wrong usage. Settings are those of `stills` in --config.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.config.load import load_config
from ns_ray.jobs.cli import entry


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    parser = entry.parser(__doc__)
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGES", help="image files, or directories of them")
    options = parser.parse_args(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    settings = load_config(options.config, options.set).stills
    from ns_ray.jobs.work.prepare_stills import prepare  # takes seconds, which --help and wrong settings do without

    prepare(options, settings)


if __name__ == "__main__":
    sys.exit(main())
