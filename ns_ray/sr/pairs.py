"""Pairs of videos, an LR one and its HR original, by their published names."""

import re
from pathlib import Path
from typing import NamedTuple

from ns_ray.errors import ModelError

_LR_NAME = re.compile(r"(\d+)p_\d+kbps_(.+)\.webm")


class VideoPair(NamedTuple):
    """An LR video, its HR original (of its scale or larger), and the collection both belong to."""

    collection: str
    lr: Path
    hr: Path


def find_pairs(data_dir: Path, scale: int, part: str = "train") -> list[VideoPair]:
    """All pairs under a directory, named as the published data set names them.

    `720p_4125kbps_d60_train.webm` pairs with `2160p_d60_train.webm` beside it; without an HR video of exactly `scale`
    times the rows the next larger one is taken, and scaled down when it is read. Only names that end in `part` count.

    Raises:
        ModelError: there is none.
    """
    pairs = []
    for lr in sorted(data_dir.rglob(f"*kbps*_{part}.webm")):
        match = _LR_NAME.fullmatch(lr.name)
        if match is None:
            continue
        originals = {int(path.name.partition("p_")[0]): path for path in lr.parent.glob(f"*[0-9]p_{match[2]}.webm")}
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
        if re.fullmatch(rf"{rows}p_\d+kbps_d{seconds}_{part}\.webm", pair.lr.name):
            return pair._replace(collection=content)
    raise ModelError(
        f"{data_dir / content / 'video'} has no {rows}p_<rate>kbps_d{seconds}_{part}.webm with an HR video: "
        "encode the content, or choose by --input-resolution and --duration"
    )
