"""What a file says of its tracks, kept as a Matroska header: colours, shape of the pixels, rotation, languages."""

from fractions import Fraction

import av
import av.error
from av.stream import Disposition

from ns_ray.codecs.codec import VIDEO_CODECS
from ns_ray.errors import MediaError
from ns_ray.video import adts, matroska, timed_text
from ns_ray.video.main_track import main_track
from ns_ray.video.probe import SideTrack

MOST_SIDES = 32
"""More tracks beside the video than this are left out: a file may claim any number."""
_LIVE = {"fflags": "bitexact", "live": "1"}
_KEPT_METADATA = ("title", "language", "stereo_mode")
_ASPECT_RATIO = 3  # DisplayUnit
_BESIDE, _BELOW = (1, 8, 9, 11), (2, 3, 6, 7)  # values of StereoMode: where the other eye's samples are
_KINDS = ("audio", "subtitle")


def header_of(
    container: av.container.InputContainer, video: av.VideoStream | None = None, size: tuple[int, int] | None = None
) -> tuple[bytes, tuple[SideTrack, ...], list[av.stream.Stream], tuple[str, ...]]:
    """What is carried of an open file beside its packets.

    Nothing is read from the container.

    Args:
        container: the file.
        video: the track to carry; `main_track` by default.
        size: (width, height) of the video, where the file does not tell before its first key frame.

    Returns:
        A Matroska file without packets, with the video track and all audio and subtitle tracks that Matroska
        holds; those tracks; the container's streams that they are, to be read, in this order; and a sentence for
        each thing that is not carried.

    Raises:
        MediaError: there is no video track, or Matroska does not hold its codec.
    """
    video = video or main_track(container)
    if video is None:
        raise MediaError(f"{container.name}: it has no video stream; give a video file")
    entry = entry_of(video, size=size)
    if entry is None:
        codec = codec_of(video) or "its codec"
        if codec in VIDEO_CODECS:
            raise MediaError(f"{container.name}: no key frame came that tells what is needed to decode it; send more")
        raise MediaError(f"{container.name}: Matroska does not hold {codec}; encode it as VP9 or H.264")
    entries = [entry]
    sides: list[SideTrack] = []
    streams: list[av.stream.Stream] = []
    notes: list[str] = []
    if video.metadata.get("alpha_mode") == "1":
        notes.append("it is marked as transparent (alpha); that is left out")
    for stream in container.streams:
        if stream.index == video.index:
            continue
        side = entry_of(stream) if stream.type in _KINDS and len(sides) < MOST_SIDES else None
        if side is None or stream.time_base is None:
            notes.append(f"{_name(stream)} is left out: {_why(stream)}")
            continue
        entries.append(side)
        codec = codec_of(stream)
        if codec == timed_text.CODEC:
            codec = timed_text.PLAIN
            notes.append(f"{_name(stream)} is copied as plain text: its styles are left out")
        sides.append(SideTrack(stream.type, codec, stream.time_base))
        streams.append(stream)
    if container.chapters():
        notes.append("its chapters are left out")
    return header_with(entries), tuple(sides), streams, tuple(notes)


def entry_of(stream: av.stream.Stream, doc_type: str = "matroska", size: tuple[int, int] | None = None) -> bytes | None:
    """Content of the TrackEntry that describes a stream of an open file; None where Matroska does not hold it.

    Subtitles of MP4 are described as the plain text that `timed_text` makes of them, AAC of MPEG-TS as `adts` does.

    Args:
        stream: a stream.
        doc_type: `matroska`, or `webm`, which holds fewer codecs.
        size: (width, height) of a video that does not tell it itself.
    """
    codec = codec_of(stream)
    if not codec or stream.type not in ("video", *_KINDS):
        return None
    config = None
    if isinstance(stream, av.AudioStream) and has_adts(stream):
        config = adts.config_of(stream.codec_context)
        if config is None:
            return None
    if codec == timed_text.CODEC:
        return _plain_text(stream)
    memory = Memory()
    try:
        with av.open(memory, "w", format=doc_type, options=_LIVE) as sink:
            made = sink.add_stream_from_template(stream, opaque=True)
            made.metadata.update({name: stream.metadata[name] for name in _KEPT_METADATA if name in stream.metadata})
            made.disposition = Disposition(stream.disposition)
            if config is not None:
                made.codec_context.extradata = config
            if (
                size
                and isinstance(made, av.VideoStream)
                and not (made.codec_context.width and made.codec_context.height)
            ):
                made.codec_context.width, made.codec_context.height = size
            sink.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return None
    entry = entries_of(bytes(memory.data))[0]
    return _shaped(entry, stream) if isinstance(stream, av.VideoStream) else entry


def record_of(header: bytes) -> bytes:
    """What goes before a video's packets: the CodecPrivate of a header's first track; empty where there is none."""
    return (matroska.child(entries_of(header)[0], matroska.CODEC_PRIVATE) or b"") if header else b""


def codec_of(stream: av.stream.Stream) -> str:
    """Name of a stream's codec; empty where FFmpeg does not know it."""
    context = getattr(stream, "codec_context", None)
    return context.codec.canonical_name if context else ""


def has_adts(stream: av.stream.Stream) -> bool:
    """Whether its packets have headers of their own (`adts`)."""
    return codec_of(stream) == adts.CODEC and not stream.codec_context.extradata


def header_with(entries: list[bytes], doc_type: str = "matroska") -> bytes:
    """A Matroska file without packets, of tracks with these TrackEntry contents, numbered from 1."""
    return b"".join(
        (
            beginning(doc_type),
            info(1_000_000),
            matroska.element(matroska.TRACKS, *(numbered(entry, at + 1) for at, entry in enumerate(entries))),
            # Without a cluster FFmpeg reads on for one.
            matroska.element(matroska.CLUSTER, matroska.unsigned(matroska.TIMESTAMP, 0)),
        )
    )


def beginning(doc_type: str = "matroska", size: int | None = None) -> bytes:
    """What a file starts with: its kind, and a segment of so many bytes, or one that goes on to the file's end."""
    kind = (
        matroska.unsigned(0x4286, 1),  # version of EBML, and the one needed to read it
        matroska.unsigned(0x42F7, 1),
        matroska.unsigned(0x42F2, 4),  # longest name and size, in bytes
        matroska.unsigned(0x42F3, 8),
        matroska.text(matroska.DOC_TYPE, doc_type),
        matroska.unsigned(0x4287, 4),  # version of the document type, and the one needed to read it
        matroska.unsigned(0x4285, 2),
    )
    segment = matroska.UNKNOWN if size is None else matroska.size_of(size)
    return matroska.element(matroska.EBML, *kind) + matroska.identifier(matroska.SEGMENT) + segment


def info(unit: int, duration: float | None = None) -> bytes:
    """What is said of the whole file: its unit of time in nanoseconds and, where it is finished, its length in it."""
    return matroska.element(
        matroska.INFO,
        matroska.unsigned(matroska.TIMESTAMP_SCALE, unit),
        matroska.text(matroska.MUXING_APP, "ns_ray"),
        matroska.text(matroska.WRITING_APP, "ns_ray"),
        b"" if duration is None else matroska.double(matroska.DURATION, duration),
    )


def numbered(entry: bytes, track: int) -> bytes:
    """A TrackEntry, its content given, with a number of its own."""
    return matroska.element(
        matroska.TRACK_ENTRY,
        matroska.unsigned(matroska.TRACK_NUMBER, track),
        matroska.unsigned(matroska.TRACK_UID, track),
        matroska.without(entry, matroska.TRACK_NUMBER, matroska.TRACK_UID, matroska.CRC, matroska.VOID),
    )


def entries_of(header: bytes) -> list[bytes]:
    """Contents of the TrackEntries of a Matroska header.

    Raises:
        MediaError: it is none.
    """
    segment = next((one for one in matroska.elements(header) if one.name == matroska.SEGMENT), None)
    for one in matroska.elements(header, segment.body, segment.end) if segment else ():
        if one.name == matroska.TRACKS:
            tracks = matroska.children(header[one.body : one.end])
            return [body for name, body in tracks if name == matroska.TRACK_ENTRY]
    raise MediaError("a Matroska header without tracks")


def _plain_text(stream: av.stream.Stream) -> bytes:
    title = stream.metadata.get("title")
    return b"".join(
        (
            matroska.unsigned(matroska.TRACK_TYPE, matroska.SUBTITLE),
            matroska.unsigned(matroska.FLAG_LACING, 0),
            matroska.unsigned(matroska.FLAG_DEFAULT, int(bool(stream.disposition & Disposition.default))),
            matroska.text(matroska.LANGUAGE, stream.metadata.get("language") or "und"),
            matroska.text(matroska.NAME, title) if title else b"",
            matroska.text(matroska.CODEC_ID, "S_TEXT/UTF8"),
        )
    )


def _shaped(entry: bytes, stream: av.VideoStream) -> bytes:
    """A video's TrackEntry content with the shape of its pixels, which the muxer is not told by a template."""
    picture = matroska.child(entry, matroska.VIDEO) or b""
    stereo = matroska.number(matroska.child(picture, matroska.STEREO_MODE))
    shape = Fraction(stream.sample_aspect_ratio or 1)
    width, height = stream.codec_context.width, stream.codec_context.height
    if not width or not height or (shape == 1 and not stereo):
        return entry
    # What is displayed is one eye's picture.
    across = width * shape / (2 if stereo in _BESIDE else 1)
    down = Fraction(height, 2 if stereo in _BELOW else 1)
    unit = 0
    if across.denominator > 1 or down.denominator > 1:  # not in whole pixels: then the ratio alone
        ratio = across / down
        across, down, unit = Fraction(ratio.numerator), Fraction(ratio.denominator), _ASPECT_RATIO
    displayed = (
        matroska.unsigned(matroska.DISPLAY_WIDTH, int(across)),
        matroska.unsigned(matroska.DISPLAY_HEIGHT, int(down)),
        matroska.unsigned(matroska.DISPLAY_UNIT, unit),
    )
    kept = matroska.without(picture, matroska.DISPLAY_WIDTH, matroska.DISPLAY_HEIGHT, matroska.DISPLAY_UNIT)
    return matroska.without(entry, matroska.VIDEO) + matroska.element(matroska.VIDEO, kept, *displayed)


class Memory:
    """A sink that cannot seek, so that the muxer writes as it would to a network."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        """Take what the muxer writes."""
        self.data += data
        return len(data)


def _name(stream: av.stream.Stream) -> str:
    codec = codec_of(stream)
    return f"its {stream.type} track {stream.index}{f' ({codec})' if codec else ''}"


def _why(stream: av.stream.Stream) -> str:
    if stream.type == "video":
        return "one video is enhanced"
    return "Matroska does not hold it as it is" if stream.type in _KINDS else "only audio and subtitles are copied"
