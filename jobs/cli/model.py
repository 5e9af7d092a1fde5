"""What the jobs on one model have in common on the command line: which model, of which content, at which LR size."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ns_ray import shipped
from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError
from ns_ray.jobs.cli import entry
from ns_ray.sr.checkpoints import checkpoint_folder, lr_size, trained_weights
from ns_ray.sr.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen.

    Attributes:
        spec: the model.
        size: LR columns and rows.
        folder: the checkpoint folder of the content, or the generic one.
        weights: the file of the model's weights.
        video: a video of the content, to check the model on.
    """

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
    add("-b", "--blocks", "--num-blocks", type=int, default=8, metavar="N", help="residual blocks, with -m edsr")
    add("-f", "--features", "--num-channels", type=int, default=32, metavar="N", help="channels, with -m edsr")
    add("-s", "--scale", type=int, default=3, metavar="N", help="HR/LR, with -m edsr")


def epoch_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says after which epoch of its training a model is meant."""
    parser.add_argument(
        "-e",
        "--epoch",
        type=int,
        metavar="N",
        help="take the weights after epoch N of the training, <model>_e<N>.pt; left out, the final ones, <model>.pt",
    )


def model_name(name: str, options: argparse.Namespace) -> str:
    """The model that --model names: `edsr` is the one of `edsr_options`."""
    return f"EDSR_B{options.blocks}_F{options.features}_S{options.scale}" if name.lower() == "edsr" else name


def model_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that choose a model; they have the published names."""
    made = entry.parser(description)
    add = made.add_argument
    add("-m", "--model", default="EDSR_B8_F32_S3", help="its name, or edsr with -b, -f and -s")
    edsr_options(made)
    add("-c", "--content", type=entry.name, help="the content it was trained on; left out, the weights that ship")
    add("-l", "--lr", default="720", metavar="ROWS", help="LR size: rows of 16:9 video, or COLUMNSxROWS")
    add("-d", "--duration", type=int, default=60, metavar="S", help="seconds of the training video, as in its name")
    epoch_option(made)
    add("--weights", type=Path, metavar="FILE", help="another file of weights")
    add("--frames", type=Path, metavar="VIDEO", help="video to check on (default: the content's, or the sample)")
    return made


def choose(options: argparse.Namespace) -> Chosen:
    """Reads the options of `model_parser`.

    Raises:
        ConfigError: the LR size makes no sense, a setting is wrong, or an epoch of what has none is named.
        ModelError: no such model, or nothing was trained on that content, or not so long.
    """
    load_config(options.config, options.set)  # for what is wrong with it: none of these jobs needs a setting
    spec = ModelSpec.parse(model_name(options.model, options))
    try:
        size = lr_size(options.lr)
    except ValueError:
        raise ConfigError(f"--lr {options.lr}: give rows, as 720, or columns and rows, as 1280x720") from None
    if options.epoch is not None and (options.weights or not options.content):
        raise ConfigError(f"--epoch {options.epoch}: epochs are those of a content's training; name it by -c")
    folder = checkpoint_folder(options.result_dir, options.content, size[1], options.duration)
    own = options.data_dir / str(options.content) / "video" / folder.name
    sample = shipped.found("dataset/sample/360p_700kbps_d4_test.webm")
    return Chosen(
        spec,
        size,
        folder,
        options.weights or trained_weights(folder, spec, options.content, options.epoch),
        options.frames or (own if own.exists() else sample),
    )
