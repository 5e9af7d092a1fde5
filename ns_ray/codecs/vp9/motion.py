"""The motion field of VP9's frames, from their blocks."""

import numpy as np

from ns_ray.codecs.motion_field import BLOCK, MotionField, Prediction
from ns_ray.codecs.vp9.blocks import BlockParser, FrameBlocks
from ns_ray.codecs.vp9.header import FrameHeader
from ns_ray.errors import BitstreamError

_SAME = ("x", "y", "width", "height", "sub_width", "sub_height", "filter", "skip", "mv")


class MotionReader:
    """Parses the blocks of one stream; see `ns_ray.codecs.codec.MotionReader`.

    Where a frame is lost, blocks cannot be read until probabilities are set anew.
    """

    def __init__(self, max_samples: int) -> None:
        self._parser = BlockParser(max_samples)
        self._begun = False  # whether the parser has read anything
        self._readable = True  # whether it can go on from what it has read

    def read(self, frame: memoryview, header: FrameHeader | None) -> MotionField | None:
        """The motion field of the next coded frame; None where it cannot be read."""
        self._readable = not self._begun if header is None else self._readable or header.independent
        if header is None or not self._readable:
            return None
        try:
            blocks = self._parser.parse(frame)
        except BitstreamError:
            self._readable = not self._begun
            raise
        self._begun = True
        return motion_field(blocks)


def motion_field(parsed: FrameBlocks) -> MotionField:
    """The motion field of a parsed frame."""
    blocks = np.empty(len(parsed.blocks), BLOCK)
    for name in _SAME:
        blocks[name] = parsed.blocks[name]
    blocks["slot"] = parsed.blocks["ref_slot"]
    return MotionField(blocks, parsed.width, parsed.height, parsed.refresh_flags, Prediction.VP9)
