"""Trains generic weights on all pairs of videos there are, all models together, for all sizes at once.

    python jobs/pretrain.py -m EDSR_B8_F16_S3 -m EDSR_B8_F32_S3
    python jobs/pretrain.py --set pretrain.start=shipped --set pretrain.minutes=30

Takes every pair `<LR>p_<rate>kbps_<name>_train.webm`, `<HR>p_<name>_train.webm` under the data directory; make more
out of still images with jobs/prepare_stills.py. Settings are those of `pretrain` in --config. Writes
RESULT_DIR/pretrain/<model>.pt, training.json, with the PSNR of frames held out, a checkpoint from which the same
command goes on, and TensorBoard logs.
"""

import argparse
import sys

from ns_ray.jobs.cli import entry, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.sr.pairs import find_pairs
from ns_ray.sr.spec import USUAL


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    parser = entry.parser(__doc__)
    vocabulary.models_option(parser)
    options = parser.parse_args(argv)
    options.model = list(dict.fromkeys(options.model or USUAL))
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    settings = checks.settings(options).pretrain
    specs = [spec for name in options.model if (spec := checks.model(name)) is not None]
    if len({spec.scale for spec in specs}) > 1:
        checks.wrong(f"--model {' '.join(options.model)}: they enlarge by several scales; train them one by one")
    for spec in specs:
        checks(find_pairs, options.data_dir, spec.scale)
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    from ns_ray.jobs.work.pretrain import pretrain  # takes seconds, which --help and wrong settings do without

    pretrain(options, settings)


if __name__ == "__main__":
    sys.exit(main())
