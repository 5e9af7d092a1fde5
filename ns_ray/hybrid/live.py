"""A hybrid stream as it is sent while it is made (docs/hybrid-format.md, "Sent live").

Packets go out as they come; anchors follow when they are ready, in clusters of their own.
"""

from collections.abc import Sequence
from fractions import Fraction

from ns_ray.hybrid.clock import to_units
from ns_ray.hybrid.header import HybridFormat, header_for
from ns_ray.hybrid.writer import clusters, side_blocks
from ns_ray.video import matroska
from ns_ray.video.matroska import Block
from ns_ray.video.packets import Packet, SidePacket


class LiveWriter:
    """Makes a stream's header and clusters; keeps nothing of it but the last time."""

    def __init__(self, format: HybridFormat) -> None:
        """Begin a stream; `format.anchor_delay` says how late an anchor may be."""
        self._format = format
        self._unit = format.unit
        self._delays = header_for(format).delays(self._unit)
        self._previous = 0

    def header(self, rate: Fraction | None) -> bytes:
        """EBML header, Segment of unknown size, Info, Tracks, Tags; `rate`: frames a second where it is constant."""
        return header_for(self._format).live(self._unit, rate)

    def packet(self, packet: Packet) -> bytes:
        """The cluster of one packet of the video."""
        time = to_units(packet.pts, self._format.time_base, self._unit)
        duration = to_units(packet.duration, self._format.time_base, self._unit)
        one = Block(1, time, packet.data, packet.key, duration or None)
        previous, self._previous = self._previous, time
        return _cluster(one, previous)

    def sides(self, sides: Sequence[SidePacket]) -> list[bytes]:
        """Clusters of packets beside the video, which come before the next one of it: one, or more if far apart."""
        blocks = (block for _, block in side_blocks(self._format, self._unit, sides, self._delays))
        return [b"".join(pieces) for pieces in clusters(blocks, self._unit)]

    def anchor(self, pts: int, image: bytes) -> bytes:
        """The cluster of an anchor, which holds it alone.

        Args:
            pts: time of the packet that it belongs to, in ticks of the video.
            image: the image, with its tag.
        """
        time = to_units(pts, self._format.time_base, self._unit)
        return _cluster(Block(2, time, image, True), time)


def _cluster(one: Block, previous: int) -> bytes:
    parts: list[matroska.Piece] = [matroska.unsigned(matroska.TIMESTAMP, one.time)]
    parts += matroska.block(one, one.time, previous)
    return b"".join(matroska.pieces(matroska.CLUSTER, parts))
