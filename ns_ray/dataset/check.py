"""What is really in a written video, told from its packets and headers."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ns_ray.codecs.vp9.header import HeaderParser
from ns_ray.codecs.vp9.superframe import split
from ns_ray.picture.colors import Colors
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import VideoInfo, probe

_VP9_BT709 = 2  # color_space of the VP9 specification, section 7.2.2


@dataclass(frozen=True, slots=True)
class Structure:
    """A written video.

    Attributes:
        info: codec, size, frame rate.
        colors: the container's tags.
        frames: shown frames.
        keys: numbers of the key frames.
        hidden: frames that are coded but not shown; 0 where the codec is not VP9.
        late: numbers of frames, as they are shown, that are not at `number / frame rate`, to the container's accuracy.
        bitstream_bt709: whether every key frame's own header says BT.709, limited range; true where not VP9.
    """

    info: VideoInfo
    colors: Colors
    frames: int
    keys: tuple[int, ...]
    hidden: int
    late: tuple[int, ...]
    bitstream_bt709: bool


def inspect(path: Path, rate: Fraction) -> Structure:
    """Read all packets and, of VP9, all frame headers.

    Raises:
        NsRayError: the file cannot be read to its end, or breaks the VP9 specification.
    """
    info = probe(str(path))
    parser = HeaderParser()
    keys, times = [], []
    frames = hidden = 0
    bt709 = True
    for packet in read_packets(info):
        frames += 1
        if packet.key:
            keys.append(packet.video_index)
        times.append(packet.pts * info.time_base)
        for data in split(packet.data) if info.codec == "vp9" else ():
            header = parser.parse(data)
            hidden += not header.show
            bt709 &= not header.key or (header.color.color_space == _VP9_BT709 and not header.color.full_range)
    late = tuple(i for i, time in enumerate(sorted(times)) if abs(time - i / rate) > info.time_base)
    return Structure(info, info.colors, frames, tuple(keys), hidden, late, bt709)
