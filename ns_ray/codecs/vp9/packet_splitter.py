"""Splitting the packets of a stream, those too that hold several frames without a superframe index."""

from typing import Final

from ns_ray.codecs.vp9 import _vp9
from ns_ray.codecs.vp9.blocks import BlockParser
from ns_ray.codecs.vp9.header import MAX_PIXELS
from ns_ray.codecs.vp9.superframe import MAX_FRAMES, split
from ns_ray.errors import BitstreamError

HISTORY_BYTES: Final = 4 << 20
"""Bytes of frames since a key frame that are kept for the case that they must be parsed."""


class PacketSplitter:
    """Splits the packets of one stream, in order, into their coded frames.

    A packet of several frames should end in an index (`superframe.split`). libvpx decodes it without one, too: after
    a frame it goes on where that frame's last tile was read to, over zeros. Where that is only parsing the frame tells.
    So every packet without an index is looked through for what seems to be another frame (`native/frame_finder.hpp`),
    and only if there is one, the frames since the last key frame, which are kept, and those of the packet are parsed.

    Where they cannot be parsed (the key frame is too far back, something before was damaged), a packet is one frame; or
    frames are where they seem to be, if packets of this stream were found to hold several. A frame that codes nothing,
    and only shows another, is found before others but not behind them: it is a single byte. Nor does libvpx find it.
    A packet of more than MAX_FRAMES is left whole.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS, history_bytes: int = HISTORY_BYTES) -> None:
        """Start before any packet.

        Args:
            max_pixels: largest frame that is known as one.
            history_bytes: bytes of frames that are kept.
        """
        self._max_pixels = max_pixels
        self._history_bytes = history_bytes
        self._finder = _vp9.FrameFinder(max_pixels)
        self._parser: BlockParser | None = BlockParser(max_pixels)  # none where it cannot know what it should
        self._history: list[memoryview] = []  # what it has still to be given
        self._kept = 0
        self._several = False  # whether packets held several frames without an index before

    def split(self, packet: bytes) -> list[memoryview]:
        """Split the next packet.

        Returns:
            Views into `packet`, one a coded frame, in decode order.

        Raises:
            BitstreamError: as `superframe.split` does. The packet then counts as lost.
        """
        try:
            frames = split(packet)
        except BitstreamError:
            self._parser = None
            raise
        if _begins_key_frame(frames[0]):
            self._parser = BlockParser(self._max_pixels)
            self._history, self._kept = [], 0
        whole = frames[0]
        if len(whole) == len(packet) and len(starts := self._finder.find(packet)) > 1:
            frames = self._parse(whole) or self._guess(whole, starts)
        else:
            self._keep(frames)
        for frame in frames:
            self._finder.follow(frame)
        return frames

    def _keep(self, frames: list[memoryview]) -> None:
        """Note frames that were not parsed."""
        self._kept += sum(map(len, frames))
        if self._kept > self._history_bytes:
            self._parser = None
        if self._parser is None:
            self._history = []
        else:
            self._history += frames

    def _parse(self, packet: memoryview) -> list[memoryview]:
        """The frames of a packet without an index; none if they cannot be parsed."""
        parser, history = self._parser, self._history
        self._history, self._kept = [], 0
        if parser is None:
            return []
        frames: list[memoryview] = []
        try:
            for frame in history:
                parser.parse(frame)
            while packet:
                size = parser.parse(packet, alone=len(frames) == MAX_FRAMES - 1).size
                frames.append(packet[:size])
                packet = packet[size:]
        except BitstreamError:
            self._parser = None
            return []
        self._several = self._several or len(frames) > 1
        return frames

    def _guess(self, packet: memoryview, starts: list[int]) -> list[memoryview]:
        """The frames of a packet that cannot be parsed; one, where no packet before held several."""
        ends = [*starts[1:], len(packet)]
        return [packet[start:end] for start, end in zip(starts, ends, strict=True)] if self._several else [packet]


def _begins_key_frame(frame: memoryview) -> bool:
    """Whether its first bits are those of a key frame (section 6.2)."""
    first = frame[0]
    bits = first << 1 if first & 0b00110000 == 0b00110000 else first  # profile 3 has one bit more
    return first >> 6 == 2 and bits & 0b1100 == 0
