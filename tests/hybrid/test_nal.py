"""NAL units: user data that looks like start codes, and units that are cut or made up."""

from hypothesis import example, given
from hypothesis import strategies as st

from ns_ray.hybrid.nal import LENGTH, SEI, SPS, read_sps, read_user_data, units, user_data, with_lengths


@given(st.binary(max_size=40))
@example(bytes(9))
@example(b"\0\0\1\0\0\3\0\0\0\3")
def test_user_data_comes_back_and_holds_no_start_code(content):
    image = user_data(content)
    ((kind, begin, end),) = units(image)
    assert (kind, begin, end) == (SEI, LENGTH, len(image))
    assert read_user_data(image[begin:end]) == content
    assert not any(image.find(bytes((0, 0, last)), LENGTH) >= 0 for last in range(3))
    assert with_lengths(b"\0\0\0\1" + image[begin:end]) == image


def test_user_data_of_others_is_not_ours():
    assert read_user_data(bytes((SEI << 1, 1, 5, 20)) + bytes(20) + b"\x80") is None
    assert read_user_data(bytes((SEI << 1, 1))) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_units_or_none(data):
    for kind, begin, end in units(data):
        assert kind < 64
        assert LENGTH <= begin < end <= len(data)
    read_user_data(data)
    sps = read_sps(bytes((SPS << 1, 1)) + data)
    assert sps is None or len(sps.profile) == 12
