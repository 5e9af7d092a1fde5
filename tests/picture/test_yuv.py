"""Pictures in one buffer, and on their way between processes."""

import pickle

import av
import numpy as np
import pytest

from ns_ray.actors.messages import Frame
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.picture.yuv import Yuv420, from_frame, to_frame

SIZES = [(96, 64), (131, 97), (1, 1), (2, 3)]


def noise(width: int, height: int) -> Yuv420:
    """A picture in planes of their own."""
    rng = np.random.default_rng(width)
    chroma = (height + 1) // 2, (width + 1) // 2
    return Yuv420(*(rng.integers(0, 256, shape, np.uint8) for shape in ((height, width), chroma, chroma)))


def same(one: Yuv420, other: Yuv420) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.planes, other.planes, strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_a_packed_picture_is_one_buffer(size):
    picture = noise(*size)
    views = from_frame(to_frame(picture))
    for one in (picture, views, Yuv420(*(plane[:, ::-1] for plane in picture.planes))):
        packed = one.packed()
        assert same(packed, one)
        assert packed.y.base is packed.u.base is packed.v.base
        assert packed.y.base.nbytes == sum(plane.nbytes for plane in one.planes)
        assert not any(np.shares_memory(a, b) for a, b in zip(packed.planes, one.planes, strict=True))
        assert packed.packed() is packed


def test_views_of_one_buffer_that_are_not_plane_behind_plane_are_copied():
    whole = noise(96, 64).packed()
    for one in (
        Yuv420(whole.y, whole.v, whole.u),
        Yuv420(whole.y, whole.u, whole.u),
        Yuv420(whole.y[:32, :48], *(plane[:16, :24] for plane in whole.planes[1:])),
    ):
        assert same(one.packed(), one)
        assert not np.shares_memory(one.packed().y, whole.y)
        assert same(pickle.loads(pickle.dumps(one, 5)), one)


@pytest.mark.parametrize("size", SIZES)
def test_interleaved_chroma_is_taken_apart(size):
    picture = noise(*size)
    frame = av.VideoFrame(*size, "nv12")
    luma, chroma = frame.planes
    rows = np.zeros((luma.height, luma.line_size), np.uint8)
    rows[: size[1], : size[0]] = picture.y
    luma.update(rows.tobytes())
    pairs = np.stack([picture.u, picture.v], axis=-1).reshape(picture.u.shape[0], -1)
    rows = np.zeros((chroma.buffer_size // chroma.line_size, chroma.line_size), np.uint8)
    rows[: pairs.shape[0], : pairs.shape[1]] = pairs
    chroma.update(rows.tobytes())
    assert same(from_frame(frame), picture)


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_crosses_processes_in_one_buffer(size):
    frame = Frame(FrameRecord(7, 1, FrameType.ALTREF, 900, False, 4, False, *size, True), 70, noise(*size))
    for sent in (frame, Frame(frame.record, 70, frame.picture.packed())):
        buffers: list[pickle.PickleBuffer] = []
        inband = pickle.dumps(sent, 5, buffer_callback=buffers.append)
        assert len(buffers) == 1
        assert len(inband) < 250
        received = pickle.loads(inband, buffers=buffers)
        assert (received.record, received.pts) == (frame.record, 70)
        assert same(received.picture, frame.picture)
        memory = np.frombuffer(buffers[0], np.uint8)
        assert all(np.shares_memory(plane, memory) for plane in received.picture.planes)
        assert not any(plane.flags.writeable for plane in received.picture.planes)
        assert received.picture.packed() is received.picture  # and on, without a copy


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_picture_is_pickled_in_band_too(protocol):
    picture = noise(131, 97)
    received = pickle.loads(pickle.dumps(picture, protocol))
    assert same(received, picture)
    assert not received.y.flags.writeable
