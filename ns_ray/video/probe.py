"""What a video is, before anything of it is decoded."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, cast

import av
import av.error
from av.packet import Packet
from av.video.stream import VideoStream
from pydantic import ConfigDict

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.codecs.codec import SUPPORTED, VIDEO_CODECS, Codec, Header, codec_named
from ns_ray.errors import BitstreamError, MediaError
from ns_ray.picture.colors import UNKNOWN, Colors
from ns_ray.video.address import OPEN_SECONDS, READ_SECONDS, Address, is_pipe, locate, regular, why_unreadable
from ns_ray.video.main_track import main_track
from ns_ray.video.rates import believable, frame_rate, measured_rate

MAX_PIXELS = 1 << 26
"""Luma samples of the largest frame that is read where nothing else is said."""
_BOUNDED = {"max_pixels": str(2 * MAX_PIXELS)}  # FFmpeg decodes frames to learn about them, and counts edges, too
_SEEN_PACKETS = 240
_SEEN_BYTES = 8 * 1024 * 1024
_LIVE_SECONDS = 2.0
_LONGEST_HEADER = 1024 * 1024
_CLUSTER = b"\x1f\x43\xb6\x75"  # of Matroska, RFC 9559, as the next two
_CONTENT_ENCODINGS, _CONTENT_ENCRYPTION = b"\x6d\x80", b"\x50\x35"


Rates = tuple[Fraction | None, Fraction | None]
"""Frames a second of a track, as FFmpeg guesses and as it averages them; None where it tells none."""


@dataclass(frozen=True, slots=True)
class SideTrack:
    """A track beside the video that is copied: `audio` or `subtitle`, its codec, seconds a tick of its pts."""

    kind: str
    codec: str
    time_base: Fraction


@briefly_pickled
@dataclass(frozen=True, slots=True)
class VideoInfo:
    """One video stream of a file.

    Attributes:
        path: the file or URL.
        codec: its name.
        width, height: luma samples of the first frames; later ones may have another size.
        frame_rate: frames a second, on average; by the frames' times where the container says otherwise.
        time_base: seconds a tick of its pts.
        pixel_format: FFmpeg's name; `unknown` where no frame could be decoded yet.
        colors: as the bitstream has them, else the container; what neither tells is unspecified.
        sides: the tracks that are copied beside it.
        header: a Matroska file without packets, whose tracks have all settings of the video and of `sides`, in this
            order: codec, colours, shape of the pixels, rotation and what else the container holds.
        notes: what of the source is not carried, and what had to be assumed; a sentence each.
        unsafe: whether the source may be opened by any protocol, and open what it likes (`open_input`).
        rates: `rates_of` its track, where its first packet begins with a sound key frame (`open_known`).
        record: what goes before the packets (CodecPrivate in Matroska), where the codec cannot do without.
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
    unsafe: bool = False
    rates: Rates | None = None
    record: bytes = b""

    __pydantic_config__: ClassVar = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")  # as JSON


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the first packets of a video tell.

    Attributes:
        times: of those that show a picture, in ticks.
        key: header of the first key frame, None where none came.
        at_key: whether it is that of the first packet.
        foreign: whether there are packets, and none begins as those of its codec do.
        encrypted: whether the container says that it encrypted them.
    """

    times: Sequence[int] = ()
    key: Header | None = None
    at_key: bool = False
    foreign: bool = False
    encrypted: bool = False


def probe(path: str, unsafe: bool = False) -> VideoInfo:
    """Look at the video (`main_track`) of a file or URL, and at its first packets: 240, 8 MiB or 10 s (2 s if live).

    Args:
        path: the file or URL.
        unsafe: as in `open_input`.

    Raises:
        MediaError: it cannot be opened, is no video, or lacks a size.
    """
    from ns_ray.video.recordings import open_first  # which stands on this module

    with open_first(path, unsafe) as container:
        stream = video_of(container, path)
        # What a pipe gives does not come again; a live source is joined later by those who read it.
        live = is_live(path, container)
        packets = iter(()) if is_pipe(path) else container.demux(stream)
        info, _ = probe_open(container, packets, path, _LIVE_SECONDS if live else OPEN_SECONDS)
    return replace(info, unsafe=unsafe)


def probe_open(
    container: av.container.InputContainer,
    packets: "Iterator[Packet[Any]]",
    path: str,
    seconds: float,
    most_packets: int = _SEEN_PACKETS,
) -> tuple[VideoInfo, Sequence[int]]:
    """Look at the video of what is open.

    Args:
        container: what is open.
        packets: its packets, of which the first are read; none for what is read once.
        path: what it is called.
        seconds: how long to read at most.
        most_packets: how many packets of the video.

    Returns:
        What it is, and the times of the packets that were read, in ticks; raises MediaError as `probe`.
    """
    from ns_ray.video.tracks import header_of, record_of  # which stand on this module

    stream = video_of(container, path)
    seen = _look(packets, stream, seconds, most_packets)
    if seen.encrypted or "enc_key_id" in stream.metadata or (seen.foreign and _says_encrypted(path)):
        raise MediaError(f"{path}: it is encrypted, and its key is not known here; decrypt it first")
    info = _described(stream, path, seen)
    size = (info.width, info.height)
    header, sides, _, notes = header_of(container, stream, size) if info.codec in VIDEO_CODECS else (b"", (), [], ())
    info = replace(info, sides=sides, header=header, notes=(*notes, *info.notes), record=record_of(header))
    return info, seen.times


def is_live(path: str, container: av.container.InputContainer) -> bool:
    """Whether an open source is read once: it is a pipe, or has neither length nor duration."""
    return is_pipe(path) or (container.size <= 0 and not container.duration)


def require_supported(info: VideoInfo) -> None:
    """Refuse what cannot be enhanced; raises MediaError naming the file and the remedy.

    A video of which no key frame came yet passes: it may become one.
    """
    if info.codec not in VIDEO_CODECS:
        raise MediaError(
            f"{info.path}: its codec is {info.codec}, but anchors are chosen and reused by the means of {SUPPORTED}; "
            "encode it with libvpx-vp9"
        )
    if info.pixel_format not in ("yuv420p", "yuvj420p", "unknown"):
        raise MediaError(
            f"{info.path}: its pixel format is {info.pixel_format}, but only 8 bit 4:2:0 is supported; "
            "encode it as yuv420p"
        )


def open_input(path: str, unsafe: bool = False) -> av.container.InputContainer:
    """Open a file, a pipe or a URL for reading, within bounded time.

    An existing file is opened as one whatever its name. Of URLs http(s), rtmp(s) and rtsp(s) are opened, and of
    formats those that hold their media themselves; over http also HLS and DASH, which lead on to http(s) alone.

    Args:
        path: what to open.
        unsafe: open all that FFmpeg can, and let playlists open what they list.

    Raises:
        MediaError: there is nothing, it may not be opened, or it is no video; the path is named.
    """
    return open_address(locate(path, unsafe), path, unsafe)


def rates_of(stream: VideoStream) -> Rates:
    """Frames a second, by which FFmpeg makes up durations that a file leaves out."""
    return stream.base_rate, stream.average_rate


def open_address(
    address: Address, path: str, unsafe: bool = False, open_seconds: float | None = OPEN_SECONDS
) -> av.container.InputContainer:
    """Open what an address means; `path` is what errors call it. Raises MediaError as `open_input`.

    With `open_seconds` None it is waited for without end, as one does who listens.
    """
    began = time.monotonic()
    try:
        options = dict(address.options) | _BOUNDED
        container = av.open(
            address.target, timeout=(open_seconds, READ_SECONDS), options=options, metadata_errors="replace"
        )
    except (av.error.FFmpegError, OSError) as error:
        if not isinstance(address.target, str):
            address.target.close()
        # Which is not always how a timeout comes out: RTSP calls it invalid data.
        late = open_seconds is not None and time.monotonic() - began >= open_seconds
        cause = why(error) if not late else f"nothing came in {open_seconds:g} s"
        raise MediaError(f"{path}: it cannot be opened as a video ({cause}): {why_unreadable(path, unsafe)}") from error
    if container.format.name == "tty":  # FFmpeg plays any text as what a terminal would show
        container.close()
        raise MediaError(f"{path}: it is text, no video; check the path")
    return cast(av.container.InputContainer, container)


def why(error: Exception) -> str:
    """What FFmpeg or the system says of an error, without the path."""
    if isinstance(error, av.error.ExitError):  # which is how a timeout comes out
        return f"nothing came in {OPEN_SECONDS:g} s"
    return getattr(error, "strerror", None) or str(error)


def video_of(container: av.container.InputContainer, path: str) -> VideoStream:
    """The video of an open file (`main_track`); raises MediaError where there is none, or of an unknown codec."""
    stream = main_track(container)
    if stream is None:
        raise MediaError(f"{path}: it has no video stream that is known here; give a video file")
    if stream.codec_context is None:
        raise MediaError(f"{path}: the codec of its video is not known here; encode it with libvpx-vp9")
    return stream


def _described(stream: VideoStream, path: str, seen: _Seen) -> VideoInfo:
    context = stream.codec_context
    width, height = context.width, context.height
    if seen.key is not None and not (width and height):
        width, height = seen.key.width, seen.key.height
    if not width or not height or stream.time_base is None:
        raise MediaError(f"{path}: its size cannot be told, as no key frame came; is the file whole?")
    time_base = Fraction(stream.time_base)
    stated = believable(stream.average_rate, time_base)
    whole = stated if stream.frames and stream.duration else None
    guessed = believable(stream.guessed_rate, time_base)
    rate, note = frame_rate(stated, measured_rate(seen.times, time_base, whole), guessed)
    pixel_format = context.pix_fmt or "unknown"
    colors = Colors(
        int(context.color_range),
        int(context.colorspace),
        int(context.color_primaries),
        int(context.color_trc),
        pixel_format.startswith(("gbr", "rgb")),
    )
    return VideoInfo(
        path=path,
        codec=context.codec.canonical_name,
        width=width,
        height=height,
        frame_rate=rate,
        time_base=time_base,
        pixel_format=pixel_format,
        colors=colors,
        notes=(note,) if note else (),
        rates=rates_of(stream) if seen.at_key else None,
    )


def _look(packets_of: "Iterator[Packet[Any]]", stream: VideoStream, seconds: float, most_packets: int) -> _Seen:
    """Read the first packets, for some seconds at most; what cannot be read is left to the reader to complain of."""
    times: list[int] = []
    decoded: int | None = None
    cut = False
    key: Header | None = None
    packets = frames = size = 0
    encrypted = at_key = False
    name = stream.codec_context.codec.canonical_name
    codec = codec_named(name, stream.codec_context.extradata or b"") if name in VIDEO_CODECS else None
    deadline = time.monotonic() + seconds
    with suppress(av.error.FFmpegError):
        for packet in packets_of:
            if not packet.size or packet.stream_index != stream.index:
                continue
            data = bytes(packet)
            packets, size = packets + 1, size + len(data)
            encrypted = encrypted or packet.has_sidedata("encryption_info")
            frames += codec is None or codec.plausible(data)
            if packet.pts is not None and not packet.is_discard and (codec is None or codec.shows(data)):
                times.append(packet.pts)
            decoded = packet.dts if packet.dts is not None else decoded
            if key is None and packet.is_keyframe and codec is not None:
                key = _key_header(codec, data)
                at_key = key is not None and key.key and packets == 1
            if packets >= most_packets or size >= _SEEN_BYTES or time.monotonic() > deadline:
                cut = True
                break
    if codec is None or codec.late:  # whose frames may be coded in another order than they are shown
        times.sort()
        if cut and decoded is not None:  # before later ones, some may be missing
            times = [pts for pts in times if pts <= decoded] or times
    return _Seen(times, key, at_key, packets > 0 and not frames, encrypted)


def _key_header(codec: Codec[Any], data: bytes) -> Header | None:
    with suppress(BitstreamError):
        reader = codec.frames(MAX_PIXELS)
        header: Header = reader.header(reader.split(data)[0])
        return header
    return None


def _says_encrypted(path: str) -> bool:
    """Whether a Matroska file's header speaks of encryption; other files are asked by their packets."""
    name = regular(path)
    if name is None:
        return False
    with open(name, "rb") as file:
        header = file.read(_LONGEST_HEADER)
    header = header[: header.find(_CLUSTER)] if _CLUSTER in header else header
    encodings = header.find(_CONTENT_ENCODINGS)
    return encodings >= 0 and header.find(_CONTENT_ENCRYPTION, encodings) >= 0
