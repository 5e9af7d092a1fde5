"""Which video a benchmark takes: the one named, the content's prepared one, or one of those that ship."""

import argparse
from pathlib import Path

from ns_ray import shipped
from ns_ray.config.config import Config
from ns_ray.dataset.ladder import LADDER, PUBLISHED_HEIGHT, hr_name, video_folder
from ns_ray.errors import ConfigError
from ns_ray.jobs.cli import entry

_SAMPLE_HR = "dataset/sample/1080p_d4_test.webm"


def video_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a content's video, and the machine; they have the published names."""
    add = parser.add_argument
    add("-c", "--content", type=entry.name, default="lol0", metavar="NAME", help="whose prepared video is taken")
    add("-d", "--duration", type=int, default=600, metavar="S", help="duration in the names of prepared videos")
    add("--input", type=Path, metavar="VIDEO", help="another video; where the content has none, the sample is taken")
    instance_option(parser)


def instance_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the machine."""
    parser.add_argument(
        "-i",
        "--instance",
        type=entry.name,
        metavar="NAME",
        help="name of the machine in results; default: the configuration's",
    )


def lr_video(options: argparse.Namespace, config: Config) -> Path:
    """The LR test video at `options.resolution`, or else the configuration's first input.

    Raises:
        ConfigError: there is neither.
    """
    if options.input:
        return entry.found(options.input, options.data_dir)
    if options.resolution not in LADDER:
        raise ConfigError(f"--resolution {options.resolution}: prepared videos have {', '.join(map(str, LADDER))} rows")
    name = LADDER[options.resolution].name(options.duration, "test")
    prepared = video_folder(options.data_dir, options.content) / name
    if prepared.exists():
        return prepared
    if not config.inputs:
        raise ConfigError(f"{prepared} is not there: name a video by --input, or make it by jobs/encode.py")
    return shipped.found(config.inputs[0])


def hr_video(options: argparse.Namespace) -> Path:
    """The content's HR test video, or else the sample's."""
    if options.input:
        return entry.found(options.input, options.data_dir)
    prepared = video_folder(options.data_dir, options.content) / hr_name(PUBLISHED_HEIGHT, options.duration, "test")
    return prepared if prepared.exists() else shipped.found(_SAMPLE_HR)
