"""Which videos of a dataset list a job is about, as told on its command line."""

import argparse
from pathlib import Path

from ns_ray import shipped
from ns_ray.dataset.dataset_list import Video, read_list
from ns_ray.dataset.raw import raw_path
from ns_ray.errors import ConfigError, MediaError
from ns_ray.jobs.cli import values


def list_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which videos a job is about."""
    parser.add_argument(
        "--xls-name",
        "--xls-path",
        dest="xls",
        type=Path,
        default=Path("dataset_ae.xls"),
        metavar="XLS",
        help="the dataset list: a path, or a name in DATA_DIR or among those that ship",
    )
    parser.add_argument(
        "-c",
        "--content",
        type=values.name,
        nargs="+",
        metavar="NAME",
        help="only these of the list, such as lol0",
    )


def _find(xls: Path, data_dir: Path) -> Path:
    """The list's path: as told, in the data folder, or shipped; raises MediaError if it is at none of them."""
    places = (xls, data_dir / xls, shipped.FOLDER / "dataset" / xls)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise MediaError(f"{xls}: there is no such dataset list, nor in {data_dir}; check --xls-name")
    return found


def videos_of(options: argparse.Namespace, beside: Path | None = None) -> list[Video]:
    """The videos that the options of `list_options` choose.

    Args:
        options: the command line.
        beside: a folder whose videos --content may name, too; they start at 0.

    Raises:
        ConfigError: --content names one that is nowhere.
        MediaError: the list cannot be read.
    """
    path = _find(options.xls, options.data_dir)
    listed = {video.name: video for video in read_list(path)}
    videos = []
    for name in dict.fromkeys(options.content or listed):
        if name not in listed and (beside is None or raw_path(beside, name) is None):
            there = "" if beside is None else f", and {beside} holds no {name}"
            raise ConfigError(f"--content {name}: {path} lists {', '.join(listed)}{there}")
        videos.append(listed.get(name) or Video(name, ""))
    return videos
