from pathlib import Path

import pytest
import streams
from hypothesis import given
from hypothesis import strategies as st

from ns_ray.codecs.vp9.blocks import BlockParser
from ns_ray.codecs.vp9.header import FrameHeader, HeaderParser, Interpolation
from ns_ray.codecs.vp9.superframe import split
from ns_ray.errors import BitstreamError, MissingReferenceError
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe


def headers(path: Path) -> list[FrameHeader]:
    parser = HeaderParser()
    packets = read_packets(probe(str(path)))
    return [parser.parse(frame) for packet in packets for frame in split(packet.data)]


def colors(header: FrameHeader) -> tuple[int, int, bool, int, int]:
    color = header.color
    return color.bit_depth, color.color_space, color.full_range, color.subsampling_x, color.subsampling_y


class Bits:
    """Writes headers bit by bit, for streams that no encoder at hand makes."""

    def __init__(self) -> None:
        self.bits = ""

    def f(self, width: int, value: int) -> "Bits":
        self.bits += format(value, f"0{width}b")
        return self

    def bytes(self) -> bytes:
        bits = self.bits + "0" * (-len(self.bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big") + bytes(8)


def key_frame(profile: int = 0, width: int = 64, height: int = 48) -> Bits:
    w = Bits().f(2, 2).f(1, profile & 1).f(1, profile >> 1)
    if profile == 3:
        w.f(1, 0)
    w.f(1, 0).f(1, 0).f(1, 1).f(1, 0).f(24, 0x498342)
    if profile >= 2:
        w.f(1, 1)
    w.f(3, 2).f(1, 0)
    if profile in (1, 3):
        w.f(2, 0b00).f(1, 0)
    return w.f(16, width - 1).f(16, height - 1).f(1, 0).f(1, 1).f(1, 0).f(2, 3)


def ending(w: Bits, *, segmentation: bool = False) -> bytes:
    w.f(6, 12).f(3, 5).f(1, 1).f(1, 1)
    for value in (1, None, -3, None, None, 2):
        if value is None:
            w.f(1, 0)
        else:
            w.f(1, 1).f(6, abs(value)).f(1, value < 0)
    w.f(8, 100).f(1, 1).f(4, 5).f(1, 1).f(1, 0).f(1, 0)
    w.f(1, segmentation)
    if segmentation:
        w.f(1, 1).f(1, 1).f(8, 77).f(6, 0).f(1, 1).f(1, 1).f(8, 33).f(2, 0)
        w.f(1, 1).f(1, 1)
        w.f(1, 1).f(8, 40).f(1, 1).f(1, 0).f(1, 1).f(2, 2).f(1, 1)
        w.f(28, 0)
    w.f(1, 0).f(16, 321)  # so narrow a frame has no choice of tile columns
    return w.bytes()


def test_the_sample_is_read_as_it_was_encoded():
    found = headers(streams.SAMPLE)
    assert [i for i, header in enumerate(found) if header.key] == [0, 122]
    assert sum(not header.show for header in found) == 2
    assert {(h.width, h.height, h.profile, h.error_resilient, h.tile_columns, h.tile_rows) for h in found} == {
        (640, 360, 0, True, 2, 1)
    }
    assert all(header.refreshed == 0xFF for header in found if header.key)
    assert all((min(header.ref_slots) < 0) == (header.needed == 0) == header.intra for header in found)
    assert all(4 <= header.base_qindex <= 255 for header in found)


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ({"lossless": "1"}, lambda h: h.lossless),
        ({"error-resilient": "1"}, lambda h: h.error_resilient),
        ({"frame-parallel": "1", "error-resilient": "0"}, lambda h: h.parallel and not h.error_resilient),
        ({"frame-parallel": "0", "error-resilient": "0"}, lambda h: not h.parallel),
        ({"aq-mode": "3"}, lambda h: h.segmentation.enabled or h.base_qindex == 0),
        ({"tile-columns": "1", "tile-rows": "1"}, lambda h: (h.tile_columns, h.tile_rows) == (2, 2)),
    ],
)
def test_encoder_settings_show_in_the_headers(tmp_path, options, check):
    path = streams.encode(tmp_path / "v.mkv", size=(514, 66), frames=8, options=streams.REALTIME | options)
    found = headers(path)
    assert len(found) >= 8
    shown = [header for header in found if header.show and header.show_existing is None]
    assert all(check(header) for header in shown[1:])
    assert all((header.width, header.height) == (514, 66) for header in shown)
    assert all(header.compressed_header_bytes > 0 for header in shown)


def test_frames_shown_again_name_their_slot(layered_video):
    again = [header for header in headers(layered_video) if header.show_existing is not None]
    assert len(again) == 35
    assert all(header.show and header.needed == 1 << header.show_existing for header in again)


@pytest.mark.parametrize("profile", [0, 1, 2, 3])
def test_every_profile_has_its_layout(profile):
    header = HeaderParser().parse(ending(key_frame(profile)))
    depth = 12 if profile >= 2 else 8
    subsampling = 0 if profile in (1, 3) else 1
    assert colors(header) == (depth, 2, False, subsampling, subsampling)
    assert (header.profile, header.key, header.show) == (profile, True, True)
    assert (header.width, header.height) == (64, 48)
    assert (header.refresh_context, header.parallel, header.context) == (True, False, 3)
    assert (header.loop_filter_level, header.loop_filter_sharpness) == (12, 5)
    assert (header.ref_deltas, header.mode_deltas) == ([1, 0, -3, -1], [0, 2])
    assert (header.base_qindex, header.qindex_deltas, header.lossless) == (100, [-5, 0, 0], False)
    assert header.compressed_header_bytes == 321


def test_segmentation_is_read_and_kept_for_later_frames():
    parser = HeaderParser()
    first = parser.parse(ending(key_frame(), segmentation=True)).segmentation
    assert first.tree_probs == [77, 255, 255, 255, 255, 255, 255]
    assert (first.temporal_update, first.pred_probs) == (True, [33, 255, 255])
    assert first.absolute
    assert first.features == [[-40, None, 2, 0], *[[None] * 4] * 7]
    inter = Bits().f(2, 2).f(2, 0).f(1, 0).f(1, 1).f(1, 1).f(1, 0).f(2, 0).f(8, 1)
    for slot in (0, 1, 2):
        inter.f(3, slot).f(1, slot == 2)
    inter.f(1, 1).f(1, 0).f(1, 1).f(1, 0).f(2, 2)  # size of the first reference, sharp filter
    inter.f(1, 1).f(1, 0).f(2, 0)
    later = parser.parse(ending(inter))
    assert later.interpolation == Interpolation.SHARP
    assert (later.width, later.height, later.high_precision) == (64, 48, True)
    assert (later.ref_slots, later.needed) == ([0, 1, 2], 0b111)
    assert later.sign_bias == [False, False, True]
    assert (later.ref_deltas, later.mode_deltas) == ([1, 0, -3, -1], [0, 2])
    assert not later.segmentation.enabled
    assert later.segmentation.features == first.features


def test_an_intra_only_frame_of_profile_0_is_8_bit_420():
    parser = HeaderParser()
    parser.parse(ending(key_frame()))
    w = Bits().f(2, 2).f(2, 0).f(1, 0).f(1, 1).f(1, 0).f(1, 0).f(1, 1).f(2, 2).f(24, 0x498342)
    w.f(8, 0b10010).f(16, 31).f(16, 15).f(1, 1).f(16, 99).f(16, 49).f(1, 0).f(1, 1).f(2, 1)
    header = parser.parse(ending(w))
    assert (header.intra_only, header.intra, header.refreshed, header.reset_context) == (True, True, 0b10010, 2)
    assert (header.width, header.height, header.render_width, header.render_height) == (32, 16, 100, 50)
    assert colors(header) == (8, 1, False, 1, 1)
    shows = Bits().f(2, 2).f(2, 0).f(1, 1).f(3, 4).bytes()
    shown = parser.parse(shows)
    assert (shown.show_existing, shown.width, shown.height, colors(shown)) == (4, 32, 16, colors(header))
    assert (shown.render_width, shown.header_bytes) == (32, 1)
    before = parser.parse(Bits().f(2, 2).f(2, 0).f(1, 1).f(3, 3).bytes())
    assert (before.show_existing, before.width, before.height) == (3, 64, 48)
    assert colors(before) == (8, 2, False, 1, 1)


def inter_frame(size: tuple[int, int] | None = None, *, context: int = 0, profile: int = 0) -> Bits:
    """An inter frame up to its loop filter, of the size given or of its first reference's."""
    w = Bits().f(2, 2).f(1, profile & 1).f(1, profile >> 1).f(1, 0).f(1, 1).f(1, 1).f(1, 0).f(2, 0).f(8, 0)
    for slot in (0, 1, 2):
        w.f(3, slot).f(1, 0)
    if size is None:
        w.f(1, 1)
    else:
        w.f(3, 0).f(16, size[0] - 1).f(16, size[1] - 1)
    return w.f(1, 0).f(1, 0).f(1, 1).f(1, 1).f(1, 0).f(2, context)


@pytest.mark.parametrize(
    ("size", "allowed"),
    [
        ((64, 48), True),
        ((32, 24), True),
        ((31, 24), False),
        ((32, 23), False),
        ((1024, 768), True),
        ((1025, 768), False),
        ((1024, 769), False),
    ],
)
def test_a_frame_has_a_size_that_can_be_predicted(size, allowed):
    parser = HeaderParser()
    parser.parse(ending(key_frame()))
    if allowed:
        header = parser.parse(ending(inter_frame(size)))
        assert (header.width, header.height) == size
        return
    with pytest.raises(BitstreamError, match="a size that can be predicted from"):
        parser.parse(ending(inter_frame(size)))


def test_one_reference_that_can_be_predicted_from_is_enough():
    parser = HeaderParser()
    parser.parse(ending(key_frame()))
    small = Bits().f(2, 2).f(2, 0).f(1, 0).f(1, 1).f(1, 0).f(1, 0).f(1, 1).f(2, 2).f(24, 0x498342)
    small.f(8, 0b11).f(16, 0).f(16, 0).f(1, 0).f(1, 1).f(1, 0).f(2, 0)
    parser.parse(ending(small))
    assert parser.parse(ending(inter_frame((64, 48)))).width == 64
    small = inter_frame().bits.replace(f"{0:03b}0{1:03b}0{2:03b}0", f"{0:03b}0{1:03b}0{1:03b}0", 1)
    w = Bits()
    w.bits = small
    assert parser.parse(ending(w)).width == 1


def test_references_have_the_format_of_the_frame():
    parser = HeaderParser()
    parser.parse(ending(key_frame(1)))
    assert parser.parse(ending(inter_frame(profile=1))).color.format == (8, 0, 0)
    w = Bits().f(2, 2).f(2, 0).f(1, 0).f(1, 1).f(1, 0).f(1, 0).f(1, 1).f(2, 2).f(24, 0x498342)
    w.f(8, 0b1).f(16, 63).f(16, 47).f(1, 0).f(1, 1).f(1, 0).f(2, 0)
    assert parser.parse(ending(w)).color.format == (8, 1, 1)
    with pytest.raises(BitstreamError, match="another bit depth or subsampling"):
        parser.parse(ending(inter_frame()))


def test_the_limit_on_size():
    whole = ending(key_frame(width=96, height=64))
    assert HeaderParser(96 * 64).parse(whole).width == 96
    with pytest.raises(BitstreamError, match="96x64 is larger than the limit of 6143 pixels"):
        HeaderParser(96 * 64 - 1).parse(whole)
    assert HeaderParser().parse(ending(key_frame(width=64, height=1 << 16))).height == 1 << 16
    for parser in (HeaderParser(), BlockParser()):
        with pytest.raises(BitstreamError, match="larger than the limit of 67108864 pixels"):
            parser.parse(b"\x82\x49\x83\x42\x2f\xff\xff\xff\xf0\x00\x00\x00\x00")


def test_references_from_before_decoding_began_are_missing_not_damaged():
    parser = HeaderParser()
    for frame in (ending(inter_frame()), b"\x8b"):
        with pytest.raises(MissingReferenceError):
            parser.parse(frame)
    parser.parse(ending(key_frame()))
    assert parser.parse(ending(inter_frame())).width == 64


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends inside"),
        (b"\x00\x00", "frame marker"),
        (b"\xb8\x00", "profiles above 3"),
        (b"\x8b", "slot 3, which is empty"),
        (b"\x82\x49\x83\x43\x00", "sync code"),
        (b"\x86\x00\x00\x00\x00\x00", "does not start at a key frame"),
        (b"\x82\x49\x83\x42\x20", "ends inside"),
    ],
)
def test_damaged_headers_are_refused(data, message):
    with pytest.raises(BitstreamError, match=message):
        HeaderParser().parse(data)


def test_the_state_survives_a_refusal():
    parser = HeaderParser()
    whole = ending(key_frame())
    parser.parse(whole)
    with pytest.raises(BitstreamError):
        parser.parse(whole[:9])
    assert parser.parse(b"\x8b").show_existing == 3


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_parse_or_are_refused(data, vp9):
    parser = HeaderParser()
    for frame in (b"\x82" + data if vp9 else data, data):
        try:
            parser.parse(frame)
        except BitstreamError:
            continue
