"""What an engine keeps in device memory for one model and LR size, in bytes."""

from dataclasses import dataclass

from ns_ray.sr.color import chroma_size
from ns_ray.sr.spec import ModelSpec

_HALF = 2


@dataclass(frozen=True, slots=True)
class PlaneBlock:
    """Three planes in one block, one after the other without gaps: one copy moves them all.

    Attributes:
        shapes: rows and columns of Y, U and V.
        offsets: where each begins.
        nbytes: of all.
    """

    shapes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    offsets: tuple[int, int, int]
    nbytes: int


def plane_block(height: int, width: int) -> PlaneBlock:
    """YUV 4:2:0 of that many luma rows and columns, 8 bits a sample."""
    chroma = chroma_size(height, width)
    luma_bytes, chroma_bytes = height * width, chroma[0] * chroma[1]
    return PlaneBlock(
        ((height, width), chroma, chroma),
        (0, luma_bytes, luma_bytes + chroma_bytes),
        luma_bytes + 2 * chroma_bytes,
    )


@dataclass(frozen=True, slots=True)
class BufferPlan:
    """The buffers of one engine.

    Attributes:
        lr, hr: YUV 4:2:0 that comes in and goes out.
        lr_tensor, hr_tensor: float16 (1, 3, rows, columns), the network's input and output; bytes.
        rgb: (rows, columns, 3) uint8 that goes out; bytes.
    """

    lr: PlaneBlock
    hr: PlaneBlock
    lr_tensor: int
    hr_tensor: int
    rgb: int

    @property
    def output(self) -> int:
        """Bytes of the buffer that either format goes out from."""
        return max(self.rgb, self.hr.nbytes)


def plan_buffers(spec: ModelSpec, width: int, height: int) -> BufferPlan:
    """The buffers for one model at one LR size."""
    columns, rows = width * spec.scale, height * spec.scale
    return BufferPlan(
        lr=plane_block(height, width),
        hr=plane_block(rows, columns),
        lr_tensor=3 * width * height * _HALF,
        hr_tensor=3 * columns * rows * _HALF,
        rgb=3 * columns * rows,
    )
