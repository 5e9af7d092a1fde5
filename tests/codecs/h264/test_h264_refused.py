"""What is left out is refused by name; what is lost or damaged, by what it is."""

from __future__ import annotations

import pytest
from h264_streams import Stream, encode
from nal_units import packet_of, to_bits, to_unit, units
from slice_rewriter import SliceHeader, rewrite, u, ue

from ns_ray.codecs.h264.errors import UnsupportedStreamError
from ns_ray.codecs.h264.parser import FrameParser
from ns_ray.errors import BitstreamError, MissingReferenceError


def stream() -> Stream:
    return encode("bframes=0:8x8dct=0:slices=2", options=(("profile", "main"),))


def refuses(name: str, packet: bytes) -> None:
    with pytest.raises(UnsupportedStreamError, match=name):
        FrameParser().parse(packet)


def test_lossless() -> None:
    refuses("lossless", encode("qp=0").packets[0])


@pytest.mark.parametrize("params", ["interlaced=1", "tff=1"])
def test_interlaced(params: str) -> None:
    refuses("interlaced", encode(params).packets[0])


def sps(chroma: int = 1, depth: int = 8) -> bytes:
    head = u(100, 8) + u(0, 8) + u(30, 8) + ue(0)
    form = ue(chroma) + ("0" if chroma == 3 else "") + ue(depth - 8) * 2 + "00"
    return to_unit(0x67, head + form + ue(0) + ue(2) + ue(1) + "0" + ue(5) + ue(4) + "1" + "1" + "0" + "0")


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"chroma": 0}, "monochrome"),
        ({"chroma": 2}, "4:2:2"),
        ({"chroma": 3}, "4:4:4"),
        ({"depth": 10}, "10 bit"),
    ],
)
def test_formats(parts: dict[str, int], name: str) -> None:
    refuses(name, packet_of(sps(**parts)))
    assert FrameParser().parse(packet_of(sps())) == []


def test_flexible_macroblock_ordering() -> None:
    refuses("FMO", packet_of(sps(), to_unit(0x68, ue(0) + ue(0) + "00" + ue(1) + ue(0) + ue(3) * 2)))


def test_data_partitioning() -> None:
    refuses("data partitioning", packet_of(b"\x22\x80\x80"))


def test_switching_slices() -> None:
    units_of = units(stream().packets[0])
    slices = [unit for unit in units_of if unit[0] & 31 == 5]
    bits = to_bits(slices[0])
    assert bits.startswith(ue(0) + ue(7))
    changed = to_unit(slices[0][0], ue(0) + ue(4) + bits[len(ue(0) + ue(7)) :])
    refuses("SP and SI", packet_of(*(unit for unit in units_of if unit[0] & 31 > 5), changed))


def test_arbitrary_slice_order() -> None:
    parts = units(stream().packets[0])
    with pytest.raises(BitstreamError, match="ASO"):
        FrameParser().parse(packet_of(*parts[:-2], parts[-1], parts[-2]))


def test_missing_slices() -> None:
    with pytest.raises(BitstreamError, match="missing"):
        FrameParser().parse(packet_of(*units(stream().packets[0])[:-1]))


def test_frames_larger_than_wanted() -> None:
    with pytest.raises(BitstreamError, match="max_pixels"):
        FrameParser(max_pixels=96 * 80 - 1).parse(stream().packets[0])
    assert len(FrameParser(max_pixels=96 * 80).parse(stream().packets[0])) == 1


def test_a_damaged_frame_is_missing_for_those_that_refer_to_it() -> None:
    packets = stream().packets
    parser = FrameParser()
    (first,) = parser.parse(packets[0])
    with pytest.raises(BitstreamError):
        parser.parse(packets[1][:-9])
    with pytest.raises(MissingReferenceError):
        parser.parse(packets[2])
    (again,) = parser.parse(packets[0])
    assert again.number == first.number + 3
    (second,) = parser.parse(packets[1])
    assert second.references == (again.number,)


def test_streams_without_their_beginning() -> None:
    with pytest.raises(MissingReferenceError):
        FrameParser().parse(stream().packets[1])


def test_headers_survive_being_written_again() -> None:
    """The rewriter that other tests rest on."""
    seen: list[SliceHeader] = []
    packets = stream().packets
    again = rewrite(packets, lambda number, header: seen.append(header))
    assert len(seen) == 2 * len(packets)
    for packet, other in zip(packets, again, strict=True):
        assert [unit for unit in units(packet) if unit[0] & 31 < 6] == [
            unit for unit in units(other) if unit[0] & 31 < 6
        ]
