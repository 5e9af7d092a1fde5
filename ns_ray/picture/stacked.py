"""The three planes of a 4:2:0 picture as one: luma, and below it both chroma planes, side by side.

Columns are even: those of an odd luma plane end in a repeat of the last one.
"""

from ns_ray.picture.yuv import Plane, Yuv420


def stacked_shape(rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of a stacked picture of so many luma rows and columns."""
    return rows + (rows + 1) // 2, (columns + 1) // 2 * 2


def hr_size(shape: tuple[int, ...], columns: int, rows: int) -> tuple[int, int]:
    """Columns and rows of an HR picture, RGB or stacked, of an array's shape, that was made from so many at LR."""
    scale = (shape[0] if len(shape) == 3 else 2 * shape[0] // 3) // max(rows, 1)
    return columns * scale, rows * scale


def unstacked(planes: Plane, columns: int | None = None) -> Yuv420:
    """The picture, as views; of so many luma columns, or of all that there are."""
    rows, half = 2 * planes.shape[0] // 3, planes.shape[1] // 2
    return Yuv420(planes[:rows, :columns], planes[rows:, :half], planes[rows:, half:])
