"""Which video a benchmark takes: the one named, the content's prepared one, or one of those that ship."""

import argparse
from pathlib import Path

from ns_ray import shipped
from ns_ray.config.config import Config
from ns_ray.dataset.ladder import LADDER, PUBLISHED_HEIGHT, hr_name, video_folder
from ns_ray.errors import ConfigError
from ns_ray.jobs.cli import entry, values, vocabulary

_SAMPLE_HR = "dataset/sample/1080p_d4_test.webm"


def video_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a content's video, and the machine; they have the published names."""
    add = parser.add_argument
    add("-c", "--content", type=values.name, default="lol0", metavar="NAME", help="whose prepared video is taken")
    what = "duration in the names of prepared videos"
    add("-d", "--duration", type=values.count, default=600, metavar="S", help=what)
    what = "another video, a path or one below --data-dir; where the content has none, the sample is taken"
    vocabulary.input_or_instance_options(parser, what)


def lr_video(options: argparse.Namespace, config: Config) -> Path:
    """The LR test video at `options.input_resolution`, or else the configuration's first input.

    Raises:
        ConfigError: there is neither.
    """
    if options.input:
        return entry.found(Path(options.input), options.data_dir)
    if options.input_resolution not in LADDER:
        raise ConfigError(
            f"--input-resolution {options.input_resolution}: prepared videos have {', '.join(map(str, LADDER))} rows"
        )
    name = LADDER[options.input_resolution].name(options.duration, "test")
    prepared = video_folder(options.data_dir, options.content) / name
    if prepared.exists():
        return prepared
    if not config.inputs:
        raise ConfigError(f"{prepared} is not there: name a video by --input, or make it by jobs/encode.py")
    return shipped.found(config.inputs[0])


def hr_video(options: argparse.Namespace) -> Path:
    """The content's HR test video, or else the sample's."""
    if options.input:
        return entry.found(Path(options.input), options.data_dir)
    prepared = video_folder(options.data_dir, options.content) / hr_name(PUBLISHED_HEIGHT, options.duration, "test")
    return prepared if prepared.exists() else shipped.found(_SAMPLE_HR)
