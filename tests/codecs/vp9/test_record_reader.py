"""Records read in C++ are those of `HeaderParser` and `packet_records`, whatever is done to a stream's headers."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vp9_streams import STREAMS, coded_frames, encode, split_superframe

from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.codecs.vp9 import _vp9
from ns_ray.codecs.vp9.header import MAX_PIXELS, HeaderParser
from ns_ray.codecs.vp9.records import packet_records
from ns_ray.errors import BitstreamError, MissingReferenceError

KINDS = ["two-pass-good", "layers", "error-resilient", "realtime", "tiles-4x4", "profile-1-444", "profile-3-422-10"]
PLACES = [*range(6), *range(24), *range(60)]  # bytes of a frame that are changed: its first ones most


class InPython:
    """What the reader does, with the parser that decoding uses."""

    def __init__(self) -> None:
        self.headers = HeaderParser()

    def read(self, frames: list[bytes]) -> list[FrameRecord]:
        try:
            headers = [self.headers.parse(frame) for frame in frames]
        except MissingReferenceError:
            return []
        except BitstreamError:
            self.headers = HeaderParser()
            return []
        records = packet_records(headers, [len(frame) for frame in frames], 7)
        return [one for one in records if one.shown or one.refreshed]


def read(reader: _vp9.RecordReader, frames: list[bytes]) -> list[FrameRecord]:
    return [
        FrameRecord(7, i, FrameType(kind), size, shown, refreshed, existing, width, height, lower)
        for i, kind, size, shown, refreshed, existing, width, height, lower in reader.read(
            list(map(memoryview, frames))
        )
    ]


def packets_of(name: str) -> list[list[bytes]]:
    if name == "resized":
        return [[frame] for frame in coded_frames(name)]
    return [split_superframe(packet) for packet in encode(STREAMS[name])]


def same(packets: list[list[bytes]]) -> int:
    """Compares both readers, and counts the packets with records."""
    ours, theirs, some = _vp9.RecordReader(MAX_PIXELS), InPython(), 0
    for frames in packets:
        found = read(ours, frames)
        assert found == theirs.read(frames)
        assert all(type(one.shown) is bool and type(one.existing) is bool for one in found)
        some += bool(found)
    return some


def test_whole_streams() -> None:
    for name in (*STREAMS, "resized"):
        packets = packets_of(name)
        assert same(packets) == len(packets)


def changed(draw: st.DrawFn, frame: bytes) -> bytes:
    data = bytearray(frame)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 6]))):
        data[draw(st.sampled_from(PLACES)) % len(data)] ^= 1 << draw(st.integers(0, 7))
    return bytes(data[: draw(st.integers(0, 24))] if draw(st.integers(0, 30)) == 0 else data)


@st.composite
def damaged_streams(draw: st.DrawFn) -> list[list[bytes]]:
    """Packets of frames of one stream or two, in any order, with bits turned round in their headers or cut short."""
    names = draw(st.lists(st.sampled_from([*KINDS, "resized"]), min_size=1, max_size=2))
    frames = [frame for name in names for frame in coded_frames(name)[:12]]
    frames += [b"\x88", b"\x8b\x00", b"\x8f\x00\x01", b"\xb4\x00"]
    packets = [[coded_frames(names[0])[0]]] if draw(st.booleans()) else []
    order = st.lists(st.lists(st.sampled_from(frames), min_size=1, max_size=3), min_size=1, max_size=10)
    return packets + [[changed(draw, frame) for frame in packet] for packet in draw(order)]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged_streams())
def test_damaged_headers(packets: list[list[bytes]]) -> None:
    same(packets)


@given(st.lists(st.binary(max_size=40).map(lambda data: b"\x82" + data), min_size=1, max_size=4))
def test_any_bytes(frames: list[bytes]) -> None:
    same([frames])
