"""What a hybrid stream says of its tracks before its first packet (docs/hybrid-format.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ns_ray.codecs.codec import codec_named
from ns_ray.errors import MediaError
from ns_ray.hybrid import av1_image, hevc_image
from ns_ray.hybrid.clock import unit_for
from ns_ray.picture.coding import Codec, image_format
from ns_ray.video import matroska as m
from ns_ray.video.probe import SideTrack
from ns_ray.video.tracks import beginning, entries_of, info, numbered

TITLES = ("video", "anchors")
TIME_BASE, FRAME_RATE, SCALE, ANCHOR_CODEC = "TIME_BASE", "FRAME_RATE", "SCALE", "ANCHOR_CODEC"
ANCHOR_DELAY = "ANCHOR_DELAY"
_CODEC_IDS = {"jpeg": "V_MJPEG", "av1": "V_AV1", "hevc": "V_MPEGH/ISO/HEVC"}
_SECOND = 1_000_000_000
SHAPE = (m.DISPLAY_WIDTH, m.DISPLAY_HEIGHT, m.DISPLAY_UNIT, m.STEREO_MODE, m.PROJECTION)
HDR = (m.MAX_CLL, m.MAX_FALL, m.MASTERING)
_DISPLAYED = (m.DISPLAY_WIDTH, m.DISPLAY_HEIGHT)
_CROPPED = (m.CROP_BOTTOM, m.CROP_TOP, m.CROP_LEFT, m.CROP_RIGHT)


@dataclass(frozen=True, slots=True)
class HybridFormat:
    """What is fixed for a whole stream: sizes as (width, height), frames a second, seconds a tick.

    With `anchor_size` None there is no anchor track: the file is an ordinary video. `sides` and `header` are those of
    the source (VideoInfo). `codec` is that of the anchors, `video_codec` FFmpeg's name of the video's where
    there is no `header`. `anchor_delay`: seconds by which anchors may come after their packets; 0 where they come right
    behind them.
    """

    video_size: tuple[int, int]
    anchor_size: tuple[int, int] | None
    frame_rate: Fraction
    time_base: Fraction
    sides: tuple[SideTrack, ...] = ()
    header: bytes = b""
    codec: Codec = "jpeg"
    video_codec: str | None = None
    anchor_delay: Fraction = Fraction(0)

    @property
    def unit(self) -> int:
        """Nanoseconds of the unit that times are written in."""
        return unit_for((self.time_base, *(side.time_base for side in self.sides)))

    @property
    def first_side(self) -> int:
        """Number of the first track beside video and anchors, counted from 1."""
        return 3 if self.anchor_size else 2


@dataclass(frozen=True, slots=True)
class Header:
    """A stream's header in parts.

    Attributes:
        doc_type: `matroska` or `webm`.
        entries: contents of the TrackEntries, the video's first.
        said: of each track, names and values of its tags.
    """

    doc_type: str
    entries: list[bytes]
    said: list[list[tuple[str, str]]]

    def delays(self, unit: int) -> list[int]:
        """Units by which the times in a track's blocks run ahead, as they count samples that are not heard."""
        delays = (m.number(m.child(entry, m.CODEC_DELAY)) for entry in self.entries)
        return [(2 * delay + unit) // (2 * unit) for delay in delays]

    def tracks(self, rate: Fraction | None) -> bytes:
        """The tracks; `rate`: frames a second of the video where all of its frames last equally long."""
        entries = [m.without(self.entries[0], m.DEFAULT_DURATION), *self.entries[1:]]
        if rate:
            entries[0] += m.unsigned(m.DEFAULT_DURATION, round(_SECOND / rate))
        return m.element(m.TRACKS, *(numbered(entry, at) for at, entry in enumerate(entries, 1)))

    def tags(self, durations: Sequence[str] = ()) -> bytes:
        """What is said of the tracks; `durations`: of each track, where they are known."""
        said = [[*values] for values in self.said]
        for values, duration in zip(said, durations, strict=False):
            values.append(("DURATION", duration))
        return m.element(m.TAGS, *(m.tags(at, values) for at, values in enumerate(said, 1) if values))

    def live(self, unit: int, rate: Fraction | None) -> bytes:
        """All that comes before the first cluster of a stream whose end is not known."""
        return b"".join((beginning(self.doc_type), info(unit), self.tracks(rate), self.tags()))


@lru_cache(1024)
def header_for(format: HybridFormat) -> Header:
    """The header of a stream.

    Raises:
        MediaError: the source's header is damaged, or of other tracks.
    """
    source = entries_of(format.header) if format.header else [_plain(format)]
    if len(source) != 1 + len(format.sides):
        raise MediaError(f"the source's header has {len(source)} tracks, and {1 + len(format.sides)} are to be written")
    video = resized(source[0], format.video_size)
    entries = [_titled(video, (m.text(m.NAME, TITLES[0]) if m.child(video, m.NAME) is None else b""), default=True)]
    said = [[(TIME_BASE, _ratio(format.time_base)), (FRAME_RATE, _ratio(format.frame_rate))]]
    if format.anchor_size:
        shape = [m.element(name, body) for name, body in m.children(m.child(video, m.VIDEO) or b"") if name in SHAPE]
        form = image_format(format.codec)
        anchors = _entry(_CODEC_IDS[form], _size(format.video_size) + b"".join(shape))
        # Without a rate of their own FFmpeg would wait for twenty of them before it hands out the first packet.
        anchors += m.unsigned(m.DEFAULT_DURATION, round(_SECOND / format.frame_rate))
        anchors = _titled(resized(anchors, format.anchor_size), m.text(m.NAME, TITLES[1]), default=False)
        if form == "av1":
            anchors += m.element(m.CODEC_PRIVATE, av1_image.codec_private(av1_image.coded_size(format.anchor_size)))
        if form == "hevc":
            anchors += m.element(m.CODEC_PRIVATE, hevc_image.codec_private(hevc_image.even_size(format.anchor_size)))
        entries.append(anchors)
        scale = format.anchor_size[0] // format.video_size[0]
        said.append([(TIME_BASE, _ratio(format.time_base)), (SCALE, str(scale))])
        if format.codec != "jpeg":  # the only one of version 1, which says none
            said[-1].append((ANCHOR_CODEC, format.codec))
        if format.anchor_delay:
            said[-1].append((ANCHOR_DELAY, _ratio(format.anchor_delay)))
    for side, entry in zip(format.sides, source[1:], strict=True):
        entries.append(entry)
        said.append([(TIME_BASE, _ratio(side.time_base))])
    return Header(_doc_type(format.header), entries, said)


def _plain(format: HybridFormat) -> bytes:
    assert format.video_codec, "a format without the source's header needs its codec"
    return _entry(codec_named(format.video_codec).matroska, _size(format.video_size))


def _entry(codec: str, picture: bytes) -> bytes:
    codec_id, language = m.text(m.CODEC_ID, codec), m.text(m.LANGUAGE, "und")
    return (
        m.unsigned(m.TRACK_TYPE, 1) + m.unsigned(m.FLAG_LACING, 0) + language + codec_id + m.element(m.VIDEO, picture)
    )


def _titled(entry: bytes, title: bytes, *, default: bool) -> bytes:
    return m.without(entry, m.FLAG_DEFAULT) + m.unsigned(m.FLAG_DEFAULT, int(default)) + title


def resized(entry: bytes, size: tuple[int, int]) -> bytes:
    """A video's TrackEntry content for pictures of another size: what is told in pixels goes with it."""
    picture = m.child(entry, m.VIDEO) or b""
    before = (m.number(m.child(picture, m.PIXEL_WIDTH), size[0]), m.number(m.child(picture, m.PIXEL_HEIGHT), size[1]))
    in_pixels = _CROPPED if m.number(m.child(picture, m.DISPLAY_UNIT)) else (*_CROPPED, *_DISPLAYED)
    parts = [_size(size)]
    for name, body in m.children(picture):
        if name in in_pixels:
            across = name in (m.DISPLAY_WIDTH, m.CROP_LEFT, m.CROP_RIGHT)
            larger, smaller = (size[0], before[0]) if across else (size[1], before[1])
            parts.append(m.unsigned(name, m.number(body) * larger // smaller))
        elif name not in (m.PIXEL_WIDTH, m.PIXEL_HEIGHT, m.ALPHA_MODE, m.CRC):
            parts.append(m.element(name, body))
    # The codec's own settings tell the level, which goes by the size.
    dropped = (m.VIDEO,) if before == size else (m.VIDEO, m.CODEC_PRIVATE)
    return m.without(entry, *dropped) + m.element(m.VIDEO, *parts)


def _size(size: tuple[int, int]) -> bytes:
    return m.unsigned(m.PIXEL_WIDTH, size[0]) + m.unsigned(m.PIXEL_HEIGHT, size[1])


def _doc_type(header: bytes) -> str:
    first = next(m.elements(header), None) if header else None
    kind = m.child(header[first.body : first.end], m.DOC_TYPE) if first else None
    return kind.decode("ascii", "replace") if kind else "matroska"


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
