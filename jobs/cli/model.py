"""What the jobs on one model have in common on the command line: which model, of which content, at which LR size."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ns_ray import shipped
from ns_ray.config.config import Config
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks, required
from ns_ray.sr.checkpoints import checkpoint_folder
from ns_ray.sr.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen.

    Attributes:
        config: the machine's.
        spec: the model.
        size: LR columns and rows.
        folder: the checkpoint folder of the content, or the generic one.
        weights: the file of the model's weights.
        video: a video of the content, to check the model on.
    """

    config: Config
    spec: ModelSpec
    size: tuple[int, int]
    folder: Path
    weights: Path
    video: Path

    @property
    def models(self) -> Path:
        """Where the model's files are."""
        return self.folder / self.spec.name


def edsr_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which model `-m edsr` is; see `model_name`."""
    add = parser.add_argument
    add(
        "-b",
        "--num-blocks",
        "--blocks",
        type=values.count,
        default=8,
        metavar="N",
        help="residual blocks, with -m edsr",
    )
    add("-f", "--num-channels", "--features", type=values.count, default=32, metavar="N", help="channels, with -m edsr")
    add("-s", "--scale", type=values.count, default=3, metavar="N", help="HR/LR, with -m edsr")


def epoch_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says after which epoch of its training a model is meant."""
    parser.add_argument(
        "-e",
        "--epoch",
        type=values.count,
        metavar="N",
        help="take the weights after epoch N of the training, <model>_e<N>.pt; left out, the final ones, <model>.pt",
    )


def model_name(name: str, options: argparse.Namespace) -> str:
    """The model that --model names: `edsr` is the one of `edsr_options`."""
    return f"EDSR_B{options.num_blocks}_F{options.num_channels}_S{options.scale}" if name.lower() == "edsr" else name


def model_parser(description: str | None, failed: str = "failed (said why)") -> entry.Parser:
    """A parser with the options that choose a model; published spellings are understood.

    Args:
        description: the job's.
        failed: when it exits with status 1.
    """
    made = entry.parser(description, failed)
    add = made.add_argument
    vocabulary.model_option(made, what="the DNN, or edsr with -b, -f and -s")
    edsr_options(made)
    what = "the content it was trained on; default: none, and the weights that ship"
    add("-c", "--content", type=values.name, metavar="NAME", help=what)
    what = "LR size: rows of 16:9 video, or COLUMNSxROWS"
    vocabulary.resolution_option(made, "-l", "--lr", default="720", take=values.size, what=what)
    what = "seconds of the training video, as in its name"
    add("-d", "--duration", type=values.count, default=60, metavar="S", help=what)
    epoch_option(made)
    vocabulary.weights_option(made, "those of the content, or those that ship")
    vocabulary.input_option(made, "video to check on; default: the content's, or the sample")
    return made


def choose(options: argparse.Namespace) -> Chosen:
    """Reads the options of `model_parser`, and checks what they name.

    Raises:
        NsRayError: something is wrong with it; all of it is named.
    """
    checks = Checks()
    config = checks.settings(options)
    spec = checks.model(model_name(options.model, options))
    if options.epoch is not None and (options.weights or not options.content):
        checks.wrong(f"--epoch {options.epoch}: epochs are those of a content's training; name it by -c")
    size = options.input_resolution
    folder = checks(checkpoint_folder, options.result_dir, options.content, size[1], options.duration)
    weights = None
    if spec is not None and folder is not None:
        trained = folder / spec.name if options.content and not options.weights else None
        weights = checks.weights(spec, options.weights or trained, options.epoch if trained else None)
    video = Path(options.input or shipped.found("dataset/sample/360p_700kbps_d4_test.webm"))
    if folder is not None and not options.input:
        own = options.data_dir / str(options.content) / "video" / folder.name
        video = own if own.exists() else video
    info = checks.video(video, options.data_dir)
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    return Chosen(config, required(spec), size, required(folder), required(weights), Path(required(info).path))
