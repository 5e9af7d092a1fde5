"""The bits that tell what a packet shows and whether it begins a stream, against the header parser."""

import pytest
import vp9_streams

from ns_ray.codecs.vp9.header import HeaderParser
from ns_ray.codecs.vp9.shown import begins, shows


@pytest.mark.parametrize("name", ["layers", "key-frames", "profile-1-444", "profile-2-10", "profile-3-422-10"])
def test_packets_are_told_apart_as_by_their_headers(name):
    packets = vp9_streams.encode(vp9_streams.STREAMS[name])
    parser, seen = HeaderParser(), set()
    for packet in packets:
        headers = [(frame, parser.parse(frame)) for frame in vp9_streams.split_superframe(packet)]
        for frame, header in headers:
            assert shows(frame) == header.show
            assert begins(frame) == (header.key and header.show_existing is None)
            seen.add((header.show, header.key))
        assert shows(packet)
        assert begins(packet) == headers[0][1].key
    assert (True, False) in seen
    assert (True, True) in seen or (False, True) in seen


def test_a_damaged_packet_counts_as_shown_and_begins_nothing():
    assert shows(b"\x00\x01")
    assert not begins(b"\x00\x01")
    assert shows(b"\x82" + b"\xff" * 8 + b"\xc1\xff\xff\xc1")
