"""Pairs of videos, an LR one and its HR original, by their published names."""

import re
from pathlib import Path
from typing import NamedTuple

from ns_ray.errors import ModelError

_FILE = r"\.(webm|mkv|mp4)"
_LR_NAME = re.compile(rf"(\d+)p_\d+kbps_(.+){_FILE}")


class VideoPair(NamedTuple):
    """An LR video, its HR original (of its scale or larger), and the collection both belong to."""

    collection: str
    lr: Path
    hr: Path


def find_pairs(data_dir: Path, scale: int, part: str = "train") -> list[VideoPair]:
    """All pairs under a directory, named as the published data set names them.

    `720p_4125kbps_d60_train.webm` (or `.mkv`, `.mp4`) pairs with `2160p_d60_train.webm` beside it; without an HR video
    of exactly `scale` times the rows the next larger one is taken, and scaled down when it is read. Only names that end
    in `part` count.

    Raises:
        ModelError: there is none.
    """
    pairs = []
    for lr in sorted(data_dir.rglob(f"*kbps*_{part}.*")):
        match = _LR_NAME.fullmatch(lr.name)
        if match is None:
            continue
        named = (re.fullmatch(rf"(\d+)p_{re.escape(match[2])}{_FILE}", path.name) for path in lr.parent.iterdir())
        originals = {int(found[1]): lr.with_name(found[0]) for found in named if found}
        rows = [height for height in sorted(originals) if height >= int(match[1]) * scale]
        if rows:
            pairs.append(VideoPair(lr.relative_to(data_dir).parts[0], lr, originals[rows[0]]))
    if not pairs:
        raise ModelError(
            f"no pairs of videos for {part} under {data_dir}: put <LR>p_<rate>kbps_<name>_{part}.webm and its "
            f"{scale} times larger <HR>p_<name>_{part}.webm there, or make some with jobs/prepare_stills.py"
        )
    return pairs


def content_pair(data_dir: Path, content: str, rows: int, seconds: int, scale: int, part: str = "train") -> VideoPair:
    """A content's pair, below `DATA_DIR/<content>/video/`, of the LR video of so many rows and seconds.

    Raises:
        ModelError: there is none.
    """
    for pair in find_pairs(data_dir / content / "video", scale, part):
        if re.fullmatch(rf"{rows}p_\d+kbps_d{seconds}_{part}{_FILE}", pair.lr.name):
            return pair._replace(collection=content)
    raise ModelError(
        f"{data_dir / content / 'video'} has no {rows}p_<rate>kbps_d{seconds}_{part}.webm with an HR video: "
        "encode the content, or choose by --input-resolution and --duration"
    )
