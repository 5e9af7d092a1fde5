"""VP9 streams of every kind, made with libvpx by the FFmpeg that imageio-ffmpeg ships.

PyAV's own libvpx neither runs two passes (no compound prediction, no layers of hidden frames) nor codes more than
8 bits, so the encoder is called as a program.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
import numpy as np

# Probabilities adapt backward, frame by frame: one symbol read wrongly and all that follows is wrong.
ADAPTIVE = ("-frame-parallel", "0")
GOOD = ("-deadline", "good", "-cpu-used", "4", "-lag-in-frames", "25", "-auto-alt-ref", "1", *ADAPTIVE)
REALTIME = ("-deadline", "realtime", "-cpu-used", "7", "-lag-in-frames", "0", *ADAPTIVE)
DATA = Path(__file__).resolve().parents[2] / "data"


@dataclass(frozen=True)
class Stream:
    """What to encode: the picture, and the encoder's options."""

    width: int
    height: int
    frames: int
    options: tuple[str, ...]
    two_pass: bool = False
    pix_fmt: str = "yuv420p"
    scene: str = "busy"
    bitrate: int = 200


def pictures(width: int, height: int, frames: int, scene: str = "busy") -> np.ndarray:
    """8-bit 4:2:0 frames as rows of bytes.

    `busy`: a texture pans, a square crosses it, noise lies over both, and halfway the light changes.
    `pan`: the texture alone, moving by whole pairs of samples.
    `grey`: nothing at all.
    """
    if scene == "grey":
        return np.full((frames, width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)), 128, np.uint8)
    rng = np.random.default_rng(width * 1000 + height)
    margin = 2 * frames + 8
    coarse = rng.integers(30, 226, ((height + margin) // 8 + 3, (width + margin) // 8 + 3))
    texture = coarse.repeat(8, 0).repeat(8, 1).astype(np.float32)
    for shift in (1, 2, 4):
        texture = (texture + np.roll(texture, shift, 0) + np.roll(texture, shift, 1)) / 3
    if scene == "pan":
        texture += rng.integers(-12, 13, texture.shape)
    result = []
    for n in range(frames):
        luma = texture[2 * n : 2 * n + height, 2 * (frames - n) : 2 * (frames - n) + width].copy()
        chroma_shape = ((height + 1) // 2, (width + 1) // 2)
        if scene == "busy":
            top, left = n * 3 % height, n * 5 % width
            luma[top : top + height // 4 + 1, left : left + width // 4 + 1] = 230 - 2 * n
            luma += rng.normal(0, 2, luma.shape)
            if n >= frames // 2:
                luma = luma * 0.9 + 10
        luma = np.clip(luma, 0, 255).astype(np.uint8)
        half = luma[::2, ::2]
        assert half.shape == chroma_shape
        result.append(np.concatenate([luma.ravel(), half.ravel(), (255 - half).ravel()]))
    return np.stack(result)


def split_superframe(packet: bytes) -> list[bytes]:
    """The coded frames of a packet (annex B of the specification)."""
    marker = packet[-1]
    count, magnitude = (marker & 7) + 1, (marker >> 3 & 3) + 1
    size = 2 + count * magnitude
    if marker & 0xE0 != 0xC0 or len(packet) < size or packet[-size] != marker:
        return [packet]
    index, frames, start = packet[1 - size : -1], [], 0
    for i in range(count):
        length = int.from_bytes(index[i * magnitude : (i + 1) * magnitude], "little")
        frames.append(packet[start : start + length])
        start += length
    return frames


def superframe(frames: list[bytes]) -> bytes:
    """The frames as one packet, with an index (annex B of the specification)."""
    marker = bytes([0b11011000 | (len(frames) - 1)])
    return b"".join(frames) + marker + b"".join(len(frame).to_bytes(4, "little") for frame in frames) + marker


def ivf_packets(file: bytes) -> tuple[bytes, ...]:
    """The packets of an IVF file."""
    packets, at = [], 32
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "little")
        packets.append(file[at + 12 : at + 12 + length])
        at += 12 + length
    assert packets, "the file is empty"
    return tuple(packets)


@cache
def encode(stream: Stream) -> tuple[bytes, ...]:
    """The packets of a stream."""
    raw = pictures(stream.width, stream.height, stream.frames, stream.scene).tobytes()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p"]
    command += ["-s", f"{stream.width}x{stream.height}", "-r", "30", "-i", "-"]
    command += ["-pix_fmt", stream.pix_fmt, "-c:v", "libvpx-vp9", "-b:v", f"{stream.bitrate}k", "-threads", "1"]
    command += stream.options
    with TemporaryDirectory() as folder:
        passes = [["-pass", str(n), "-passlogfile", str(Path(folder) / "log")] for n in (1, 2)]
        for extra in passes if stream.two_pass else [[]]:
            output = subprocess.run(
                [*command, *extra, "-f", "ivf", "-"], input=raw, capture_output=True, check=True
            ).stdout
    return ivf_packets(output)


def coded_frames(name: str) -> list[bytes]:
    """The coded frames of a stream, hidden ones too.

    Beside those of STREAMS there is `resized`: 480x270, smaller from frame 60 on and large again at the end, by the
    encoder's own choice (vpxenc --rt --cpu-used=8 --end-usage=cbr --target-bitrate=60 --resize-allowed=1).
    """
    packets = ivf_packets((DATA / "resized.ivf").read_bytes()) if name == "resized" else encode(STREAMS[name])
    return [frame for packet in packets for frame in split_superframe(packet)]


STREAMS = {
    "one-pass-good": Stream(176, 144, 12, GOOD),
    "two-pass-good": Stream(176, 144, 40, GOOD, two_pass=True),
    "layers": Stream(176, 144, 50, (*GOOD, "-auto-alt-ref", "6", "-cpu-used", "2"), two_pass=True, bitrate=100),
    "realtime": Stream(320, 240, 20, REALTIME),
    "error-resilient": Stream(176, 144, 12, (*REALTIME, "-error-resilient", "1")),
    "frame-parallel": Stream(176, 144, 30, (*GOOD, "-frame-parallel", "1"), two_pass=True),
    "lossless": Stream(96, 80, 6, (*GOOD, "-lossless", "1")),
    "high-quality": Stream(96, 80, 6, (*GOOD, "-crf", "1", "-qmax", "4"), bitrate=0),
    "key-frames": Stream(96, 80, 12, (*GOOD, "-g", "4")),
    "two-pass-odd-size": Stream(131, 67, 12, GOOD, two_pass=True),
    "tile-columns-2": Stream(520, 64, 4, (*REALTIME, "-tile-columns", "1")),
    "tile-columns-4": Stream(1100, 64, 4, (*REALTIME, "-tile-columns", "2")),
    "tile-columns-8": Stream(2100, 64, 2, (*REALTIME, "-tile-columns", "3")),
    "tile-columns-16": Stream(4160, 72, 2, (*REALTIME, "-tile-columns", "4", "-tile-rows", "1")),
    "tile-rows-2": Stream(136, 200, 6, (*REALTIME, "-tile-columns", "0", "-tile-rows", "1")),
    "tile-rows-4": Stream(136, 400, 6, (*GOOD, "-tile-columns", "0", "-tile-rows", "2")),
    "tile-rows-4-empty": Stream(136, 100, 6, (*REALTIME, "-tile-columns", "0", "-tile-rows", "2")),
    "tiles-4x4": Stream(1100, 300, 2, (*REALTIME, "-tile-columns", "2", "-tile-rows", "2")),
    "profile-1-444": Stream(96, 80, 8, GOOD, two_pass=True, pix_fmt="yuv444p"),
    "profile-1-422": Stream(96, 80, 8, GOOD, two_pass=True, pix_fmt="yuv422p"),
    "profile-1-440": Stream(96, 80, 8, GOOD, two_pass=True, pix_fmt="yuv440p"),
    "profile-1-rgb": Stream(96, 80, 8, GOOD, pix_fmt="gbrp"),
    "profile-2-10": Stream(96, 80, 8, GOOD, two_pass=True, pix_fmt="yuv420p10le"),
    "profile-2-12": Stream(96, 80, 4, (*GOOD, "-crf", "1", "-qmax", "2"), pix_fmt="yuv420p12le", bitrate=0),
    "profile-3-422-10": Stream(96, 80, 8, GOOD, two_pass=True, pix_fmt="yuv422p10le"),
    "profile-3-440-12": Stream(96, 80, 8, GOOD, two_pass=True, pix_fmt="yuv440p12le"),
    "profile-3-444-12": Stream(96, 80, 4, (*GOOD, "-crf", "1", "-qmax", "2"), pix_fmt="yuv444p12le", bitrate=0),
}
for _mode in range(4):
    STREAMS[f"aq-{_mode}"] = Stream(176, 144, 24, (*GOOD, "-aq-mode", str(_mode)), two_pass=True)
STREAMS["aq-3-realtime"] = Stream(
    176, 144, 24, (*REALTIME, "-aq-mode", "3", "-minrate", "100k", "-maxrate", "100k"), bitrate=100
)
SIZES = [
    (1, 1),
    (2, 2),
    (1, 66),
    (66, 1),
    (3, 5),
    (8, 8),
    (9, 7),
    (16, 16),
    (17, 33),
    (33, 64),
    (35, 34),
    (64, 64),
    (65, 63),
    (66, 66),
]
for _width, _height in SIZES:
    STREAMS[f"size-{_width}x{_height}"] = Stream(_width, _height, 6, GOOD)
