"""The uncompressed header of a coded frame (VP9 bitstream specification, sections 6.2 and 7.2)."""

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final

from ns_ray.errors import BitstreamError
from ns_ray.vp9.bits import BitReader

SLOTS = 8
CONTEXTS = 4
SYNC_CODE = 0x498342
RGB = 7  # color_space CS_RGB

MAX_PIXELS: Final = 1 << 26
"""Largest frame that is parsed unless told otherwise: 8192x8192."""


class MissingReferenceError(BitstreamError):
    """A frame needs one from before decoding began. It is not damaged, and what is known stays true."""


class Interpolation(IntEnum):
    """Interpolation filter of inter prediction (interp_filter)."""

    SMOOTH = 0
    REGULAR = 1
    SHARP = 2
    BILINEAR = 3
    SWITCHABLE = 4


@dataclass(frozen=True, slots=True)
class ColorConfig:
    """Sample format (section 7.2.2): bits a sample, colour space code, range and chroma subsampling."""

    bit_depth: int = 8
    color_space: int = 1
    full_range: bool = False
    subsampling_x: int = 1
    subsampling_y: int = 1

    @property
    def format(self) -> tuple[int, int, int]:
        """What a frame and its references must have in common: bit depth and subsampling."""
        return self.bit_depth, self.subsampling_x, self.subsampling_y

    def belongs_to(self, profile: int) -> bool:
        """Whether frames of a profile may have this format: 2 and 3 have more than 8 bits, 0 and 2 are 4:2:0."""
        return (profile >= 2) == (self.bit_depth > 8) and (profile % 2 == 0) == (
            self.subsampling_x + self.subsampling_y == 2
        )


@dataclass(frozen=True, slots=True)
class LoopFilter:
    """Loop filter parameters (section 7.2.8), the deltas as they are in force for this frame."""

    level: int = 0
    sharpness: int = 0
    delta_enabled: bool = False
    ref_deltas: tuple[int, int, int, int] = (1, 0, -1, -1)
    mode_deltas: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Quantizer:
    """Quantiser indices (section 7.2.9)."""

    base_index: int = 0
    delta_y_dc: int = 0
    delta_uv_dc: int = 0
    delta_uv_ac: int = 0

    @property
    def lossless(self) -> bool:
        """Whether the frame is coded without loss (where no segment changes the index)."""
        return not (self.base_index or self.delta_y_dc or self.delta_uv_dc or self.delta_uv_ac)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Segmentation parameters (section 7.2.10), the features as they are in force for this frame.

    `features[segment]` holds quantiser, loop filter, reference frame and skip: a value, or None where not active.
    """

    enabled: bool = False
    update_map: bool = False
    temporal_update: bool = False
    tree_probs: tuple[int, ...] = (255,) * 7
    pred_probs: tuple[int, ...] = (255,) * 3
    absolute: bool = False
    features: tuple[tuple[int | None, ...], ...] = ((None,) * 4,) * 8


@dataclass(frozen=True, slots=True)
class Reference:
    """One of the three references of an inter frame: its slot and its direction in time (ref_frame_sign_bias).

    In error-resilient frames the sign bias counts as 0, whatever was coded (setup_past_independence).
    """

    slot: int
    sign_bias: bool


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One uncompressed header.

    With `show_existing` set, only `profile` and `show` mean anything, and size and `color`, which are those of the
    frame shown. Sizes are in samples, `header_bytes` and `compressed_header_bytes` in bytes; `tile_cols` and
    `tile_rows` are counts.
    """

    profile: int
    show: bool
    show_existing: int | None = None
    key: bool = False
    intra_only: bool = False
    error_resilient: bool = False
    reset_context: int = 0
    color: ColorConfig = field(default_factory=ColorConfig)
    width: int = 0
    height: int = 0
    render_width: int = 0
    render_height: int = 0
    refreshed: int = 0
    references: tuple[Reference, ...] = ()
    high_precision: bool = False
    interpolation: Interpolation = Interpolation.REGULAR
    refresh_context: bool = False
    parallel: bool = True
    context: int = 0
    loop_filter: LoopFilter = field(default_factory=LoopFilter)
    quantizer: Quantizer = field(default_factory=Quantizer)
    segmentation: Segmentation = field(default_factory=Segmentation)
    tile_cols: int = 1
    tile_rows: int = 1
    header_bytes: int = 0
    compressed_header_bytes: int = 0

    @property
    def intra(self) -> bool:
        """Whether the frame refers to no other (FrameIsIntra)."""
        return self.key or self.intra_only

    @property
    def independent(self) -> bool:
        """Whether it sets all probabilities anew, so that its symbols can be read whatever came before."""
        return self.key or self.error_resilient or (self.intra_only and self.reset_context == 3)


@dataclass(frozen=True, slots=True)
class _Slot:
    width: int
    height: int
    color: ColorConfig

    def allows(self, size: tuple[int, int]) -> bool:
        """Whether a frame of `size` can be predicted from it: down to a half and up to 16 times (section 8.5.2.3)."""
        (width, height), ours = size, (self.width, self.height)
        return ours[0] <= 2 * width <= 32 * ours[0] and ours[1] <= 2 * height <= 32 * ours[1]


class HeaderParser:
    """Parses the headers of one stream in decode order, keeping what later headers refer to."""

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._slots: list[_Slot | None] = [None] * SLOTS
        self._color = ColorConfig()
        self._contexts = 0  # those that hold probabilities, bit i for context i
        self._loop_filter = LoopFilter()
        self._segmentation = Segmentation()

    def parse(self, frame: bytes | memoryview) -> FrameHeader:
        """Parse the header of the next coded frame.

        Args:
            frame: one coded frame (an element of a superframe).

        Raises:
            MissingReferenceError: it refers to a slot that nothing has filled.
            BitstreamError: the header breaks the specification, uses a reserved value, is that of a frame larger than
                max_pixels, or builds on probabilities that nothing has set.
            In any case the state is then as it was before.
        """
        r = BitReader(frame)
        if r.f(2) != 2:
            raise BitstreamError("this is no VP9 frame: the frame marker is missing")
        profile = r.f(1) | r.f(1) << 1
        if profile == 3 and r.flag():
            raise BitstreamError("profiles above 3 are reserved")
        if r.flag():
            return self._existing(r, profile, frame)
        header, contexts = self._frame(r, profile)
        self._keep(header, contexts)
        return header

    def _existing(self, r: BitReader, profile: int, frame: bytes | memoryview) -> FrameHeader:
        number = r.f(3)
        slot = self._slots[number]
        if slot is None:
            raise MissingReferenceError(f"an existing frame is to be shown from slot {number}, which is empty")
        size = _trailing_bits(r)
        if any(frame[size:]):
            raise BitstreamError("a frame that only shows another goes on after its header")
        return FrameHeader(
            profile,
            show=True,
            show_existing=number,
            color=slot.color,
            width=slot.width,
            height=slot.height,
            render_width=slot.width,
            render_height=slot.height,
            header_bytes=size,
        )

    def _frame(self, r: BitReader, profile: int) -> tuple[FrameHeader, int]:
        """A frame's header, and which contexts hold probabilities with it."""
        key = not r.flag()
        show = r.flag()
        error_resilient = r.flag()
        intra_only = False
        reset_context = 0
        references: tuple[Reference, ...] = ()
        high_precision = False
        interpolation = Interpolation.REGULAR
        if key:
            _sync_code(r)
            color = _color_config(r, profile)
            refreshed = (1 << SLOTS) - 1
            size = _frame_size(r)
            render = _render_size(r, size)
        else:
            intra_only = r.flag() if not show else False
            reset_context = 0 if error_resilient else r.f(2)
            if intra_only:
                _sync_code(r)
                color = _color_config(r, profile) if profile > 0 else ColorConfig()
                refreshed = r.f(SLOTS)
                size = _frame_size(r)
                render = _render_size(r, size)
            else:
                refreshed = r.f(SLOTS)
                references = tuple(Reference(r.f(3), r.flag() and not error_resilient) for _ in range(3))
                size, color = self._size_with_references(r, references)
                if not color.belongs_to(profile):
                    raise BitstreamError("the profile is not that of the references")
                render = _render_size(r, size)
                high_precision = r.flag()
                interpolation = Interpolation.SWITCHABLE if r.flag() else Interpolation(r.f(2))
        if size[0] * size[1] > self._max_pixels:
            raise BitstreamError(
                f"a frame of {size[0]}x{size[1]} is larger than the limit of {self._max_pixels} pixels"
            )
        refresh_context, parallel = (False, True) if error_resilient else (r.flag(), r.flag())
        context = r.f(2)
        independent = key or intra_only or error_resilient
        if key or error_resilient or reset_context == 3:
            contexts = (1 << CONTEXTS) - 1
        else:
            contexts = self._contexts | (1 << context if intra_only and reset_context == 2 else 0)
        if not contexts >> (0 if independent else context) & 1:
            raise BitstreamError("the frame goes on from probabilities that nothing has set; start at a key frame")
        loop_filter = _loop_filter(r, LoopFilter() if independent else self._loop_filter)
        quantizer = _quantizer(r)
        segmentation = _segmentation(r, Segmentation() if independent else self._segmentation)
        tile_cols, tile_rows = _tiles(r, size[0])
        compressed = r.f(16)
        if compressed == 0:
            raise BitstreamError("the compressed header is empty")
        header = FrameHeader(
            profile=profile,
            show=show,
            key=key,
            intra_only=intra_only,
            error_resilient=error_resilient,
            reset_context=reset_context,
            color=color,
            width=size[0],
            height=size[1],
            render_width=render[0],
            render_height=render[1],
            refreshed=refreshed,
            references=references,
            high_precision=high_precision,
            interpolation=interpolation,
            refresh_context=refresh_context,
            parallel=parallel,
            context=context,
            loop_filter=loop_filter,
            quantizer=quantizer,
            segmentation=segmentation,
            tile_cols=tile_cols,
            tile_rows=tile_rows,
            header_bytes=_trailing_bits(r),
            compressed_header_bytes=compressed,
        )
        return header, contexts

    def _size_with_references(
        self, r: BitReader, references: tuple[Reference, ...]
    ) -> tuple[tuple[int, int], ColorConfig]:
        slots: list[_Slot] = []
        for reference in references:
            slot = self._slots[reference.slot]
            if slot is None:
                raise MissingReferenceError(
                    f"reference slot {reference.slot} is empty: the stream does not start at a key frame"
                )
            slots.append(slot)
        color = self._color
        if any(slot.color is not color and slot.color.format != color.format for slot in slots):
            raise BitstreamError("a reference has another bit depth or subsampling")
        for slot in slots:
            if r.flag():
                return (slot.width, slot.height), color
        size = _frame_size(r)
        if not any(slot.allows(size) for slot in slots):
            raise BitstreamError("no reference has a size that can be predicted from")
        return size, color

    def _keep(self, header: FrameHeader, contexts: int) -> None:
        self._loop_filter = header.loop_filter
        self._segmentation = header.segmentation
        self._color = header.color
        self._contexts = contexts
        kept = _Slot(header.width, header.height, header.color)
        for i in range(SLOTS):
            if header.refreshed >> i & 1:
                self._slots[i] = kept


def _trailing_bits(r: BitReader) -> int:
    """Read up to the next byte; returns its number."""
    if r.f(-r.position % 8):
        raise BitstreamError("a bit behind the uncompressed header is set")
    return r.position // 8


def _sync_code(r: BitReader) -> None:
    if r.f(24) != SYNC_CODE:
        raise BitstreamError("the frame's sync code is wrong: it is damaged, or no VP9 frame")


def _color_config(r: BitReader, profile: int) -> ColorConfig:
    bit_depth = (12 if r.flag() else 10) if profile >= 2 else 8
    color_space = r.f(3)
    if color_space == RGB:
        if profile in (0, 2):
            raise BitstreamError(f"RGB is not allowed in profile {profile}")
        if r.flag():
            raise BitstreamError("a reserved bit of the colour configuration is set")
        return ColorConfig(bit_depth, color_space, True, 0, 0)
    full_range = r.flag()
    if profile in (0, 2):
        return ColorConfig(bit_depth, color_space, full_range)
    subsampling_x, subsampling_y = r.f(1), r.f(1)
    if subsampling_x and subsampling_y:
        raise BitstreamError(f"4:2:0 is not allowed in profile {profile}")
    if r.flag():
        raise BitstreamError("a reserved bit of the colour configuration is set")
    return ColorConfig(bit_depth, color_space, full_range, subsampling_x, subsampling_y)


def _frame_size(r: BitReader) -> tuple[int, int]:
    return r.f(16) + 1, r.f(16) + 1


def _render_size(r: BitReader, size: tuple[int, int]) -> tuple[int, int]:
    return _frame_size(r) if r.flag() else size


def _loop_filter(r: BitReader, previous: LoopFilter) -> LoopFilter:
    level, sharpness = r.f(6), r.f(3)
    enabled = r.flag()
    if not (enabled and r.flag()):
        return LoopFilter(level, sharpness, enabled, previous.ref_deltas, previous.mode_deltas)
    ref_deltas, mode_deltas = list(previous.ref_deltas), list(previous.mode_deltas)
    for deltas in (ref_deltas, mode_deltas):
        for i in range(len(deltas)):
            if r.flag():
                deltas[i] = r.su(6)
    a, b, c, d = ref_deltas
    e, f = mode_deltas
    return LoopFilter(level, sharpness, enabled, (a, b, c, d), (e, f))


def _quantizer(r: BitReader) -> Quantizer:
    base = r.f(8)
    y_dc = r.su(4) if r.f(1) else 0
    uv_dc = r.su(4) if r.f(1) else 0
    uv_ac = r.su(4) if r.f(1) else 0
    return Quantizer(base, y_dc, uv_dc, uv_ac)


_FEATURE_BITS = (8, 6, 2, 0)
_FEATURE_SIGNED = (True, True, False, False)


def _segmentation(r: BitReader, previous: Segmentation) -> Segmentation:
    if not r.flag():
        if not previous.enabled:
            return previous
        return replace(previous, enabled=False, update_map=False, temporal_update=False)
    tree_probs: tuple[int, ...] = (255,) * 7
    pred_probs: tuple[int, ...] = (255,) * 3
    temporal = False
    update_map = r.flag()
    if update_map:
        tree_probs = tuple(r.f(8) if r.flag() else 255 for _ in range(7))
        temporal = r.flag()
        pred_probs = tuple(r.f(8) if temporal and r.flag() else 255 for _ in range(3))
    absolute, features = previous.absolute, previous.features
    if r.flag():
        absolute = r.flag()
        features = tuple(
            tuple(
                (r.su(bits) if signed else r.f(bits)) if r.flag() else None
                for bits, signed in zip(_FEATURE_BITS, _FEATURE_SIGNED, strict=True)
            )
            for _ in range(8)
        )
    return Segmentation(True, update_map, temporal, tree_probs, pred_probs, absolute, features)


def _tiles(r: BitReader, width: int) -> tuple[int, int]:
    superblocks = (width + 63) // 64
    smallest = 0
    while (64 << smallest) < superblocks:
        smallest += 1
    largest = 1
    while superblocks >> largest >= 4:
        largest += 1
    largest -= 1
    cols = smallest
    while cols < largest and r.flag():
        cols += 1
    rows = 0
    if r.flag():
        rows = 1 + r.f(1)
    return 1 << cols, 1 << rows
