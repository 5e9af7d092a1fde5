"""Small real streams for the tests: the shipped sample, decoded, scaled and encoded anew."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.encode import VideoEncoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

SAMPLE = Path(__file__).resolve().parents[1] / "dataset" / "sample" / "360p_700kbps_d4_test.webm"

REALTIME = {"deadline": "realtime", "cpu-used": "8", "b": "150k", "g": "30"}
# With one pass, hidden frames come out where the encoder may look ahead and is not forced to be quick.
HIDDEN = {"deadline": "good", "cpu-used": "5", "b": "150k", "g": "40", "auto-alt-ref": "1", "lag-in-frames": "16"}


@cache
def pictures(count: int) -> tuple[Yuv420, ...]:
    """The first frames of the sample."""
    info = probe(str(SAMPLE))
    packets = [packet for packet, _ in zip(read_packets(info), range(count), strict=False)]
    frames = VideoDecoder(info).decode(packets).frames
    return tuple(frame.picture.packed() for frame in frames if frame.record.shown)


def scenes(frames: int) -> list[Yuv420]:
    """Three scenes of so many frames each, cut hard: the sample, its negative backwards, one picture that stands."""
    sample = pictures(frames)
    negative = [Yuv420(*(255 - plane for plane in picture.planes)) for picture in reversed(sample)]
    return [*sample, *negative, *[sample[0]] * frames]


def encode(
    path: Path,
    *,
    size: tuple[int, int] = (96, 64),
    frames: int = 60,
    first: int = 0,
    rate: Fraction = Fraction(60),
    options: dict[str, str] | None = None,
    shown: Sequence[Yuv420] | None = None,
) -> Path:
    """Encode frames of the sample, or other pictures that are to be shown, to a VP9 Matroska file."""
    base = Fraction(1, 1000)
    encoder = VideoEncoder(size, rate, base, options=options or REALTIME)
    packets = []
    for number, picture in enumerate(shown or pictures(first + frames)[first:]):
        packets += encoder.encode(resize(picture, size), round(number / rate / base))
    packets += encoder.flush()
    form = HybridFormat(size, None, rate, base, video_codec="vp9")
    part = path.with_suffix(".part")
    append_epoch(part, form, 0, packets, ())
    finish(part, path, form)
    return path
