"""The reconstruction: HR frames from decoded LR frames, their blocks and the anchors."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ns_ray.client import _reconstruct
from ns_ray.codecs.motion_field import BLOCK, SLOTS, MotionField
from ns_ray.errors import HybridError

Mode = Literal["best", "plain"]
Plane = NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]


class Reconstructor:
    """Rebuilds the HR frames of one stream, coded frame by coded frame in decode order.

    It keeps an LR and an HR picture for each of the codec's reference slots (16 at most) and no more. Frames that it
    returns stay valid and unchanged for as long as they are held, and are read-only: the same memory serves as a
    reference.

    The stream may change its size at any frame; inter frames may refer to slots of other sizes where their codec lets
    them. What anchors taught goes on being used; once there is one of the new size, all of other sizes
    together count a tenth of what they did.

    An HR picture has 2^25 luma samples at most (7680x4320 has fewer), 65536 a side. References, the frame and what
    works on it take 704 MiB at most, which is enough for eight references of 7680x4320 at scales 2 to 4, but for three
    at scale 1; eight of 3840x2160 take 293 MiB at scale 1, 127 at scale 3. What would take more is refused before it is
    allocated. With spare pictures (64 MiB) and up to 6 MB a thread a reconstructor stays below 0.85 GB; frames that the
    caller holds come on top.
    """

    def __init__(self, scale: int, mode: Mode = "best", threads: int = 1, *, simd: bool = True) -> None:
        """Start with all reference slots empty.

        Args:
            scale: HR samples for an LR sample, in each direction: 1, 2, 3 or 4.
            mode: `plain` reuses as published: motion compensation plus upscaled residual. `best` also keeps drift down,
                and guesses detail from the LR samples as the anchors have taught it; see docs/reconstruction.md.
            threads: threads at work within a frame; the result does not depend on it.
            simd: use the processor's AVX2 where it has it; the result does not depend on it.

        Raises:
            HybridError: a scale or a number of threads that is not supported, or that the system does not have.
        """
        if scale not in (1, 2, 3, 4):
            raise HybridError(f"scale {scale} cannot be reconstructed, only 1, 2, 3 and 4")
        if mode not in ("best", "plain"):
            raise HybridError(f"reconstruction mode {mode!r} is unknown: it is 'best' or 'plain'")
        if not 1 <= threads <= 256:
            raise HybridError(f"{threads} threads cannot be used, only 1 to 256")
        self.scale = scale
        self.mode: Mode = mode
        try:
            self._native = _reconstruct.Reconstructor(scale, mode == "best", threads, simd)
        except (RuntimeError, MemoryError) as error:
            raise HybridError(f"a reconstructor of {threads} threads cannot be started: {error}") from error

    def frame(
        self, field: MotionField, lr: Sequence[Plane], anchor: Sequence[Plane] | None = None, *, teach: bool = True
    ) -> Planes:
        """Take the next coded frame, hidden or shown, and return it at HR.

        Args:
            field: how its blocks moved.
            lr: the decoded frame: y (height, width), u and v ((height + 1) // 2, (width + 1) // 2), uint8.
            anchor: its super-resolved picture, if it is an anchor: y (scale * height, scale * width), u and v half of
                that, rounded up; uint8. It becomes the frame as it is.
            teach: whether the best mode may learn from the anchor what detail goes with which LR samples; not where it
                was made by mere upscaling.

        Returns:
            y, u, v of the shapes of an anchor; uint8, C-contiguous, read-only.

        Raises:
            HybridError: shapes that do not fit, blocks that no frame has, an empty reference slot, a reference of a
                size that the codec does not let the frame refer to, more samples or memory than the class allows.
                The state is then as it was before, unless it was the system's memory that ran out.
        """
        blocks = _bytes(field)
        try:
            planes = self._native.frame(
                blocks,
                field.width,
                field.height,
                field.refreshed,
                field.prediction,
                _planes(lr),
                None if anchor is None else _planes(anchor),
                teach,
            )
        except (RuntimeError, MemoryError) as error:
            raise HybridError(f"the frame cannot be reconstructed: {error}") from error
        return _contiguous(planes)

    def show(self, slot: int) -> Planes:
        """The HR frame that reference slot `slot` holds, for a frame that only shows an existing one.

        Raises:
            HybridError: the slot is empty or does not exist.
        """
        try:
            return _contiguous(self._native.show(slot))
        except RuntimeError as error:
            raise HybridError(f"no frame can be shown: {error}") from error

    def predict(self, field: MotionField, lr: Sequence[Plane]) -> tuple[Planes, Planes]:
        """The inter prediction of the next coded frame at LR and at HR, 0 in intra blocks; changes no state.

        The LR prediction is what the codec's decoder adds its residual to. Arguments and errors as for `frame`.
        """
        blocks = _bytes(field)
        try:
            low, high = self._native.predict(blocks, field.width, field.height, field.prediction, _planes(lr))
        except (RuntimeError, MemoryError) as error:
            raise HybridError(f"the frame cannot be predicted: {error}") from error
        return _contiguous(low), _contiguous(high)


def _bytes(field: MotionField) -> Plane:
    blocks = np.ascontiguousarray(field.blocks)
    if blocks.ndim != 1 or blocks.dtype != BLOCK:
        raise HybridError(
            f"blocks are {blocks.ndim}-dimensional of {blocks.dtype.itemsize} bytes each, not an array of BLOCK"
        )
    if not (0 < field.width <= 1 << 16 and 0 < field.height <= 1 << 16 and 0 <= field.refreshed < 1 << SLOTS):
        raise HybridError(
            f"a frame of {field.width}x{field.height} that refreshes slots {field.refreshed:#x} cannot be rebuilt"
        )
    return blocks.view(np.uint8)


def _planes(planes: Sequence[Plane]) -> Planes:
    if len(planes) != 3:
        raise HybridError(f"a picture has 3 planes, not {len(planes)}")
    for plane in planes:
        if plane.ndim != 2 or plane.dtype != np.uint8 or not plane.size:
            raise HybridError(
                f"a plane is a 2-dimensional array of uint8, not of {plane.dtype} with shape {plane.shape}"
            )
    y, u, v = (p if p.strides[1] == 1 and p.strides[0] > 0 else np.ascontiguousarray(p) for p in planes)
    return y, u, v


def _contiguous(planes: Planes) -> Planes:
    y, u, v = planes
    return np.ascontiguousarray(y), np.ascontiguousarray(u), np.ascontiguousarray(v)
