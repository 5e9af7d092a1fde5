"""What a video is, before anything of it is decoded."""

from dataclasses import dataclass
from fractions import Fraction

import av
import av.error

from ns_ray.errors import MediaError
from ns_ray.picture.colors import UNKNOWN, Colors

OPEN_SECONDS = 10.0
READ_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SideTrack:
    """A track beside the video that is copied: `audio` or `subtitle`, its codec, seconds a tick of its pts."""

    kind: str
    codec: str
    time_base: Fraction


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """One video stream of a file.

    Attributes:
        path: the file or URL.
        codec: its name.
        width, height: luma samples of the first frames; later ones may have another size.
        frame_rate: frames a second, on average.
        time_base: seconds a tick of its pts.
        pixel_format: FFmpeg's name; `unknown` where no frame could be decoded yet.
        colors: as the bitstream has them, else the container; what neither tells is unspecified.
        sides: the tracks that are copied beside it.
        header: a Matroska file without packets, whose tracks have all settings of the video and of `sides`, in this
            order: codec, colours, shape of the pixels, rotation and what else the container holds.
        notes: what of the source is not carried, and what had to be assumed; a sentence each.
    """

    path: str
    codec: str
    width: int
    height: int
    frame_rate: Fraction
    time_base: Fraction
    pixel_format: str
    colors: Colors = UNKNOWN
    sides: tuple[SideTrack, ...] = ()
    header: bytes = b""
    notes: tuple[str, ...] = ()


def probe(path: str) -> VideoInfo:
    """Look at the first video stream of a file or URL.

    Raises:
        MediaError: it cannot be opened, is no video, or lacks a size or a frame rate.
    """
    with open_input(path) as container:
        return describe(container, path)


def describe(container: av.container.InputContainer, path: str) -> VideoInfo:
    """What the first video stream of an open file is.

    Raises:
        MediaError: there is none, or it lacks a size or a frame rate.
    """
    if not container.streams.video:
        raise MediaError(f"{path}: it has no video stream; give a video file")
    stream = container.streams.video[0]
    rate = stream.average_rate or stream.guessed_rate
    context = stream.codec_context
    if not rate or not context.width or not context.height or stream.time_base is None:
        raise MediaError(f"{path}: its size or frame rate cannot be told; is the file whole?")
    return VideoInfo(
        path=path,
        codec=context.codec.canonical_name,
        width=context.width,
        height=context.height,
        frame_rate=Fraction(rate),
        time_base=Fraction(stream.time_base),
        pixel_format=context.pix_fmt or "unknown",
    )


def require_supported(info: VideoInfo) -> None:
    """Refuse what cannot be enhanced; raises MediaError naming the file and the remedy."""
    if info.codec != "vp9":
        raise MediaError(
            f"{info.path}: its codec is {info.codec}, but anchors are chosen and reused by VP9's means; "
            "encode it with libvpx-vp9"
        )
    if info.pixel_format != "yuv420p":
        raise MediaError(
            f"{info.path}: its pixel format is {info.pixel_format}, but only 8 bit 4:2:0 is supported; "
            "encode it as yuv420p"
        )


def open_input(path: str) -> av.container.InputContainer:
    """Open a file or URL for reading, within bounded time; raises MediaError naming it."""
    try:
        container = av.open(path, timeout=(OPEN_SECONDS, READ_SECONDS), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"{path}: it cannot be opened as a video ({error}); check the path and the format") from error
    if container.format.name == "tty":  # FFmpeg plays any text as what a terminal would show
        container.close()
        raise MediaError(f"{path}: it is text, no video; check the path")
    return container
