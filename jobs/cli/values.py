"""What options take: argparse types, which say what is wrong with a value."""

import argparse
import math
import re
from fractions import Fraction

from ns_ray.errors import ConfigError
from ns_ray.names import folder_name
from ns_ray.sr.checkpoints import lr_size

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
_MOST_RANKED = 0.2
_LAST_PORT = 65535


def count(text: str) -> int:
    """How many, of what there has to be some."""
    return _whole(text, 1)


def count_or_none(text: str) -> int:
    """How many; 0 does without."""
    return _whole(text, 0)


def even_count(text: str) -> int:
    """How many, in pairs."""
    value = _whole(text, 1)
    if value % 2:
        raise argparse.ArgumentTypeError(f"{text}: it must be even")
    return value


def index(text: str) -> int:
    """Which, counted from 0."""
    return _whole(text, 0)


def port(text: str) -> int:
    """Where to listen."""
    return _port(text, 1)


def port_or_any(text: str) -> int:
    """Where to listen; 0 takes any free one."""
    return _port(text, 0)


def _port(text: str, least: int) -> int:
    value = _whole(text, least)
    if value > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text}: it must be {_LAST_PORT} or less")
    return value


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: it must be a whole number, {least} or more") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"{text}: it must be {least} or more")
    return value


def number(text: str) -> float:
    """Any number that is one."""
    value = _real(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is no number that ends")
    return value


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no number") from None


def positive(text: str) -> float:
    """Seconds and the like, of which there have to be some."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text}: it must be above 0")
    return value


def not_negative(text: str) -> float:
    """Seconds and the like; 0 does without."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text}: it must be 0 or more")
    return value


def fraction(text: str) -> float:
    """From 0 to 1."""
    value = _real(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: fractions lie in 0..1")
    return value


def share(text: str) -> float:
    """Above 0, up to 1."""
    value = fraction(text)
    if not value:
        raise argparse.ArgumentTypeError(f"{text}: it must be above 0")
    return value


def ranked_share(text: str) -> float:
    """A share of frames that become anchors, of those that are ranked."""
    value = fraction(text)
    if not 0 < value <= _MOST_RANKED:
        raise argparse.ArgumentTypeError(
            f"{text}: it lies above 0, up to {_MOST_RANKED:g}, as no more frames are ranked"
        )
    return value


def quality(text: str) -> int:
    """Of images: 1 to 100."""
    value = count(text)
    if value > 100:
        raise argparse.ArgumentTypeError(f"{text}: qualities are 1 to 100")
    return value


def frame_rate(text: str) -> Fraction:
    """Frames a second, such as 60 or 60000/1001."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text} is no number of frames a second, such as 60 or 60000/1001") from None
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text}: it must be above 0")
    return value


def size(text: str) -> tuple[int, int]:
    """Columns and rows: `720` (of 16:9, columns made even), or `1280x720`."""
    try:
        return lr_size(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: give rows, as 720, or columns and rows, as 1280x720") from None


def device(text: str) -> str:
    """Where a DNN runs."""
    if not _DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text}: choose auto, cpu, cuda, or cuda:1 and so on")
    return text


def name(text: str) -> str:
    """What becomes part of a path."""
    try:
        return folder_name(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
