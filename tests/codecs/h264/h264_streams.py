"""Short H.264 streams made to order by x264 and OpenH264, and what FFmpeg makes of them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from av.sidedata.motionvectors import MotionVectors
from numpy.typing import NDArray

from ns_ray.codecs.h264.parser import Frame, FrameParser

WIDTH, HEIGHT, FRAMES = 96, 80, 12


def _texture(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    """Smooth random structure with edges, 0 to 255."""
    total = np.zeros((height, width))
    for cell in (32, 16, 8):
        coarse = rng.uniform(-1, 1, (height // cell + 2, width // cell + 2))
        rows, columns = np.arange(height) / cell, np.arange(width) / cell
        y, x = rows.astype(int)[:, None], columns.astype(int)[None]
        fy, fx = (rows % 1)[:, None], (columns % 1)[None]
        top = coarse[y, x] * (1 - fx) + coarse[y, x + 1] * fx
        bottom = coarse[y + 1, x] * (1 - fx) + coarse[y + 1, x + 1] * fx
        total += cell / 16 * (top * (1 - fy) + bottom * fy)
    return np.clip(128 + 60 * total + 20 * np.sign(total), 0, 255)


@cache
def pictures(frames: int = FRAMES, fade: bool = False) -> tuple[NDArray[np.uint8], ...]:
    """Luma of WIDTH by HEIGHT: textures that move by fractions of a sample, noise, a cut; `fade`: to black."""
    rng = np.random.default_rng(7)
    back = _texture(rng, 4 * HEIGHT + 400, 4 * WIDTH + 400)
    front = _texture(rng, 4 * HEIGHT + 400, 4 * WIDTH + 400)
    result = []
    for n in range(frames):
        y, x = 40 + 3 * n, 30 + 7 * n
        luma = back[y : y + 4 * HEIGHT : 4, x : x + 4 * WIDTH : 4].copy()
        if n >= 2 * frames // 3:
            luma = 255 - luma
        patch = front[100 - 5 * n % 40 :: 4, 50 + 6 * n :: 4][: HEIGHT // 2, : WIDTH // 3]
        at = n % (HEIGHT // 2 - 8)
        luma[8 + at : 8 + at + HEIGHT // 2, 10 + at : 10 + at + WIDTH // 3] = patch
        if fade:
            luma = 16 + (luma - 16) * (1 - 0.05 * n)
        result.append(np.clip(luma + rng.normal(0, 1.5, luma.shape), 0, 255).astype(np.uint8))
    return tuple(result)


def frame_of(luma: NDArray[np.uint8]) -> av.VideoFrame:
    """The same as a frame, with chroma that goes with it."""
    chroma = [(128 + 0.4 * (luma[i::2, 1 - i :: 2] - 128.0)).astype(np.uint8) for i in (0, 1)]
    frame = av.VideoFrame(luma.shape[1], luma.shape[0], "yuv420p")
    for plane, samples in zip(frame.planes, (luma, *chroma), strict=True):
        padded = np.zeros((plane.height, plane.line_size), np.uint8)
        padded[:, : plane.width] = samples
        plane.update(padded)
    return frame


@dataclass(frozen=True)
class Stream:
    """Packets in Annex B, and what they are."""

    packets: tuple[bytes, ...]
    width: int
    height: int


@cache
def encode(
    params: str,
    *,
    preset: str = "medium",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    frames: int = FRAMES,
    fade: bool = False,
    noise: bool = False,
    options: tuple[tuple[str, str], ...] = (),
) -> Stream:
    """Encode the pictures, or nothing but noise; `params` as x264-params."""
    width, height = size
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.thread_count = 1
    encoder.options = {"preset": preset, "x264-params": f"threads=1:lookahead-threads=1:{params}", **dict(options)}
    packets = []
    rng = np.random.default_rng(1)
    for number, luma in enumerate(pictures(frames, fade)):
        frame = frame_of((rng.integers(0, 256, luma.shape, np.uint8) if noise else luma)[:height, :width])
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return Stream(tuple(bytes(packet) for packet in packets), width, height)


CLOSED = "bframes=2:b-adapt=0:keyint=8:scenecut=0"


def write(path: Path, frames: int = 18, size: tuple[int, int] = (90, 70), params: str = CLOSED) -> str:
    """Encode the pictures to a file; `params` as x264-params, by default two B frames and a closed GOP of eight."""
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("libx264", rate=60)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"preset": "veryfast", "x264-params": f"threads=1:{params}"}
        for number, luma in enumerate(pictures(frames)):
            frame = frame_of(luma[: size[1], : size[0]])
            frame.pts = number
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return str(path)


def cropped(path: Path, source: str, left: int, right: int, top: int, bottom: int) -> str:
    """A file's pictures without so many luma samples at their edges, which stay coded."""
    with av.open(source) as whole, av.open(str(path), "w") as sink:
        video = whole.streams.video[0]
        stream = sink.add_stream_from_template(video)
        edges = f"crop_left={left}:crop_right={right}:crop_top={top}:crop_bottom={bottom}"
        bits = BitStreamFilterContext(f"h264_metadata={edges}", video, stream)
        for packet in whole.demux(video):
            for made in bits.filter(packet if packet.size else None):
                made.stream = stream
                sink.mux(made)
    return str(path)


@cache
def encode_openh264(options: str) -> Stream:
    """Encode the pictures with OpenH264, which PyAV lacks; `options` as FFmpeg's, with its deblocking off."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", "30", "-i", "-"]
    command = [ffmpeg, "-v", "error", *source, "-c:v", "libopenh264", "-b:v", "150k", "-loopfilter", "0", "-g", "100"]
    raw = b"".join(bytes(frame_of(luma).to_ndarray()) for luma in pictures())
    stream = subprocess.run(
        [*command, *options.split(), "-f", "h264", "-"], input=raw, stdout=subprocess.PIPE, check=True
    )
    parser = av.CodecContext.create("h264", "r")
    packets = [*parser.parse(stream.stdout), *parser.parse(None)]
    return Stream(tuple(bytes(packet) for packet in packets), WIDTH, HEIGHT)


def parse(packets: tuple[bytes, ...]) -> list[Frame]:
    """The frames of packets that hold one each."""
    parser = FrameParser()
    frames = []
    for packet in packets:
        (frame,) = parser.parse(packet)
        assert frame.size == len(packet)
        frames.append(frame)
    assert [frame.number for frame in frames] == list(range(len(packets)))
    return frames


@dataclass(frozen=True)
class Decoded:
    """A frame as FFmpeg outputs it: its packet, planes Y, Cb and Cr, and vectors."""

    packet: int
    planes: tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
    vectors: NDArray[np.void] | None


def decode(packets: tuple[bytes, ...]) -> list[Decoded]:
    """Decode with FFmpeg, whole macroblocks, in output order."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    decoder.options = {"flags2": "+export_mvs", "flags": "+unaligned", "apply_cropping": "0"}
    decoded = []
    for number, data in enumerate((*packets, None)):
        packet = None
        if data is not None:
            packet = av.Packet(data)
            packet.pts = packet.dts = number
        for frame in decoder.decode(packet):
            planes = []
            for plane in frame.planes:
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                planes.append(rows[:, : plane.width].copy())
            data = frame.side_data.get("MOTION_VECTORS")
            vectors = data.to_ndarray() if isinstance(data, MotionVectors) else None
            decoded.append(Decoded(frame.pts, (planes[0], planes[1], planes[2]), vectors))
    return decoded
