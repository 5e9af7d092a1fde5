"""Makes training material out of still images: pans over them, as HR video and as LR video at the published settings.

    python jobs/prepare_stills.py IMAGES... [--data-dir dataset] [--set stills.kept=3 ...]

For every image large and detailed enough it writes `DATA_DIR/stills/<image>-<height>/`, with an LR clip
(`360p_700kbps_d2_train.webm` or `720p_4125kbps_d1_train.webm`, every frame) and an HR one (`1080p_d2_train.webm` or
`2160p_d1_train.webm`, AV1, only the few frames that are trained on, at their own times). With `stills.codec=h264` LR
clips are encoded as streamers send them, `stills.scale` times smaller than HR.
Settings are those of `stills` in --config.
"""

import argparse
import os
import sys
from pathlib import Path

from ns_ray.jobs.cli import entry, vocabulary
from ns_ray.jobs.cli.checks import Checks


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    parser = entry.parser(__doc__, failed="nothing could be made of the images")
    what = "image files, or folders of them"
    parser.add_argument("images", nargs="*", metavar="IMAGES", help=f"{what}; the same as -i IMAGES")
    vocabulary.input_option(parser, what, metavar="IMAGE", many=True)
    options = parser.parse_args(argv)
    options.images = [Path(image) for image in (*options.images, *(options.input or ()))]
    if not options.images:
        parser.error("name IMAGES, in their place or by -i")
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    settings = checks.settings(options).stills
    for image in options.images:
        checks(os.stat, image)
    checks.folder(options.data_dir, "--data-dir")
    checks.done()
    from ns_ray.jobs.work.prepare_stills import prepare  # takes seconds, which --help and wrong settings do without

    prepare(options, settings)


if __name__ == "__main__":
    sys.exit(main())
