"""Where a source video is cut: which of its frames are train and test."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from ns_ray.dataset.ladder import Part
from ns_ray.dataset.source import Source, frame_times
from ns_ray.errors import MediaError

_TOLERANCE = Fraction(5, 1000)  # 59.94 frames a second pass for 60
_KEY_SECONDS = 30  # how far beyond train the key frame that begins a copied test part may be


@dataclass(frozen=True, slots=True)
class Cut:
    """The parts of a source.

    Attributes:
        rate: frames a second of the parts.
        aligned: each part is a run of frames that begins at a key frame, so that its packets can be copied.
        times: of each part, when its frames are shown in the source, in ticks.
    """

    rate: Fraction
    aligned: bool
    times: dict[Part, tuple[int, ...]]


def cut(source: Source, start: float, seconds: int, rate: Fraction, aligned: bool) -> Cut:
    """Choose the frames of train and of test, which follows it.

    Args:
        source: the video.
        start: second of the source at which train begins.
        seconds: duration of each part.
        rate: frames a second; a source of a multiple of it gives every second, third, ... frame.
        aligned: begin each part at a key frame (the next one); given up where key frames are too rare for that.

    Raises:
        MediaError: the source is too short, of another frame rate, or of no constant one.
    """
    step = _step(source, rate)
    out_rate = source.info.frame_rate / step
    count = round(seconds * out_rate)
    since = Fraction(start)
    if aligned and step == 1:
        times, keys = frame_times(source, since, since + 2 * seconds + _KEY_SECONDS)
        starts = _key_starts(times, keys, count)
        if starts is not None:
            return Cut(out_rate, True, _parts(source, times, starts, count, 1))
    times, _ = frame_times(source, since, since + 2 * seconds + 1)
    if len(times) < 2 * count * step:
        raise MediaError(
            f"{source.path}: it has {float(len(times) / source.info.frame_rate):.1f} s from {start:g} s on, but train "
            f"and test take {2 * seconds} s; choose a shorter --duration or an earlier --start"
        )
    return Cut(out_rate, False, _parts(source, times, (0, count * step), count, step))


def _step(source: Source, rate: Fraction) -> int:
    have = source.info.frame_rate
    step = max(1, round(have / rate))
    if abs(have / (step * rate) - 1) > _TOLERANCE:
        raise MediaError(
            f"{source.path}: it has {float(have):g} frames/s, from which {float(rate):g} cannot be taken without "
            f"making up or unevenly dropping frames; choose --frame-rate {float(have):g}, or another source"
        )
    return step


def _key_starts(times: Sequence[int], keys: Sequence[int], count: int) -> tuple[int, int] | None:
    """Indices into `times` of the key frames that begin train and test; None where a part would not be whole."""
    position = {time: index for index, time in enumerate(times)}
    indices = [position[key] for key in keys]
    if not indices:
        return None
    train = indices[0]
    test = next((index for index in indices if index >= train + count), None)
    return None if test is None or test + count > len(times) else (train, test)


def _parts(
    source: Source, times: Sequence[int], starts: tuple[int, int], count: int, step: int
) -> dict[Part, tuple[int, ...]]:
    train, test = (times[at : at + count * step] for at in starts)
    for part in (train, test):
        _require_constant(source, part)
    return {"train": tuple(train[::step]), "test": tuple(test[::step])}


def _require_constant(source: Source, times: Sequence[int]) -> None:
    half = source.interval / 2
    for before, after in pairwise(times):
        if not half < after - before < 3 * half:
            at = float((before - source.start) * source.info.time_base)
            raise MediaError(
                f"{source.path}: after the frame at {at:.3f} s the next comes "
                f"{float((after - before) / source.interval):.2f} frames later; make its frame rate constant "
                "(ffmpeg -vf fps=60), or choose another --start"
            )
