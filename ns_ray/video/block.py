"""Packets side by side in one buffer, which crosses processes without being copied packet by packet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.video.packets import Packet


@briefly_pickled
@dataclass(frozen=True, slots=True, eq=False)
class PacketBlock:
    """Packets of one stream, numbered without a gap.

    Attributes:
        first: number of the first.
        ends: int64 (packets,), where each ends in `data`.
        pts: int64 (packets,), ticks; see `Packet`.
        durations: int64 (packets,), ticks.
        keys: bool (packets,).
        data: uint8 (bytes,).
    """

    first: int
    ends: NDArray[np.int64]
    pts: NDArray[np.int64]
    durations: NDArray[np.int64]
    keys: NDArray[np.bool_]
    data: NDArray[np.uint8]

    @classmethod
    def of(cls, packets: Sequence[Packet]) -> "PacketBlock":
        """Put packets side by side."""
        return cls(
            packets[0].video_index if packets else 0,
            np.cumsum([len(packet.data) for packet in packets], dtype=np.int64),
            np.array([packet.pts for packet in packets], np.int64),
            np.array([packet.duration for packet in packets], np.int64),
            np.array([packet.key for packet in packets], np.bool_),
            np.frombuffer(b"".join(packet.data for packet in packets), np.uint8),
        )

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[Packet]:
        data, begin = self.data.data, 0
        ends, pts, durations, keys = (a.tolist() for a in (self.ends, self.pts, self.durations, self.keys))
        for i, end in enumerate(ends):
            yield Packet(self.first + i, bytes(data[begin:end]), pts[i], durations[i], keys[i])
            begin = end
