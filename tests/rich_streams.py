"""Hybrid streams of the tests: made from any source file, and sources with sound, subtitles and tags."""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from jpeg_anchors import encode_anchor

from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.video.packets import Packet, SidePacket
from ns_ray.video.tracks import header_of

SRT = "1\n00:00:00,100 --> 00:00:00,400\nFirst\n\n2\n00:00:00,500 --> 00:00:00,900\nSecond\n\n"


def ffmpeg(*arguments: object) -> str:
    """Run FFmpeg as a program; gives what it says."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-y", *(str(one) for one in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or arguments[-2] == "-i", done.stderr
    return done.stderr


def source(path: Path, video: Path, *options: object, audio: str | None = None, subtitles: str | None = None) -> Path:
    """A file with the packets of `video`, a tone and two subtitles, by these codecs."""
    inputs: list[object] = []
    maps: list[object] = ["-map", "0:v"]
    if audio:
        inputs += ["-f", "lavfi", "-i", "sine=frequency=440:duration=1"]
        maps += ["-map", "1:a", "-c:a", audio, "-metadata:s:a:0", "language=fra"]
    if subtitles:
        text = path.with_suffix(".srt")
        text.write_text(SRT)
        inputs += ["-i", text]
        maps += ["-map", f"{2 if audio else 1}:s", "-c:s", subtitles, "-metadata:s:s:0", "language=deu"]
    before = [one for one in options if str(one).startswith("<")]
    after = [one for one in options if not str(one).startswith("<")]
    ffmpeg(*(str(one)[1:] for one in before), "-i", video, *inputs, *maps, "-c:v", "copy", *after, path)
    return path


@dataclass
class Read:
    """All of a source: what `header_of` tells, and its packets."""

    format: HybridFormat
    packets: list[Packet]
    sides: list[SidePacket]
    notes: tuple[str, ...]

    def anchors(self, every: int = 13) -> list[AnchorImage]:
        """Flat pictures, the brightness of which tells the packet."""
        assert self.format.anchor_size
        width, height = self.format.anchor_size
        return [
            encode_anchor(np.full((height, width, 3), 40 + number, np.uint8), number, 0, 90)
            for number in range(0, len(self.packets), every)
        ]


def read(path: Path, scale: int | None = 2, *, rate: Fraction | None = None) -> Read:
    """Read a source file whole."""
    with av.open(str(path)) as container:
        header, tracks, streams, notes = header_of(container)
        video = container.streams.video[0]
        size = video.codec_context.width, video.codec_context.height
        base = Fraction(video.time_base)
        rate = rate or Fraction(video.average_rate or 30)
        packets, sides = [], []
        for one in container.demux(video, *streams):
            if not one.size:
                continue
            what = bytes(one), one.pts, one.duration or 0, one.is_keyframe
            if one.stream.index == video.index:
                packets.append(Packet(len(packets), *what))
            else:
                sides.append(SidePacket(streams.index(one.stream), *what))
    larger = (size[0] * scale, size[1] * scale) if scale else None
    return Read(HybridFormat(size, larger, rate, base, tracks, header), packets, sides, notes)


def write(path: Path, what: Read, *, epoch: int = 20, whole: bool = True) -> Path:
    """Write a hybrid stream epoch by epoch, and finish it."""
    part = path.with_name(f"{path.name}.part")
    offset, left = 0, list(what.sides)
    anchors = what.anchors() if what.format.anchor_size else []
    for start in range(0, len(what.packets), epoch):
        packets = what.packets[start : start + epoch]
        last = start + epoch >= len(what.packets)
        until = (packets[-1].pts + packets[-1].duration) * what.format.time_base
        due = []
        while left and (last or left[0].pts * what.format.sides[left[0].track].time_base < until):
            due.append(left.pop(0))
        here = [one for one in anchors if start <= one.video_index < start + epoch]
        offset = append_epoch(part, what.format, offset, packets, here, due)
    if whole:
        finish(part, path, what.format)
        return path
    return part
