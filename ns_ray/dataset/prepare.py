"""Prepared videos: a part of a source, copied or encoded, checked, and told from any other by its record."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from ns_ray.dataset.check import Structure, inspect
from ns_ray.dataset.ladder import GOP
from ns_ray.dataset.source import Source, coded_packets, frames
from ns_ray.errors import MediaError, NsRayError
from ns_ray.video.webm import WebmWriter, copy_packets
from ns_ray.whole_file import read_record, write_record, writing

_SAMPLE_BYTES = 2**20
_FRAMES_A_REPORT = 10
CUT = ("source", "first_seconds", "last_seconds", "frame_rate")  # what a recipe says of the frames taken
COPYABLE = ("vp9", "av1")  # what WebM holds, and what is coded in the order of showing


@dataclass(frozen=True, slots=True)
class Output:
    """One prepared video.

    Attributes:
        path: where it goes.
        source: what it is made of.
        times: when its frames are shown in the source, in ticks.
        rate: frames a second.
        size: (width, height) in luma samples.
        codec: FFmpeg's name of the encoder; empty to copy the source's packets.
        options: of the encoder, by their FFmpeg names.
        hidden: it has to have hidden frames.
        threads: decoding threads; they change nothing of the result.
    """

    path: Path
    source: Source
    times: tuple[int, ...] = field(repr=False)
    rate: Fraction
    size: tuple[int, int]
    codec: str = ""
    options: dict[str, str] = field(default_factory=dict)
    hidden: bool = False
    threads: int = 1

    @property
    def record(self) -> Path:
        """The JSON file beside it that tells what it was made of."""
        return self.path.with_suffix(".json")


def can_copy(source: Source) -> bool:
    """Whether a source's packets can serve as they are: VP9 or AV1, 8 bit 4:2:0, BT.709 limited range."""
    return source.info.codec in COPYABLE and source.info.pixel_format == "yuv420p" and source.colors.standard


def prepared(output: Output) -> Structure | None:
    """What is in an output that was made before from the same source in the same way; None if it has to be made."""
    record = read_record(output.record)
    try:
        if record is None or record.pop("bytes", None) != output.path.stat().st_size or record != recipe(output):
            return None
        structure = inspect(output.path, output.rate)
    except (OSError, NsRayError):
        return None
    return None if problems(output, structure) else structure


def prepare(output: Output) -> Iterator[int]:
    """Make a video; it is there under its name only once it is whole and checked.

    Yields:
        The number of frames that are done.

    Raises:
        MediaError: the source is damaged, the file cannot be written, or what was written is not what was wanted.
    """
    output.record.unlink(missing_ok=True)
    with writing(output.path) as part:
        if output.codec:
            yield from _encode(output, part)
        else:
            copy_packets(part, output.source.path, coded_packets(output.source, output.times), output.rate)
        wrong = problems(output, inspect(part, output.rate))
        if wrong:
            raise MediaError(f"{output.path}: it did not come out as it should: {'; '.join(wrong)}")
    write_record(output.record, recipe(output) | {"bytes": output.path.stat().st_size})
    yield len(output.times)


def _encode(output: Output, part: Path) -> Iterator[int]:
    writer = WebmWriter(part, output.codec, output.size, output.rate, output.options)
    try:
        for index, frame in enumerate(frames(output.source, output.times, output.size, output.threads)):
            writer.write(frame, index)
            if index % _FRAMES_A_REPORT == 0:
                yield index
    except BaseException:
        writer.abandon()
        raise
    writer.close()


def problems(output: Output, found: Structure) -> list[str]:
    """What differs from what was wanted, in words; nothing where all is well."""
    wrong = []
    if found.frames != len(output.times):
        wrong.append(f"{found.frames} frames instead of {len(output.times)}")
    if (found.info.width, found.info.height) != output.size:
        wrong.append(f"{found.info.width}x{found.info.height} instead of {output.size[0]}x{output.size[1]}")
    if found.info.pixel_format != "yuv420p":
        wrong.append(f"pixel format {found.info.pixel_format} instead of yuv420p")
    if not found.colors.standard or not found.bitstream_bt709:
        wrong.append(f"colours {found.colors} instead of BT.709, limited range")
    if found.late:
        wrong.append(f"frame {found.late[0]} is not shown at {found.late[0]} / {float(output.rate):g} s")
    if found.keys[:1] != (0,):
        wrong.append("no key frame first")
    for key, following in pairwise((*found.keys, found.frames)):
        if output.codec and following - key > GOP:  # encoders add key frames at scene cuts; a copy keeps its own
            wrong.append(f"{following - key} frames from key frame {key} to the next instead of at most {GOP}")
            break
    if output.hidden and not found.hidden:
        wrong.append("no hidden frame; if the pictures leave none, set encode.require_hidden=false")
    return wrong


def recipe(output: Output) -> dict[str, Any]:
    """All that decides what an output holds, as JSON has it."""
    base = output.source.info.time_base
    return {
        "source": fingerprint(Path(output.source.path)),
        "first_seconds": str((output.times[0] - output.source.start) * base),
        "last_seconds": str((output.times[-1] - output.source.start) * base),
        "frames": len(output.times),
        "frame_rate": str(output.rate),
        "size": list(output.size),
        "codec": output.codec or "copy",
        "options": output.options,
    }


def fingerprint(path: Path) -> str:
    """A file's length and a digest of its two ends, which tell files apart without reading gigabytes."""
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(_SAMPLE_BYTES))
        length = file.seek(0, 2)
        file.seek(max(0, length - _SAMPLE_BYTES))
        digest.update(file.read(_SAMPLE_BYTES))
    return f"{length} bytes, {digest.hexdigest()[:32]}"
