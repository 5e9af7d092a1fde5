"""The block parser against libvpx's streams, FFmpeg's decoder and hostile input.

A symbol read wrongly derails the bool decoder for the rest of its tile, and its end then almost never lies in zero
padding: that check on every tile stands behind all others.
"""

from __future__ import annotations

import threading
import time
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from header_bits import as_intra_only, flip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vp9_streams import GOOD, REALTIME, STREAMS, Stream, coded_frames, encode, split_superframe

from ns_ray.codecs.records import FrameType
from ns_ray.codecs.vp9.blocks import BLOCK, BlockParser, FrameBlocks, Mode
from ns_ray.codecs.vp9.header import HeaderParser, Interpolation
from ns_ray.errors import BitstreamError

SAMPLE = Path(__file__).resolve().parents[3] / "dataset" / "sample" / "360p_700kbps_d4_test.webm"


@cache
def parsed(name: str) -> tuple[FrameBlocks, ...]:
    parser = BlockParser()
    return tuple(parser.parse(frame) for frame in coded_frames(name))


def blocks_of(name: str) -> np.ndarray:
    return np.concatenate([frame.blocks for frame in parsed(name)])


def decode(frames: list[bytes], codec: str = "vp9", **options: str) -> list[av.VideoFrame | None]:
    """What FFmpeg's decoder (or libvpx-vp9) outputs for each coded frame; None for a hidden one."""
    decoder = av.CodecContext.create(codec, "r")
    decoder.thread_count = 1
    decoder.options = dict(options)
    pictures = []
    for frame in frames:
        output = decoder.decode(av.Packet(frame))
        pictures.append(output[0] if output else None)
    return pictures


def decode_all(frames: list[bytes], facts: list[FrameBlocks]) -> list[np.ndarray]:
    """The luma of every coded frame of a profile 0 stream. A hidden frame is shown by a one-byte frame after it."""
    fed: list[bytes] = []
    wanted = []
    for frame, fact in zip(frames, facts, strict=True):
        fed.append(frame)
        if not fact.show_frame:
            fed.append(bytes([0b10001000 | (fact.refresh_flags & -fact.refresh_flags).bit_length() - 1]))
        wanted.append(len(fed) - 1)
    pictures = decode(fed)
    result = []
    for index in wanted:
        picture = pictures[index]
        assert picture is not None
        result.append(picture.to_ndarray()[: picture.height])
    return result


def coverage(frame: FrameBlocks) -> np.ndarray:
    """How many blocks lie over each 8x8 cell of the frame."""
    grid = np.zeros(((frame.height + 7) // 8, (frame.width + 7) // 8), int)
    for x, y, width, height in frame.blocks[["x", "y", "width", "height"]].tolist():
        grid[y // 8 : (y + height) // 8, x // 8 : (x + width) // 8] += 1
    return grid


@pytest.mark.parametrize("name", [*STREAMS, "resized"])
def test_every_tile_ends_in_its_padding(name: str) -> None:
    for number, frame in enumerate(parsed(name)):
        assert frame.tiles["value_zero"].all(), f"frame {number}"
        assert (frame.tiles["unread_bits"] < 24).all(), f"frame {number}"
        if frame.show_existing is None:
            assert len(frame.tiles) == frame.tile_columns * frame.tile_rows
            assert (coverage(frame) == 1).all(), f"frame {number}: the blocks do not cover it exactly once"
        else:
            assert len(frame.tiles) == len(frame.blocks) == 0


def test_the_streams_are_what_they_claim_to_be() -> None:
    """An encoder may ignore an option; then the stream of that name would test nothing."""

    def some(name: str, attribute: str) -> set[object]:
        return {getattr(frame, attribute) for frame in parsed(name)}

    for name in ("two-pass-good", "layers", "frame-parallel", "profile-1-444", "profile-3-422-10"):
        assert (blocks_of(name)["ref_slot"][:, 1] >= 0).any(), f"{name}: no compound prediction"
    layers = parsed("layers")
    assert sum(frame.type is FrameType.ALTREF for frame in layers) >= 4
    assert sum(frame.show_existing is not None for frame in layers) >= 4
    assert some("frame-parallel", "frame_parallel") == some("error-resilient", "error_resilient") == {True}
    assert some("two-pass-good", "frame_parallel") == some("two-pass-good", "error_resilient") == {False}
    assert some("lossless", "lossless") == {True}
    for columns in (2, 4, 8, 16):
        assert some(f"tile-columns-{columns}", "tile_columns") == {columns}
    for rows in (2, 4):
        assert some(f"tile-rows-{rows}", "tile_rows") == {rows}
    assert some("tiles-4x4", "tile_rows") == some("tiles-4x4", "tile_columns") == {4}
    for name in ("aq-1", "aq-2", "aq-3-realtime"):
        assert (blocks_of(name)["segment"] > 0).any(), f"{name}: no segments"
    kinds = {name: (f.profile, f.bit_depth, f.subsampling) for name in STREAMS for f in parsed(name)[:1]}
    assert kinds["profile-1-444"] == (1, 8, (0, 0)) == kinds["profile-1-rgb"]
    assert kinds["profile-1-422"] == (1, 8, (1, 0))
    assert kinds["profile-1-440"] == (1, 8, (0, 1))
    assert kinds["profile-2-10"] == (2, 10, (1, 1))
    assert kinds["profile-2-12"] == (2, 12, (1, 1))
    assert kinds["profile-3-422-10"] == (3, 10, (1, 0))
    assert kinds["profile-3-440-12"] == (3, 12, (0, 1))
    assert kinds["profile-3-444-12"] == (3, 12, (0, 0))
    everything = np.concatenate([blocks_of(name) for name in [*STREAMS, "resized"]])
    assert set(everything["y_mode"]) == set(Mode)
    assert set(everything["tx_size"]) == {0, 1, 2, 3}
    assert set(everything[["sub_width", "sub_height"]].tolist()) == {
        (w, h) for w in (4, 8, 16, 32, 64) for h in (4, 8, 16, 32, 64) if max(w, h) <= 2 * min(w, h)
    }
    filters = set(everything["filter"][everything["ref_slot"][:, 0] >= 0])
    assert filters >= {Interpolation.SMOOTH, Interpolation.REGULAR, Interpolation.SHARP}


def test_resized_frames_have_scaled_references() -> None:
    frames = parsed("resized")
    sizes = [(frame.width, frame.height) for frame in frames]
    assert len(set(sizes)) == 2
    scaled = [
        frame
        for frame in frames
        if not frame.key and any(size != (frame.width, frame.height) for size in frame.ref_sizes)
    ]
    assert any(frame.width < frame.ref_sizes[0][0] for frame in scaled)
    assert any(frame.width > frame.ref_sizes[0][0] for frame in scaled)
    for frame, picture in zip(frames, decode(coded_frames("resized")), strict=True):
        assert picture is not None
        assert (picture.width, picture.height) == (frame.width, frame.height)


def test_facts_of_a_stream() -> None:
    key, *others = parsed("two-pass-good")
    assert key.key
    assert key.type is FrameType.KEY
    assert key.refresh_flags == 0xFF
    assert key.ref_slots == (-1, -1, -1)
    assert key.ref_sizes == ((0, 0),) * 3
    assert (key.blocks["ref_slot"] == -1).all()
    assert key.blocks.dtype == BLOCK
    for frame in others:
        assert frame.ref_sizes == ((176, 144),) * 3
        inter = frame.blocks[frame.blocks["ref_slot"][:, 0] >= 0]
        named = np.array([-1, *frame.ref_slots])[inter["ref_frame"]]
        assert (named == inter["ref_slot"]).all()
        whole = inter[inter["sub_width"] == inter["width"]]
        assert (whole["mv"] == whole["mv"][:, :1]).sum() >= len(whole)
        assert (inter["mv"][inter["y_mode"] == Mode.ZERO][:, 3] == 0).all()
        compound = frame.blocks["ref_slot"][:, 1] >= 0
        assert frame.compound_allowed or not compound.any()
        assert (frame.blocks["tokens"][frame.blocks["skip"] == 1] == 0).all()
    shown = next(frame for frame in parsed("layers") if frame.show_existing is not None)
    assert (shown.width, shown.height, shown.show_frame, shown.refresh_flags) == (176, 144, True, 0)


FFMPEG_MAPS = {"aq-1": 1, "aq-2": 1, "aq-3-realtime": 10}


@pytest.mark.parametrize("name", FFMPEG_MAPS)
def test_partition_and_segments_agree_with_ffmpeg(name: str) -> None:
    pictures = decode(coded_frames(name), export_side_data="venc_params")
    partitions = maps = 0
    for frame, picture in zip(parsed(name), pictures, strict=True):
        if picture is None or not frame.segmentation:
            continue
        exported = picture.side_data.get("VIDEO_ENC_PARAMS")
        assert exported.qp == frame.base_qindex
        # FFmpeg exports the quantisers of the map that the frame itself codes; for one that carries over it has none.
        theirs = [exported.block_params(i) for i in range(exported.nb_blocks)]
        ours = frame.blocks[["x", "y", "width", "height", "qindex"]].tolist()
        coded = frame.segment_map
        assert sorted((b.src_x, b.src_y, b.w, b.h, coded * b.delta_qp) for b in theirs) == sorted(
            (x, y, width, height, coded * (qindex - frame.base_qindex)) for x, y, width, height, qindex in ours
        )
        partitions += 1
        maps += coded
    assert partitions >= 20
    assert maps >= FFMPEG_MAPS[name]


def test_lossless_panning_is_predicted_exactly() -> None:
    """Without residual the decoded block is the prediction, so its vectors must point at the very same samples."""
    stream = Stream(128, 96, 8, (*REALTIME, "-lossless", "1"), scene="pan")
    frames = [frame for packet in encode(stream) for frame in split_superframe(packet)]
    parser = BlockParser()
    facts = [parser.parse(frame) for frame in frames]
    pictures = decode_all(frames, facts)
    slots: dict[int, np.ndarray] = {}
    exact = inter = 0
    for fact, picture in zip(facts, pictures, strict=True):
        for block in fact.blocks:
            x, y, w, h = (int(block[key]) for key in ("x", "y", "width", "height"))
            row, column = (int(v) for v in block["mv"][0, 0])
            if block["ref_slot"][0] < 0 or block["sub_width"] != w or x + w > 128 or y + h > 96:
                continue
            top, left = y + row // 8, x + column // 8
            if row % 8 or column % 8 or top < 0 or left < 0 or top + h > 96 or left + w > 128:
                continue
            inter += w * h
            if block["tokens"] == 0:
                reference = slots[int(block["ref_slot"][0])]
                assert (picture[y : y + h, x : x + w] == reference[top : top + h, left : left + w]).all()
                exact += w * h
        for slot in range(8):
            if fact.refresh_flags >> slot & 1:
                slots[slot] = picture
    assert inter > 0.5 * 7 * 128 * 96
    assert exact > 0.9 * inter


def predict(fact: FrameBlocks, slots: dict[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bilinear prediction, the same without motion, and where both hold: every sample of an inter block."""
    shape = (fact.height, fact.width)
    row, column, slot = np.zeros(shape), np.zeros(shape), np.full(shape, -1)
    for block in fact.blocks[fact.blocks["ref_slot"][:, 0] >= 0]:
        x, y, w, h = (int(block[key]) for key in ("x", "y", "width", "height"))
        for quarter, mv in enumerate(block["mv"][:, 0]):
            part = np.s_[y + quarter // 2 * h // 2 : y + h, x + quarter % 2 * w // 2 : x + w]
            row[part], column[part], slot[part] = mv[0] / 8, mv[1] / 8, block["ref_slot"][0]
    moved, still = np.zeros(shape), np.zeros(shape)
    down, right = np.mgrid[: shape[0], : shape[1]]
    for used in set(np.unique(slot)) - {-1}:
        reference = slots[int(used)].astype(float)
        at_row = np.clip(down + row, 0, shape[0] - 1)
        at_column = np.clip(right + column, 0, shape[1] - 1)
        r0, c0 = at_row.astype(int), at_column.astype(int)
        r1, c1 = np.minimum(r0 + 1, shape[0] - 1), np.minimum(c0 + 1, shape[1] - 1)
        fr, fc = at_row - r0, at_column - c0
        upper = reference[r0, c0] * (1 - fc) + reference[r0, c1] * fc
        lower = reference[r1, c0] * (1 - fc) + reference[r1, c1] * fc
        here = slot == used
        moved[here] = (upper * (1 - fr) + lower * fr)[here]
        still[here] = reference[here]
    return moved, still, slot >= 0


def test_prediction_lowers_the_residual_of_a_real_clip() -> None:
    with av.open(str(SAMPLE)) as clip:
        packets = [bytes(packet) for packet in clip.demux(video=0) if packet.size][:20]
    frames = [frame for packet in packets for frame in split_superframe(packet)]
    parser = BlockParser()
    facts = [parser.parse(frame) for frame in frames]
    pictures = decode_all(frames, facts)
    slots: dict[int, np.ndarray] = {}
    energies, stills, sizes = [], [], []
    for frame, fact, picture in zip(frames, facts, pictures, strict=True):
        if fact.ref_slots != (-1, -1, -1):
            moved, still, inter = predict(fact, slots)
            energies.append(((picture - moved)[inter] ** 2).sum())
            stills.append(((picture - still)[inter] ** 2).sum())
            sizes.append(len(frame))
        for slot in range(8):
            if fact.refresh_flags >> slot & 1:
                slots[slot] = picture
    assert sum(energies) < 0.25 * sum(stills)
    # The more a prediction leaves over, the larger its frame is coded.
    assert np.corrcoef(np.log(sizes), np.log1p(energies))[0, 1] > 0.7


@pytest.mark.parametrize("options", [("-error-resilient", "1"), ("-frame-parallel", "1")])
def test_intra_only_frames(options: tuple[str, str]) -> None:
    """A key frame made an intra-only one: what follows depends on it in the same way."""
    frames = [
        frame for packet in encode(Stream(176, 144, 6, (*REALTIME, *options))) for frame in split_superframe(packet)
    ]
    other = coded_frames("error-resilient")[0]
    show = bytes([0b10001000])
    made = [other, as_intra_only(frames[0]), show, *frames[1:]]
    expected = decode(frames)
    for before, after in zip(expected, decode(made)[2:], strict=True):
        assert before is not None
        assert after is not None
        assert (before.to_ndarray() == after.to_ndarray()).all()

    plain, parser = BlockParser(), BlockParser()
    parser.parse(made[0])
    intra = parser.parse(made[1])
    assert (intra.intra_only, intra.key, intra.show_frame, intra.refresh_flags) == (True, False, False, 0xFF)
    assert parser.parse(made[2]).show_existing == 0
    assert (intra.blocks == plain.parse(frames[0]).blocks).all()
    for frame in frames[1:]:
        fact = parser.parse(frame)
        assert (fact.blocks == plain.parse(frame).blocks).all()


def test_decoding_may_start_at_an_intra_only_frame() -> None:
    frames = coded_frames("error-resilient")
    parser = BlockParser()
    assert parser.parse(as_intra_only(frames[0])).intra_only
    assert all(parser.parse(frame).tiles["value_zero"].all() for frame in frames[1:])


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8), av.Packet])
def test_any_buffer_will_do(make: type) -> None:
    frame = coded_frames("error-resilient")[0]
    assert (BlockParser().parse(make(frame)).blocks == parsed("error-resilient")[0].blocks).all()


def test_blocks_outlive_their_parser() -> None:
    frame = BlockParser().parse(coded_frames("realtime")[0])
    assert (frame.blocks == parsed("realtime")[0].blocks).all()


def test_streams_parse_side_by_side() -> None:
    names = ["realtime", "layers", "two-pass-good", "aq-1"]
    results: dict[str, list[FrameBlocks]] = {}

    def run(name: str) -> None:
        parser = BlockParser()
        results[name] = [parser.parse(frame) for frame in coded_frames(name)]

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        assert all((a.blocks == b.blocks).all() for a, b in zip(results[name], parsed(name), strict=True))


SIGN_BIAS_BITS = {"LAST": 19, "GOLDEN": 23, "ALTREF": 27}  # of shown error-resilient frames of profile 0


@pytest.mark.parametrize("turned", [("ALTREF",), ("GOLDEN",), ("LAST", "ALTREF"), ("LAST", "GOLDEN", "ALTREF")])
def test_the_sign_bias_of_error_resilient_frames_counts_as_zero(turned: tuple[str, ...]) -> None:
    """Section 7.2, setup_past_independence, comes after it is read: the same symbols, vectors and pictures."""
    frames = coded_frames("error-resilient")
    changed = [frames[0], *(flip(frame, *(SIGN_BIAS_BITS[name] for name in turned)) for frame in frames[1:])]
    parser, headers = BlockParser(), HeaderParser()
    for frame, expected in zip(changed, parsed("error-resilient"), strict=True):
        fact = parser.parse(frame)
        assert (fact.blocks == expected.blocks).all()
        assert fact.sign_bias == (False, False, False)
        assert not fact.compound_allowed
        assert not any(headers.parse(frame).sign_bias)
    for codec in ("vp9", "libvpx-vp9"):
        for before, after in zip(decode(frames, codec), decode(changed, codec), strict=True):
            assert before is not None
            assert after is not None
            assert (before.to_ndarray() == after.to_ndarray()).all()


def test_the_sign_bias_of_other_frames_is_as_coded() -> None:
    assert any(frame.sign_bias == (False, False, True) for frame in parsed("two-pass-good"))
    assert any(frame.compound_allowed for frame in parsed("two-pass-good"))


# What the specification forbids.


def refused(frame: bytes, message: str, before: list[bytes] | None = None, *, by_header: bool = True) -> None:
    """Both parsers refuse a frame after others and go on as if it had not come; or the header parser takes it."""
    blocks, headers = BlockParser(), HeaderParser()
    for earlier in before or []:
        blocks.parse(earlier)
        headers.parse(earlier)
    for _ in range(2):
        with pytest.raises(BitstreamError, match=message):
            blocks.parse(frame)
        if by_header:
            with pytest.raises(BitstreamError, match=message):
                headers.parse(frame)
    if not by_header:
        headers.parse(frame)


@pytest.mark.parametrize("reset", [0, 1, 2])
def test_contexts_must_be_set_before_they_are_used(reset: int) -> None:
    """What libvpx calls an uninitialised entropy context: an intra-only frame comes first and does not reset it."""
    frames = coded_frames("realtime")
    context = 1 if reset == 2 else 0  # the one that is reset; frames without a past use the first
    refused(as_intra_only(frames[0], reset=reset, context=context), "probabilities that nothing has set")
    sets_it = as_intra_only(frames[0], reset=2, context=0)
    assert BlockParser().parse(sets_it).intra_only
    headers = HeaderParser()
    headers.parse(sets_it)
    assert headers.parse(as_intra_only(frames[0], reset=reset, context=context)).reset_context == reset
    with pytest.raises(av.error.InvalidDataError):
        decode([as_intra_only(frames[0], reset=reset, context=context)], "libvpx-vp9")


def test_an_inter_frame_must_use_a_context_that_is_set() -> None:
    frames = coded_frames("realtime")
    header = HeaderParser()
    header.parse(frames[0])
    assert header.parse(frames[1]).context == 0
    start = as_intra_only(frames[0], reset=2, context=0)
    assert BlockParser().parse(start).intra_only
    # refresh_frame_context, frame_parallel and frame_context_idx follow the interpolation filter
    place = 8 + 2 + 8 + 12 + 1 + 1 + 1 + (1 if frames[1][4] >> (7 - 33 % 8) & 1 else 3) + 2
    for used in (1, 2, 3):
        other = flip(frames[1], *(place + 1 - bit for bit in range(2) if used >> bit & 1))
        refused(other, "probabilities that nothing has set", [start])
        resetting = flip(other, 8, 9)  # reset_frame_context 3, which counts in frames without a past alone
        refused(resetting, "probabilities that nothing has set", [start])
        with pytest.raises(av.error.InvalidDataError):
            decode([start, resetting], "libvpx-vp9")


@pytest.mark.parametrize(
    ("width", "height", "subsampling", "allowed"),
    [
        (64, 32, (0, 1), False),
        (64, 32, (1, 0), True),
        (32, 64, (1, 0), False),
        (32, 64, (0, 1), True),
        (64, 32, (0, 0), True),
        (64, 64, (0, 1), True),
        (64, 64, (1, 0), True),
    ],
)
def test_blocks_have_shapes_that_their_chroma_can_have(
    width: int, height: int, subsampling: tuple[int, int], allowed: bool
) -> None:
    """A 4:4:4 picture of one colour, relabelled: what is coded of its chroma is nothing, in any subsampling."""
    key, frame = encode(Stream(width, height, 2, GOOD, pix_fmt="yuv444p", scene="grey"))
    key = flip(key, *(place for place, set_ in zip((36, 37), subsampling, strict=True) if set_))
    assert HeaderParser().parse(key).color.format == (8, *subsampling)
    if not allowed:
        refused(frame, "a shape that its chroma cannot have", [key], by_header=False)
        with pytest.raises(av.error.InvalidDataError):
            decode([key, frame], "libvpx-vp9")
        return
    parser = BlockParser()
    assert parser.parse(key).subsampling == subsampling
    (block,) = parser.parse(frame).blocks
    assert (block["width"], block["height"], block["skip"]) == (width, height, 1)


@pytest.mark.parametrize("name", ["two-pass-good", "error-resilient", "tiles-4x4", "profile-3-444-12", "lossless"])
def test_what_follows_a_frame_is_zeros(name: str) -> None:
    first, second, *_ = coded_frames(name)
    before = [first]
    refused(second + b"\x01", "does not end in zeros", before, by_header=False)
    refused(second + bytes(30) + b"\x80", "does not end in zeros", before, by_header=False)
    refused(second + second, "does not end in zeros", before, by_header=False)
    parser = BlockParser()
    parser.parse(first)
    longer = parser.parse(second + bytes(30))
    assert (longer.blocks == parsed(name)[1].blocks).all()
    assert longer.size == len(second) + 30


def test_what_follows_the_tiles_before_the_last_is_zeros() -> None:
    key, frame, *_ = coded_frames("tile-columns-2")
    header = HeaderParser()
    header.parse(key)
    facts = header.parse(frame)
    start = facts.header_bytes + facts.compressed_header_bytes
    size = int.from_bytes(frame[start : start + 4], "big")
    end = start + 4 + size
    for extra in (b"\0", b"\0\0\1"):
        longer = frame[:start] + (size + len(extra)).to_bytes(4, "big") + frame[start + 4 : end] + extra + frame[end:]
        if any(extra):
            refused(longer, "does not end in zeros", [key], by_header=False)
        else:
            parser = BlockParser()
            parser.parse(key)
            assert (parser.parse(longer).blocks == parsed("tile-columns-2")[1].blocks).all()


def test_what_follows_the_compressed_header_is_zeros() -> None:
    frame = coded_frames("realtime")[0]
    facts = HeaderParser().parse(frame)
    size, start = facts.compressed_header_bytes, facts.header_bytes
    end = start + size
    last = 8 * start - 16
    while int(f"{int.from_bytes(frame[:start], 'big'):0{8 * start}b}"[last : last + 16], 2) != size:
        last -= 1  # the size is the header's last field

    def with_more(extra: bytes) -> bytes:
        bits = f"{int.from_bytes(frame[:start], 'big'):0{8 * start}b}"
        bits = bits[:last] + f"{size + len(extra):016b}" + bits[last + 16 :]
        return int(bits, 2).to_bytes(start, "big") + frame[start:end] + extra + frame[end:]

    assert with_more(b"") == frame
    assert (BlockParser().parse(with_more(b"\0")).blocks == parsed("realtime")[0].blocks).all()
    refused(with_more(b"\1"), "compressed header does not end in zeros", by_header=False)


@pytest.mark.parametrize("name", ["realtime", "profile-1-444", "profile-1-440", "profile-2-10", "profile-3-422-10"])
def test_inter_frames_keep_the_profile(name: str) -> None:
    key, frame, *_ = coded_frames(name)
    profile = parsed(name)[0].profile
    for other in {0, 1, 2, 3} - {profile}:
        bits = f"{int.from_bytes(frame, 'big'):0{8 * len(frame)}b}"
        start = f"10{other & 1}{other >> 1}" + "0" * (other == 3)
        bits = start + bits[5 if profile == 3 else 4 :]
        bits += "0" * (-len(bits) % 8)
        refused(int(bits, 2).to_bytes(len(bits) // 8, "big"), "profile is not that of the references", [key])


def test_the_bits_behind_the_header_are_zero() -> None:
    seen = 0
    for name in ("realtime", "layers", "profile-1-444", "profile-3-422-10"):
        before: list[bytes] = []
        parser = HeaderParser()
        for frame in coded_frames(name)[:6]:
            header = parser.parse(frame)
            at = 8 * header.header_bytes - 1
            changed = flip(frame, at)
            try:
                other = HeaderParser()
                for earlier in before:
                    other.parse(earlier)
                other.parse(changed)
            except BitstreamError:
                refused(changed, "a bit behind the uncompressed header is set", before)
                seen += 1
            before.append(frame)
    assert seen >= 12  # an eighth of all headers end with their last byte


def test_a_frame_that_shows_another_holds_nothing_else() -> None:
    key, frame, *_ = coded_frames("two-pass-good")
    for parser in (BlockParser(), HeaderParser()):
        parser.parse(key)
        assert parser.parse(b"\x88" + bytes(5)).show_existing == 0
    for tail in (b"\x01", b"\x88", bytes(400) + b"\x80", frame):
        refused(b"\x88" + tail, "goes on after its header", [key])


def test_where_frames_of_one_packet_end() -> None:
    for name in ("two-pass-good", "tiles-4x4", "profile-3-444-12", "size-1x1"):
        frames = coded_frames(name)[:3]
        parser = BlockParser()
        packet = frames[0] + bytes(3) + b"\x88"[: frames[0][0] == 0x82] + b"".join(frames[1:])
        sizes = []
        while packet:
            fact = parser.parse(packet, alone=False)
            sizes.append(fact.size)
            packet = packet[fact.size :]
        lengths = list(map(len, frames))
        assert sizes in ([lengths[0] + 3, *lengths[1:]], [lengths[0] + 3, 1, *lengths[1:]])
    with pytest.raises(BitstreamError, match="does not end in zeros"):
        BlockParser().parse(frames[0] + b"\x42", alone=False)


# Hostile input.


def test_an_error_leaves_the_parser_as_it_was() -> None:
    frames = coded_frames("two-pass-good")
    parser = BlockParser()
    for frame, expected in zip(frames, parsed("two-pass-good"), strict=True):
        with pytest.raises(BitstreamError):
            parser.parse(frame[: len(frame) // 2])
        assert (parser.parse(frame).blocks == expected.blocks).all()


def test_a_frame_read_wrongly_is_seen_at_its_end() -> None:
    """What the padding check is worth: damage to any byte shows, except in what nothing depends on."""
    key, frame, *_ = coded_frames("two-pass-good")
    seen = 0
    places = range(20, len(frame) - 4, 9)
    for place in places:
        damaged = bytearray(frame)
        damaged[place] ^= 0x10
        parser = BlockParser()
        parser.parse(key)
        try:
            fact = parser.parse(damaged)
        except BitstreamError:
            seen += 1
        else:
            seen += not fact.tiles["value_zero"].all()
    assert seen > 0.98 * len(places)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"", "empty"),
        (b"\x00", "frame marker"),
        (b"\x82", "ends inside"),
        (b"\x88", "slot 0, which is empty"),
        (b"\x82\x49\x83\x43\x00\x00\x00\x00\x00", "sync code"),
        (b"\x82\x49\x83\x42\x0f\xff\xff\xff\xff\x00\x00\x00\x00", "RGB|limit"),
        (b"\x82\x49\x83\x42\x2f\xff\xff\xff\xf0\x00\x00\x00\x00", "65536x65536 is larger than the limit"),
        (b"\x86\x00\x00\x00\x00\x00", "slot 0 is empty"),
    ],
)
def test_what_is_wrong_is_said(frame: bytes, message: str) -> None:
    with pytest.raises(BitstreamError, match=message):
        BlockParser().parse(frame)


def test_the_limit_on_size() -> None:
    frame = coded_frames("size-66x66")[0]
    assert BlockParser(66 * 66).parse(frame).width == 66
    with pytest.raises(BitstreamError, match="66x66 is larger than the limit of 4355"):
        BlockParser(66 * 66 - 1).parse(frame)


def test_a_huge_frame_with_little_data_is_refused_quickly() -> None:
    frame = bytearray(coded_frames("tile-columns-16")[0])
    # 7936x8456, almost the limit, and tiled like the frame itself: only the data is far too little.
    frame[4:9] = bytes([frame[4] & 0xF0 | 0x1, 0xEF, 0xF2, 0x10, 0x70 | frame[8] & 0x0F])
    start = time.perf_counter()
    with pytest.raises(BitstreamError, match="a tile is truncated"):
        BlockParser().parse(frame)
    assert time.perf_counter() - start < 2


@settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damage_raises_only_bitstream_errors(data: st.DataObject) -> None:
    name = data.draw(
        st.sampled_from(["two-pass-good", "layers", "aq-1", "error-resilient", "profile-1-444", "resized"])
    )
    frames = coded_frames(name)
    parser = BlockParser()
    for number in range(4):
        frame = bytearray(frames[number])
        for _ in range(data.draw(st.integers(0, 3)) if number else 0):
            frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
        if number and data.draw(st.booleans()):
            del frame[data.draw(st.integers(0, len(frame))) :]
        try:
            parser.parse(frame)
        except BitstreamError:
            continue


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_both_parsers_read_the_same_headers(data: st.DataObject) -> None:
    """What the header parser refuses, the block parser does, too; what both take they understand alike."""
    name = data.draw(st.sampled_from(["two-pass-good", "error-resilient", "aq-1", "profile-3-422-10", "resized"]))
    blocks, headers = BlockParser(), HeaderParser()
    for number, frame in enumerate(coded_frames(name)[:5]):
        changed = frame
        if data.draw(st.booleans()):
            size = 8 * min(len(frame), 16)
            changed = flip(frame, *data.draw(st.lists(st.integers(0, size - 1), max_size=2)))
            if number == 0 and name in ("two-pass-good", "error-resilient", "resized"):
                intra = [as_intra_only(frame, reset=reset) for reset in range(4)]
                changed = data.draw(st.sampled_from([changed, *intra]))
        try:
            fact = blocks.parse(changed)
        except BitstreamError:
            return
        header = headers.parse(changed)
        assert (header.key, header.intra_only, header.show) == (fact.key, fact.intra_only, fact.show_frame)
        assert (header.show_existing, header.refreshed) == (fact.show_existing, fact.refresh_flags)
        assert (header.width, header.height) == (fact.width, fact.height)
        assert (header.render_width, header.render_height) == fact.render_size
        assert header.color.format == (fact.bit_depth, *fact.subsampling)
        assert (tuple(header.ref_slots), tuple(header.sign_bias)) == (fact.ref_slots, fact.sign_bias)


@settings(max_examples=100, deadline=2000)
@given(st.binary(max_size=400), st.sampled_from([b"", b"\x82\x49\x83\x42", b"\x86", b"\xa2\x49\x83\x42"]))
def test_random_bytes_raise_only_bitstream_errors(tail: bytes, head: bytes) -> None:
    parser = BlockParser()
    parser.parse(coded_frames("size-66x66")[0])
    try:
        parser.parse(head + tail)
    except BitstreamError:
        return
