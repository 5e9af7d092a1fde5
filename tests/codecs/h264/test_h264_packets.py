"""Packets as containers and streams have them."""

from __future__ import annotations

import io

import av
import pytest
from h264_streams import FRAMES, HEIGHT, WIDTH, encode, frame_of, parse, pictures
from nal_units import packet_of, record_of, units

from ns_ray.codecs.h264.parser import FrameParser
from ns_ray.errors import BitstreamError, MissingReferenceError


def test_other_units_are_passed_over() -> None:
    packets = encode("").packets
    parser = FrameParser()
    for packet in packets:
        (frame,) = parser.parse(packet + packet_of(b"\x0c\xff\x80", b"\x13\x80"))  # filler, auxiliary picture
        assert frame.size == len(packet) + 4 * 2 + 5


@pytest.mark.parametrize("size", [1, 2, 4])
def test_packets_with_lengths(size: int) -> None:
    packets = encode("slice-max-size=200").packets
    record = record_of(packets[0], size)
    parser, plain = FrameParser(record), FrameParser()
    for packet in packets:
        parts = [unit for unit in units(packet) if unit[0] & 31 in (1, 5) or (unit[0] & 31 == 6 and len(unit) < 200)]
        avcc = b"".join(len(part).to_bytes(size, "big") + part for part in parts)
        (frame,), (expected,) = parser.parse(avcc), plain.parse(packet)
        assert (frame.blocks == expected.blocks).all()
        assert frame.size == len(avcc)
    for end in range(len(record) - 1):
        with pytest.raises(BitstreamError):
            FrameParser(record[:end])


@pytest.mark.parametrize("size", [1, 2, 4])
def test_empty_units_are_bytes_of_the_frame_behind_them(size: int) -> None:
    """A packet's frames have all of its bytes, those of lengths of nothing too."""
    empty = bytes(size)
    first, *rest = encode("slice-max-size=200").packets
    parser = FrameParser(record_of(first, size))
    first = packet_of(*(unit for unit in units(first) if unit[0] & 31 == 5))
    for packet in (first, *rest):
        parts = [len(part).to_bytes(size, "big") + part for part in units(packet)]
        avcc = empty + (2 * empty).join(parts) + empty
        (frame,) = parser.parse(avcc)
        assert frame.size == len(avcc)
    assert parser.parse(3 * empty) == []


def test_a_record_has_no_slices() -> None:
    packets = encode("").packets
    parts = {unit[0] & 31: unit for unit in units(packets[0])}
    record = record_of(packet_of(parts[7], parts[8]), 4)
    end = record.index(parts[8]) - 3  # where the number of picture parameter sets is
    more = record[:end] + b"\2" + record[end + 1 :] + len(parts[5]).to_bytes(2, "big") + parts[5]
    parser = FrameParser(more)
    (frame,) = parser.parse(len(parts[5]).to_bytes(4, "big") + parts[5])
    assert (frame.number, frame.size) == (0, 4 + len(parts[5]))


@pytest.mark.parametrize("container", ["matroska", "mp4", "flv", "mpegts"])
def test_containers(container: str) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream("libx264", rate=30, options={"x264-params": "threads=1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for luma in pictures():
            out.mux(stream.encode(frame_of(luma)))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as source:
        record = source.streams.video[0].codec_context.extradata
        parser = FrameParser(record if record and record[0] == 1 else None)
        packets = [bytes(packet) for packet in source.demux(video=0)]
        parsed = [frame for packet in packets if packet for frame in parser.parse(packet)]
    assert len(parsed) == FRAMES
    assert sum(frame.size for frame in parsed) == sum(map(len, packets))


def test_what_is_no_stream() -> None:
    with pytest.raises(BitstreamError, match="Annex B"):
        FrameParser().parse(b"\1" + encode("").packets[0])
    assert FrameParser().parse(b"") == []


def test_whole_streams_at_once() -> None:
    packets = encode("slices=2").packets
    apart, together = parse(packets), FrameParser().parse(b"".join(packets))
    assert [frame.order for frame in together] == [frame.order for frame in apart]
    assert sum(frame.size for frame in together) == sum(map(len, packets))
    assert all((a.blocks == b.blocks).all() for a, b in zip(apart, together, strict=True))


def test_sizes_change_at_key_frames() -> None:
    parser = FrameParser()
    for size in ((WIDTH, HEIGHT), (48, 32), (WIDTH, HEIGHT)):
        packets = encode("", size=size).packets
        for packet, expected in zip(packets, parse(packets), strict=True):
            (frame,) = parser.parse(packet)
            assert (frame.width, frame.height) == size
            assert (frame.blocks == expected.blocks).all()
    with pytest.raises(MissingReferenceError, match="changes"):
        parser.parse(packet_of(*(unit for unit in units(encode("", size=(48, 32)).packets[0]) if unit[0] & 31 > 6)))
        parser.parse(packets[1])
