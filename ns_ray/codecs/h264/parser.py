"""The frames of an H.264 stream: types, order, references and motion, read without decoding a pixel.

The work is done in C++ (`ns_ray/native/codecs/h264/`), after ITU-T H.264.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ns_ray.codecs.h264 import _h264
from ns_ray.codecs.h264.layout import BLOCK, MACROBLOCK, SLICE
from ns_ray.codecs.motion_field import BLOCK as COMMON_BLOCK
from ns_ray.codecs.motion_field import WEIGHTS, MotionField, Prediction

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_PIXELS: Final = 139_264 * 256
"""Luma samples of the largest frame that is parsed where nothing else is said: what level 6.2 allows (table A-1)."""


class FrameType(IntEnum):
    """How a frame counts in anchor selection."""

    KEY = 0  # an IDR picture, or one of I slices alone where a recovery point says that decoding can begin
    P = 1  # without B slices
    REFERENCE_B = 2
    B = 3  # nothing refers to it


@dataclass(frozen=True, slots=True)
class Frame:
    """One coded frame.

    Arrays are read-only and cover whole macroblocks: the picture is the part of `width` by `height` from `crop` on.

    Attributes:
        blocks: array of BLOCK, [4 * rows][4 * columns] in 4x4 luma samples.
        coded: Coded flags of each block, uint8, the same shape.
        macroblocks: array of MACROBLOCK, [rows][columns].
        slices: array of SLICE, in coded order; at most 2048.
        references: numbers of the frames that its slices' lists name, at most 16.
        slots: where those are kept, as `slot`.
        slot: where the frame is kept for others to refer to, 0 to 15, in the place of one that none refers to any more;
            -1 where it is not.
        full_range: whether luma is 0 to 255 by the bitstream.
        matrix: matrix_coefficients (table E-5), 2 where the bitstream does not say.
        parsed: the same in C++.
        number: frames before it in decode order, those that failed included.
        type: how it counts in anchor selection.
        idr: it forgets all frames before it; other KEY frames do not.
        reference: others may refer to it.
        order: frames are shown in order of this: how often picture order counts began anew, and PicOrderCnt (8.2.1).
        size: bytes that it takes: packets are divided among their frames.
        width: luma samples shown.
        height: luma samples shown.
        crop: luma samples left of the picture and above it.
        profile: profile_idc.
        level: level_idc, ten times the level.
    """

    blocks: NDArray[np.void]
    coded: NDArray[np.uint8]
    macroblocks: NDArray[np.void]
    slices: NDArray[np.void]
    references: tuple[int, ...]
    slots: tuple[int, ...]
    slot: int
    full_range: bool
    matrix: int
    parsed: _h264.ParsedFrame
    number: int
    type: FrameType
    idr: bool
    reference: bool
    order: tuple[int, int]
    size: int
    width: int
    height: int
    crop: tuple[int, int]
    profile: int
    level: int

    @property
    def used(self) -> dict[int, int]:
        """Numbers of the frames that blocks are predicted from, each with how often a 4x4 block is."""
        pictures: NDArray[np.int8] = self.blocks["picture"]
        counts = np.bincount(pictures.ravel() + 1, minlength=len(self.references) + 1)[1:]
        return {number: int(count) for number, count in zip(self.references, counts, strict=True) if count}

    @property
    def show(self) -> bool:
        """All frames are."""
        return True

    @property
    def show_existing(self) -> int | None:
        """No frame shows another."""
        return None

    @property
    def key(self) -> bool:
        """Whether decoding can begin at it: frames behind it that refer to what came before are shown before it."""
        return self.type is FrameType.KEY

    @property
    def independent(self) -> bool:
        """No frame goes on from more than what it refers to."""
        return True

    @property
    def refreshed(self) -> int:
        """Its slot, as a bit."""
        return 0 if self.slot < 0 else 1 << self.slot

    @property
    def needed(self) -> int:
        """The slots that its lists name, bit i for slot i."""
        return sum(1 << slot for slot in set(self.slots) if slot >= 0)

    @property
    def motion_field(self) -> MotionField:
        """How its blocks moved, in whole macroblocks."""
        blocks, weights = self.parsed.motion_field()
        rows, columns = self.macroblocks.shape
        return MotionField(
            blocks.view(COMMON_BLOCK), 16 * columns, 16 * rows, self.refreshed, Prediction.H264, weights.view(WEIGHTS)
        )

    @property
    def intra(self) -> NDArray[np.bool_]:
        """Which blocks are predicted from their own frame, bool, shaped as `blocks`."""
        references: NDArray[np.int8] = self.blocks["reference"]
        return (references[..., 0] < 0) & (references[..., 1] < 0)


class FrameParser:
    """Parses the packets of one stream, in decode order: progressive, 4:2:0, 8 bit; all else is refused by name.

    It keeps what H.264 carries from frame to frame: parameter sets, the frames referred to, counts. After an error it
    goes on: the frame that failed counts as missing, so that those that refer to it raise MissingReferenceError.

    Args:
        record: the AVCDecoderConfigurationRecord (ISO/IEC 14496-15) of streams in MP4, Matroska or FLV, which the
            container keeps apart ("extradata"); packets then hold NAL units behind their lengths. Without it they are
            Annex B: NAL units behind start codes.
        max_pixels: luma samples of the largest frame that is parsed; memory is bounded to about 20 bytes for each.

    Raises:
        BitstreamError: the record is damaged.
    """

    def __init__(self, record: Buffer | None = None, max_pixels: int = MAX_PIXELS) -> None:
        self._parser = _h264.Parser(max_pixels)
        if record is not None:
            self._parser.configure(record)

    def parse(self, packet: Buffer) -> list[Frame]:
        """Parse the frames of a packet: as a rule one, none where it holds parameter sets alone.

        The data of every slice must end with its last macroblock, bit for bit (section 7.3.2.8): where something was
        read wrongly it practically never does. Other threads run meanwhile.

        Raises:
            UnsupportedStreamError: it uses what is left out: interlaced coding, FMO, ASO, data partitioning, SP and SI
                slices, other formats than 4:2:0 with 8 bit, lossless coding, more than 2048 slices.
            MissingReferenceError: it refers to a frame or parameters that never came, or a frame that failed.
            BitstreamError: it is damaged, or larger than max_pixels.
        """
        return [_frame(facts) for facts in self._parser.parse(packet)]


def _frame(facts: dict[str, Any]) -> Frame:
    facts["blocks"] = facts["blocks"].view(BLOCK)
    facts["macroblocks"] = facts["macroblocks"].view(MACROBLOCK)
    facts["slices"] = facts["slices"].view(SLICE)[:, 0]
    facts["type"] = FrameType(facts["type"])
    return Frame(**facts)
