"""Trains generic weights on all pairs of videos there are, all models together, for all sizes at once.

    python jobs/pretrain.py -m EDSR_B8_F16_S3 -m EDSR_B8_F32_S3
    python jobs/pretrain.py --set pretrain.start=shipped --set pretrain.minutes=30

Takes every pair `<LR>p_<rate>kbps_<name>_train.webm`, `<HR>p_<name>_train.webm` under the data directory; make more
out of still images with jobs/prepare_stills.py. Settings are those of `pretrain` in --config. Writes
RESULT_DIR/pretrain/<model>.pt, training.json, with the PSNR of frames held out, a checkpoint from which the same
command goes on, and TensorBoard logs. Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import sys

from ns_ray.config.load import load_config
from ns_ray.jobs.cli import entry
from ns_ray.sr.spec import SHIPPED


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    parser = entry.parser(__doc__)
    parser.add_argument("-m", "--model", action="append", help=f"may be repeated; default: {' and '.join(SHIPPED)}")
    options = parser.parse_args(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    settings = load_config(options.config, options.set).pretrain
    from ns_ray.jobs.work.pretrain import pretrain  # takes seconds, which --help and wrong settings do without

    pretrain(options, settings)


if __name__ == "__main__":
    sys.exit(main())
