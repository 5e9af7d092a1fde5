"""YUV 4:2:0 pictures as NumPy arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Yuv420:
    """A picture of 8 bits a sample: luma (height, width), chroma ((height + 1) // 2, (width + 1) // 2).

    Planes may be views with any strides into the decoder's own memory.
    """

    y: Plane
    u: Plane
    v: Plane

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Luma and both chroma planes."""
        return self.y, self.u, self.v

    def packed(self) -> "Yuv420":
        """The same picture in memory of its own, each plane contiguous; the decoder's memory can then be reused."""
        return Yuv420(*(np.array(p, copy=True, order="C") for p in self.planes))
