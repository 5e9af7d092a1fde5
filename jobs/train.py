"""Train models on contents, each from generic weights, as published: by default 20 epochs of 1000 steps.

    python jobs/train.py -c lol0                                        both published models, 720p -> 2160p
    python jobs/train.py -g 0 -c lol0 -l 720 -h 2160 -s 3 -b 8 -f 32 -m edsr       as published
    python jobs/train.py -c lol0 gta0                                   contents side by side
    python jobs/train.py -c lol0 -l 360 --set train.epochs=1            settings are those of `train` in --config

Of DATA_DIR/<content>/video it takes <LR>p_<rate>kbps_d<duration>_train.webm and its HR video. It writes the folders
RESULT_DIR/<content>/checkpoint/<LR video>/<model>/ with <model>.pt, the weights after each epoch, <model>_e1.pt and so
on, training.json, a checkpoint from which the same command goes on, and TensorBoard logs. Trainings spread over the
GPUs, or where there are none over the CPUs, of a Ray of its own or the one it is submitted to.
"""

import argparse
import sys

from ns_ray.errors import ModelError
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.model import edsr_options, epoch_option, model_name
from ns_ray.sr.pairs import content_pair
from ns_ray.sr.spec import USUAL, ModelSpec


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, conflicts="resolve")  # as published, -h is HR; help is --help
    add = parser.add_argument
    add(
        "-c",
        "--content",
        type=values.name,
        nargs="+",
        default=["lol0"],
        metavar="NAME",
        help="contents to train on, each for itself",
    )
    vocabulary.models_option(parser, "models, or edsr with -b, -f and -s")
    edsr_options(parser)
    vocabulary.resolution_option(parser, "-l", "--lr")
    what = "rows of HR; default: those of LR times the scale"
    vocabulary.resolution_option(parser, "-h", "--hr", which="output", default=None, what=what)
    add("-d", "--duration", type=values.count, default=60, metavar="S", help="seconds of the videos, as in their names")
    add("-g", "--gpus", nargs="+", metavar="INDEX", help="GPUs of this machine to train on; default: all")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: GPUs if Ray offers any")
    vocabulary.weights_option(parser, "those that ship", ", to start from")
    epoch_option(parser)
    options = parser.parse_args(argv)
    if options.epoch is not None and options.weights is None:
        parser.error("--epoch is of the training that --weights names")
    options.model = list(dict.fromkeys(model_name(name, options) for name in options.model or USUAL))
    options.content = list(dict.fromkeys(options.content))
    for name in options.model:
        try:
            scale = ModelSpec.parse(name).scale
        except ModelError as error:
            parser.error(f"--model: {error}")
        rows = options.input_resolution * scale
        if options.output_resolution not in (None, rows):
            parser.error(
                f"--output-resolution {options.output_resolution}: {name} makes {rows} rows of "
                f"{options.input_resolution}"
            )
    if len(options.model) > 1 and options.weights is not None and options.weights.is_file():
        parser.error("--weights: of several models name a folder, with a file of each")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    checks = Checks()
    config = checks.settings(options)
    for name in options.model:
        spec = ModelSpec.parse(name)
        checks.weights(spec, options.weights, options.epoch)
        for content in options.content:
            rows = options.input_resolution
            checks(content_pair, options.data_dir, content, rows, options.duration, spec.scale)
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    from ns_ray.jobs.work.train import train  # takes seconds, which --help and wrong settings do without

    train(options, config)


if __name__ == "__main__":
    sys.exit(main())
