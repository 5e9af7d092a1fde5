"""YUV 4:2:0 pictures as NumPy arrays."""

from dataclasses import dataclass
from pickle import PickleBuffer
from typing import Any, SupportsIndex

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

    Planes may be views with any strides into the decoder's own memory. Pickled, a picture is one buffer, out-of-band
    where the protocol allows; planes of what is unpickled are read-only views of it.
    """

    y: Plane
    u: Plane
    v: Plane

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Luma and both chroma planes."""
        return self.y, self.u, self.v

    def packed(self) -> "Yuv420":
        """The same picture in one buffer, plane behind plane, and not in the decoder's memory, which can be reused.

        A picture that is so already is returned as it is.
        """
        if self._buffer() is not None:
            return self
        copy = _empty(*self.y.shape)
        for target, plane in zip(copy.planes, self.planes, strict=True):
            target[...] = plane
        return copy

    def _buffer(self) -> Plane | None:
        """The array that holds nothing but the planes, one behind the other, if there is one."""
        base = self.y.base
        if not isinstance(base, np.ndarray):
            return None
        begin = end = _address(base)
        for plane in self.planes:
            if plane.base is not base or not plane.flags.c_contiguous or _address(plane) != end:
                return None
            end += plane.nbytes
        return base if end - begin == base.nbytes else None

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        buffer = self._buffer()
        if buffer is None:
            buffer = self.packed().y.base
            assert buffer is not None
        data = PickleBuffer(buffer.data) if protocol.__index__() >= 5 else buffer.tobytes()
        return _unpickled, (data, *self.y.shape)


def _address(array: Plane) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _unpickled(data: bytes | memoryview, height: int, width: int) -> Yuv420:
    samples = np.frombuffer(data, np.uint8)
    samples.flags.writeable = False
    return _split(samples, height, width)


def _empty(height: int, width: int) -> Yuv420:
    """A packed picture whose samples are to be written."""
    return _split(np.empty(height * width + 2 * ((height + 1) // 2) * ((width + 1) // 2), np.uint8), height, width)


def _split(samples: Plane, height: int, width: int) -> Yuv420:
    luma, rows, columns = height * width, (height + 1) // 2, (width + 1) // 2
    chroma = samples[luma:].reshape(2, rows, columns)
    return Yuv420(samples[:luma].reshape(height, width), chroma[0], chroma[1])


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
    """A PyAV frame as a picture: views of the frame's memory, or a packed one where chroma is interleaved in it.

    Raises:
        MediaError: the frame is not 8 bit 4:2:0.
    """
    rows, columns = (frame.height + 1) // 2, (frame.width + 1) // 2
    y = _view(frame.planes[0])[: frame.height, : frame.width]
    if frame.format.name == "nv12":  # as NVDEC has it
        picture = _empty(frame.height, frame.width)
        pairs = _view(frame.planes[1])[:rows, : 2 * columns].view("<u2")
        picture.y[...] = y
        # Numbers of 16 bits are taken apart three times as fast as every other byte is copied.
        np.copyto(picture.u, pairs, casting="unsafe")
        np.right_shift(pairs, 8, out=picture.v, casting="unsafe")
        return picture
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        raise MediaError(f"the decoder gave {frame.format.name}, but only 8 bit 4:2:0 video is supported")
    return Yuv420(y, _view(frame.planes[1])[:rows, :columns], _view(frame.planes[2])[:rows, :columns])


def _view(plane: av.video.plane.VideoPlane) -> Plane:
    samples: Plane = np.frombuffer(memoryview(plane), np.uint8)
    return samples.reshape(plane.height, plane.line_size)
