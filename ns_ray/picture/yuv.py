"""YUV 4:2:0 pictures as NumPy arrays."""

from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.errors import MediaError

Plane = NDArray[np.uint8]


@briefly_pickled
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


def resize(picture: Yuv420, size: tuple[int, int], interpolation: str = "BILINEAR") -> Yuv420:
    """Scale to (width, height) as swscale does; a picture that has the size already is returned as it is."""
    if (picture.y.shape[1], picture.y.shape[0]) == size:
        return picture
    frame = to_frame(picture).reformat(width=size[0], height=size[1], interpolation=interpolation)
    return from_frame(frame).packed()


def to_frame(picture: Yuv420) -> av.VideoFrame:
    """The picture as a PyAV frame, copied."""
    height, width = picture.y.shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, samples in zip(frame.planes, picture.planes, strict=True):
        padded = np.zeros((plane.height, plane.line_size), np.uint8)
        padded[: samples.shape[0], : samples.shape[1]] = samples
        plane.update(padded.tobytes())
    return frame


def from_frame(frame: av.VideoFrame) -> Yuv420:
    """A PyAV frame as a picture whose planes are views of the frame's memory.

    Raises:
        MediaError: the frame is not 8 bit 4:2:0.
    """
    rows, columns = (frame.height + 1) // 2, (frame.width + 1) // 2
    y = _view(frame.planes[0])[: frame.height, : frame.width]
    if frame.format.name == "nv12":  # NVDEC interleaves the chroma planes
        uv = _view(frame.planes[1])[:rows, : 2 * columns]
        return Yuv420(y, uv[:, 0::2], uv[:, 1::2])
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        raise MediaError(f"the decoder gave {frame.format.name}, but only 8 bit 4:2:0 video is supported")
    return Yuv420(y, _view(frame.planes[1])[:rows, :columns], _view(frame.planes[2])[:rows, :columns])


def _view(plane: av.video.plane.VideoPlane) -> Plane:
    samples: Plane = np.frombuffer(memoryview(plane), np.uint8)
    return samples.reshape(plane.height, plane.line_size)
