"""Frames of packets that have no index: the streams of the tests, with theirs removed."""

import sys

import av
import pytest
from header_bits import as_intra_only
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vp9_streams import STREAMS, coded_frames, encode, split_superframe, superframe

from ns_ray.codecs.vp9.blocks import BlockParser
from ns_ray.codecs.vp9.packet_splitter import PacketSplitter
from ns_ray.codecs.vp9.superframe import MAX_FRAMES
from ns_ray.errors import BitstreamError

PARSING = "ns_ray.codecs.vp9.packet_splitter.BlockParser.parse"


def packets_of(name: str) -> list[list[bytes]]:
    """The frames of each packet."""
    if name == "resized":
        return [[frame] for frame in coded_frames(name)]
    return [split_superframe(packet) for packet in encode(STREAMS[name])]


def in_groups(frames: list[bytes], count: int) -> list[list[bytes]]:
    return [frames[i : i + count] for i in range(0, len(frames), count)]


def splits(splitter: PacketSplitter, packets: list[list[bytes]]) -> None:
    """Without an index, the packets come apart where they were put together."""
    for number, frames in enumerate(packets):
        found = list(map(bytes, splitter.split(b"".join(frames))))
        assert list(map(len, found)) == list(map(len, frames)), f"packet {number}"
        assert found == frames


@pytest.fixture
def never_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where blocks are parsed."""

    def parse(*_: object, **__: object) -> None:
        pytest.fail("blocks were parsed")

    monkeypatch.setattr(PARSING, parse)


def codes_something(frames: list[bytes]) -> bool:
    return all(len(frame) > 2 for frame in frames[1:])


@pytest.mark.parametrize("name", [*STREAMS, "resized"])
def test_a_stream_without_indices(name: str) -> None:
    splits(PacketSplitter(), [frames for frames in packets_of(name) if codes_something(frames)])


@pytest.mark.parametrize("name", [*STREAMS, "resized"])
@pytest.mark.parametrize("count", [2, 5])
def test_packets_of_any_frames(name: str, count: int) -> None:
    """Shown ones, too. Frames that only show another are left out: behind others they cannot be told."""
    splits(PacketSplitter(), in_groups([frame for frame in coded_frames(name) if len(frame) > 2], count))


@pytest.mark.usefixtures("never_parsed")
@pytest.mark.parametrize("name", [*STREAMS, "resized"])
def test_packets_as_they_should_be_are_not_parsed(name: str) -> None:
    """With an index, or of one frame; hidden frames in packets of their own, too."""
    splitter = PacketSplitter()
    for frames in packets_of(name):
        packet = superframe(frames) if len(frames) > 1 else frames[0]
        assert list(map(bytes, splitter.split(packet))) == frames
    splits(PacketSplitter(), [[frame] for frame in coded_frames(name)])


def pictures(packets: list[bytes]) -> list[bytes | None]:
    """What libvpx shows for each packet: one picture at most, the last."""
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    decoder.thread_count = 1
    output = [decoder.decode(av.Packet(packet)) for packet in packets]
    assert all(len(shown) <= 1 for shown in output)
    return [shown[0].to_ndarray().tobytes() if shown else None for shown in output]


@pytest.mark.parametrize("name", ["two-pass-good", "realtime", "error-resilient", "tiles-4x4", "profile-1-444"])
def test_libvpx_goes_on_behind_a_frame_too(name: str) -> None:
    """The pictures of packets without an index are those of the frames that the splitter finds."""
    shown_last = [b"".join(frames) for frames in packets_of(name)]  # of others libvpx shows nothing
    packets = [b"".join(group) for group in in_groups(shown_last, 2)]
    splitter = PacketSplitter()
    apart = [list(map(bytes, splitter.split(packet))) for packet in packets]
    shown = iter(pictures([frame for frames in apart for frame in frames]))
    last = [[picture for picture in (next(shown) for _ in frames) if picture is not None] for frames in apart]
    assert pictures(packets) == [some[-1] if some else None for some in last]


def test_a_frame_that_only_shows_another_before_others() -> None:
    first, second, *_ = (frames for frames in packets_of("two-pass-good") if codes_something(frames))
    shows = b"\x88"
    splitter = PacketSplitter()
    splits(splitter, [first])
    assert list(map(bytes, splitter.split(shows + b"".join(second)))) == [shows, *second]


def test_zeros_between_frames_belong_to_the_first() -> None:
    frames = coded_frames("realtime")[:3]
    first = frames[0] + bytes(7)
    assert list(map(bytes, PacketSplitter().split(first + frames[1] + frames[2]))) == [first, *frames[1:]]


class Counting(BlockParser):
    """Counts what it parses."""

    parsed = 0

    def parse(self, *args: object, **options: object) -> object:  # type: ignore[override]
        type(self).parsed += 1
        return super().parse(*args, **options)  # type: ignore[arg-type]


def test_every_frame_is_parsed_once_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[PacketSplitter.__module__], "BlockParser", Counting)
    monkeypatch.setattr(Counting, "parsed", 0)
    frames = coded_frames("realtime")
    splitter = PacketSplitter()
    splits(splitter, [[frame] for frame in frames[:10]])
    assert Counting.parsed == 0
    splits(splitter, [frames[10:12], *in_groups(frames[12:14], 1), frames[14:16], *in_groups(frames[16:], 1)])
    assert Counting.parsed == 16


@pytest.fixture
def guesses(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Has an entry for each packet whose frames could not be parsed."""
    made: list[None] = []
    parse = PacketSplitter._parse

    def note(splitter: PacketSplitter, packet: memoryview) -> list[memoryview]:
        frames = parse(splitter, packet)
        made.extend([None] * (not frames))
        return frames

    monkeypatch.setattr(PacketSplitter, "_parse", note)
    return made


class Misled:
    """Finds another frame in every packet, in the wrong place."""

    def find(self, _: bytes) -> list[int]:
        return [0, 11]

    def follow(self, frame: memoryview) -> None:
        pass


def test_the_parser_knows_better(guesses: list[None]) -> None:
    """Bytes may look like another frame: what counts is where the first one ends."""
    for name in ("two-pass-good", "tiles-4x4", "profile-3-422-10"):
        splitter = PacketSplitter()
        splitter._finder = Misled()  # type: ignore[assignment]
        splits(splitter, [frames for frames in packets_of(name) if codes_something(frames)])
    assert not guesses


def test_more_history_than_is_kept(guesses: list[None]) -> None:
    """It is enough to reach back to the last frame that was parsed, or to a key frame."""
    key, *frames = coded_frames("realtime")
    splitter = PacketSplitter(history_bytes=sum(map(len, frames[2:6])))
    splits(splitter, [[key, frames[0], frames[1]], *in_groups(frames[2:6], 1), frames[6:8]])
    assert not guesses
    splits(splitter, [*in_groups(frames[8:17], 1), frames[17:19]])
    assert len(guesses) == 1
    splits(splitter, [[key, frames[0]], frames[1:3]])
    assert len(guesses) == 1


def test_nothing_is_guessed_in_a_stream_that_was_as_it_should_be(guesses: list[None]) -> None:
    """Once in some 100 MB any bytes look like another frame: a sound stream must not come to harm by it."""
    frames = coded_frames("realtime")
    splitter = PacketSplitter(history_bytes=len(frames[0]))
    splits(splitter, [[frames[0]], [frames[1]]])
    packet = b"".join(frames[2:4])
    assert list(map(bytes, splitter.split(packet))) == [packet]
    assert len(guesses) == 1


@pytest.mark.parametrize("damage", [lambda frame: frame[: len(frame) // 2], lambda frame: b"\x00" * 30])
def test_after_damage(damage: object, guesses: list[None]) -> None:
    """What follows a damaged frame seems to be where it is; from the next key frame on it is known to be."""
    key, *frames = coded_frames("two-pass-good")
    splitter = PacketSplitter()
    splits(splitter, [[key, frames[0]]])
    splitter.split(damage(frames[0]))  # type: ignore[operator]
    splits(splitter, [frames[1:3]])
    assert len(guesses) == 1
    splits(splitter, [frames[3:5]])
    assert len(guesses) == 2
    splits(splitter, [[key, *frames[:2]], frames[2:4]])
    assert len(guesses) == 2


def test_a_packet_that_cannot_be_split_counts_as_lost(guesses: list[None]) -> None:
    key, *frames = coded_frames("two-pass-good")
    splitter = PacketSplitter()
    splits(splitter, [[key, frames[0]]])
    with pytest.raises(BitstreamError, match="is empty"):
        splitter.split(superframe([frames[0], b""]))
    splits(splitter, [frames[1:3]])
    assert len(guesses) == 1


def test_a_stream_that_starts_at_an_intra_only_frame(guesses: list[None]) -> None:
    key, *frames = coded_frames("error-resilient")
    splits(PacketSplitter(), [[as_intra_only(key), frames[0]], frames[1:3]])
    splits(PacketSplitter(), [[as_intra_only(key)], [frames[0]], frames[1:3]])
    assert not guesses


def test_no_more_frames_than_an_index_can_list() -> None:
    frames = coded_frames("size-66x66") + coded_frames("size-66x66")
    assert len(frames) > MAX_FRAMES + 1
    splits(PacketSplitter(), [frames[:MAX_FRAMES]])
    packet = b"".join(frames)
    assert list(map(bytes, PacketSplitter().split(packet))) == [packet]


def test_a_stream_without_a_start_is_left_as_it_is() -> None:
    frames = coded_frames("two-pass-good")[1:4]
    packet = b"".join(frames)
    assert list(map(bytes, PacketSplitter().split(packet))) == [packet]


@settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damage_raises_only_bitstream_errors(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["two-pass-good", "layers", "tiles-4x4", "profile-3-422-10", "resized"]))
    splitter = PacketSplitter()
    for frames in in_groups(coded_frames(name)[:6], 2):
        packet = bytearray(b"".join(frames))
        for _ in range(data.draw(st.integers(0, 3))):
            packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):
            del packet[data.draw(st.integers(1, len(packet))) :]
        try:
            found = splitter.split(bytes(packet))
        except BitstreamError:
            continue
        assert all(found)
        assert packet.startswith(b"".join(found))
