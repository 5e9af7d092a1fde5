import pytest
from hypothesis import given
from hypothesis import strategies as st

from ns_ray.codecs.vp9.superframe import split
from ns_ray.errors import BitstreamError


def superframe(frames: list[bytes], width: int) -> bytes:
    marker = bytes([0b11000000 | (width - 1) << 3 | (len(frames) - 1)])
    sizes = b"".join(len(frame).to_bytes(width, "little") for frame in frames)
    return b"".join(frames) + marker + sizes + marker


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=8), st.integers(1, 4))
def test_frames_come_back_as_they_went_in(frames, width):
    assert [bytes(frame) for frame in split(superframe(frames, width))] == frames


def test_a_packet_without_an_index_is_one_frame():
    assert [bytes(frame) for frame in split(b"\x82abc")] == [b"\x82abc"]


@pytest.mark.parametrize("length", [0, 1, 3, 4, 20])
def test_no_packet_ends_like_an_index_that_it_has_not(length):
    with pytest.raises(BitstreamError, match="its index does not begin so"):
        split(b"\x82"[:length] + b"x" * (length - 1) + bytes([0b11000001]))


@pytest.mark.parametrize("frames", [[b"a", b"", b"b"], [b"", b"a"], [b"a", b""], [b""]])
def test_no_frame_of_a_superframe_is_empty(frames):
    with pytest.raises(BitstreamError, match=f"frame {frames.index(b'')} of a superframe is empty"):
        split(superframe(frames, 1))


def test_an_index_that_claims_too_much_is_refused():
    packet = bytearray(superframe([b"aaaa", b"bb"], 1))
    packet[-3] = 200
    with pytest.raises(BitstreamError, match="frame 0 of a superframe"):
        split(bytes(packet))


def test_an_empty_packet_is_refused():
    with pytest.raises(BitstreamError, match="empty"):
        split(b"")


@given(st.binary(min_size=1, max_size=64))
def test_any_bytes_split_or_are_refused(data):
    try:
        frames = split(data)
    except BitstreamError:
        return
    assert sum(map(len, frames)) <= len(data)
