"""Parsed motion against FFmpeg's: its vectors, and its pictures wherever nothing is coded and nothing deblocked."""

from __future__ import annotations

import numpy as np
import pytest
from h264_streams import HEIGHT, WIDTH, Stream, decode, encode, encode_openh264, parse
from motion_compensation import predict
from slice_rewriter import Pps, SliceHeader, Sps, rewrite, se, ue

from ns_ray.codecs.h264.layout import Coded, MacroblockType, SliceType, Weighting
from ns_ray.codecs.h264.parser import Frame, FrameParser, FrameType
from ns_ray.errors import MissingReferenceError

MAIN = (("profile", "main"),)


def check(packets: tuple[bytes, ...]) -> list[Frame]:
    """Compare order, vectors and predictions: all vectors of FFmpeg are blocks' here, all blocks' there."""
    frames, decoded = parse(packets), decode(packets)
    assert [one.packet for one in decoded] == sorted(range(len(frames)), key=lambda i: frames[i].order)
    planes = {one.packet: one.planes for one in decoded}
    compared = 0
    for one in decoded:
        frame = frames[one.packet]
        unseen = frame.blocks["reference"] >= 0
        for vector in () if one.vectors is None else one.vectors:
            index = 0 if vector["source"] < 0 else 1
            width, height = int(vector["w"]) // 4, int(vector["h"]) // 4
            x, y = (int(vector["dst_x"]) - 2 * width) // 4, (int(vector["dst_y"]) - 2 * height) // 4
            if unseen[y, x, index]:  # else of a macroblock whose other parts use the list
                assert tuple(frame.blocks["mv"][y, x, index]) == (vector["motion_y"], vector["motion_x"])
            unseen[y : y + height, x : x + width, index] = False
        assert not unseen.any()
        predicted = predict(frame, planes)
        for i, (step, flag) in enumerate(((4, Coded.LUMA), (2, Coded.CHROMA), (2, Coded.CHROMA))):
            bare = ~frame.intra & ((frame.coded & flag) == 0)
            samples = np.repeat(np.repeat(bare, step, 0), step, 1)
            assert (predicted[i] == one.planes[i])[samples].all()
            compared += int(bare.sum())
    assert compared > 0
    return frames


def x264(params: str, **kwargs: object) -> list[Frame]:
    return check(encode(f"no-deblock=1:{params}", **kwargs).packets)  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", ["ultrafast", "superfast", "medium", "slower", "placebo"])
def test_presets(preset: str) -> None:
    frames = x264("", preset=preset)
    assert frames[0].type == FrameType.KEY
    assert frames[0].idr


@pytest.mark.parametrize(
    "params",
    [
        "cabac=0",
        "cabac=0:slices=3:crf=14:partitions=all:bframes=3:b-adapt=0",
        "slices=4:direct=temporal",
        "slice-max-mbs=1",
        "ref=1:bframes=0",
        "ref=16:bframes=0:crf=18",
        "partitions=all:subme=9:crf=12:direct=temporal:bframes=3:b-adapt=0",
        "bframes=8:b-adapt=0:b-pyramid=normal:ref=16",
        "bframes=4:b-adapt=0:b-pyramid=strict:weightb=0",
        "intra-refresh=1:keyint=6:bframes=0",
        "fake-interlaced=1",
        "8x8dct=0:constrained-intra=1",
    ],
)
def test_settings(params: str) -> None:
    x264(params)


@pytest.mark.parametrize("size", [(16, 16), (18, 34), (90, 70)])
def test_sizes_that_macroblocks_do_not_divide(size: tuple[int, int]) -> None:
    for frame in x264("", size=size):
        assert (frame.width, frame.height) == size
        assert frame.crop == (0, 0)


@pytest.mark.parametrize("cabac", [0, 1])
def test_weights(cabac: int) -> None:
    frames = x264(f"weightp=2:crf=30:bframes=2:b-adapt=0:cabac={cabac}", fade=True, preset="slower")
    slices = np.concatenate([frame.slices for frame in frames])
    explicit = slices[slices["weighting"] == Weighting.EXPLICIT]
    assert (explicit["explicit_weights"][:, 0, 0, 0, 0] != 1 << explicit["luma_log2"]).any()
    assert (slices["weighting"] == Weighting.IMPLICIT).any()


@pytest.mark.parametrize("cabac", [0, 1])
def test_explicit_weights_of_b_slices(cabac: int) -> None:
    """x264 has them in P slices only."""
    settings = f"no-deblock=1:8x8dct=0:weightp=0:weightb=0:bframes=2:b-adapt=0:crf=30:ref=2:cabac={cabac}"

    usual = []

    def allow(pps: Pps) -> None:
        pps.weighted_bi = 1
        usual[:] = pps.active

    def weigh(number: int, header: SliceHeader) -> None:
        if header.type == SliceType.B:
            luma, chroma = "1" + se(20) + se(-7), "1" + se(9) + se(3) + se(-5) + se(12)
            entries = [luma + chroma, luma + "0", "0" + chroma, "00"]
            count = sum(header.active or usual)
            header.weights = ue(5) + ue(3) + "".join(entries[(number + i) % 4] for i in range(count))

    frames = check(rewrite(encode(settings, options=MAIN).packets, weigh, edit_pps=allow))
    assert any((frame.slices["weighting"] == Weighting.EXPLICIT).all() for frame in frames)


@pytest.mark.parametrize("cabac", [0, 1])
def test_raw_macroblocks(cabac: int) -> None:
    frames = parse(encode(f"psy=0:qp=1:cabac={cabac}", noise=True, frames=3).packets)
    assert all((frame.macroblocks["type"] == MacroblockType.PCM).any() for frame in frames)


@pytest.mark.parametrize(
    "options", ["-allow_skip_frames 0", "-slices 3", "-coder cabac", "-profile:v high -rc_mode off"]
)
def test_openh264(options: str) -> None:
    check(encode_openh264(options).packets)


def test_open_groups_can_be_entered_at_a_recovery_point() -> None:
    packets = encode(
        "no-deblock=1:open-gop=1:keyint=4:min-keyint=1:bframes=3:b-adapt=0:scenecut=0:force-cfr=1", frames=16
    ).packets
    frames = check(packets)
    keys = [frame.number for frame in frames if frame.type == FrameType.KEY]
    assert len(keys) > 2
    assert not frames[keys[1]].idr
    parser = FrameParser()
    entered = []
    head = packets[0]  # which has the parameter sets
    (start,) = parser.parse(head[: head.index(b"\0\0\1\6")] + packets[keys[1]])
    assert start.type == FrameType.KEY
    for number in range(keys[1] + 1, len(packets)):
        try:
            entered += [(number, frame) for frame in parser.parse(packets[number])]
        except MissingReferenceError:
            assert frames[number].order < frames[keys[1]].order  # shown before it
    for number, frame in entered:
        assert (frame.blocks["mv"] == frames[number].blocks["mv"]).all()
    assert len(entered) >= len(packets) - keys[1] - 4


def test_frame_types_and_references() -> None:
    frames = parse(encode("bframes=3:b-adapt=0:b-pyramid=normal:ref=2:scenecut=0").packets)
    assert {frame.type for frame in frames} == set(FrameType)
    named = {number for frame in frames for number in frame.references}
    for frame in frames:
        assert frame.reference == (frame.type != FrameType.B)
        assert frame.number not in named or frame.reference
        assert all(number < frame.number for number in frame.references)
        assert set(frame.used) <= set(frame.references)
        assert sum(frame.used.values()) == (frame.blocks["reference"] >= 0).sum()


@pytest.mark.parametrize("mode", ["spatial", "temporal"])
@pytest.mark.parametrize("cabac", [0, 1])
def test_direct_motion_of_4x4_blocks(mode: str, cabac: int) -> None:
    """direct_8x8_inference_flag is always set by x264, and can be cleared where there is no 8x8 transform."""
    settings = (
        f"no-deblock=1:8x8dct=0:direct={mode}:cabac={cabac}:bframes=3:b-adapt=0:partitions=all:crf=14:ref=3:subme=9"
    )
    stream = encode(f"{settings}:weightp=0", options=MAIN)

    def clear(sps: Sps) -> None:
        sps.direct_8x8_inference = 0

    check(rewrite(stream.packets, edit_sps=clear))


def _p_stream(references: int) -> Stream:
    return encode(f"no-deblock=1:8x8dct=0:weightp=0:bframes=0:crf=16:ref={references}", options=MAIN)


def test_long_term_references() -> None:
    def edit(number: int, header: SliceHeader) -> None:
        match number:
            case 1:
                header.marking = [(4, 2), (6, 0)]
            case 4:
                header.marking = [(3, 0, 1)]
            case 6:
                header.changes[0] = [(2, 1), (0, 0)]
            case 7:
                header.marking = [(2, 0)]
            case 9:
                header.marking = [(1, 0)]
            case 10:
                header.marking = [(4, 0)]

    frames = check(rewrite(_p_stream(4).packets, edit))
    assert 1 in frames[7].references
    assert 1 not in frames[8].references


@pytest.mark.parametrize("mode", ["spatial", "temporal"])
def test_long_term_references_of_b_slices(mode: str) -> None:
    """Vectors to them are not scaled, nor predictions weighted by distance."""
    settings = (
        f"no-deblock=1:8x8dct=0:weightp=0:bframes=2:b-adapt=0:ref=4:crf=16:b-pyramid=none:direct={mode}:scenecut=0"
    )
    stream = encode(settings, options=MAIN, frames=10)

    def edit(number: int, header: SliceHeader) -> None:
        if number == 0:
            header.idr_flags = "01"
        elif number in (5, 6):
            header.changes[0] = [(0, 1), (2, 0)]
        elif number in (8, 9):
            header.changes[0] = [(0, 1), (0, 0), (2, 0)]

    frames = check(rewrite(stream.packets, edit))
    assert 0 in frames[9].references


def test_memory_cleared_within_a_stream() -> None:
    def edit(number: int, header: SliceHeader) -> None:
        if number == 5:
            header.marking = [(5,)]
        elif number > 5:
            header.frame_num -= 5

    frames = check(rewrite(_p_stream(1).packets, edit))
    assert [frame.order[0] for frame in frames] == [0] * 5 + [1] * 7


def test_order_by_expected_differences() -> None:
    """pic_order_cnt_type 1, which x264 does not use: of references 5 and 1 apart in turn."""

    def edit(sps: Sps) -> None:
        assert sps.poc_type == 2
        sps.poc_type, sps.order = 1, "1" + se(-1) + se(0) + ue(2) + se(5) + se(1)

    frames = check(rewrite(_p_stream(1).packets, edit_sps=edit))
    assert [frame.order[1] for frame in frames[:5]] == [0, 5, 6, 11, 12]


def test_gaps_in_frame_numbers() -> None:
    def allow(sps: Sps) -> None:
        sps.gaps_allowed, sps.max_references = 1, 4

    def skip(number: int, header: SliceHeader) -> None:
        if number >= 5:
            header.frame_num += 2

    def skip_and_refer_back(number: int, header: SliceHeader) -> None:
        skip(number, header)
        if number == 5:
            header.changes[0] = [(0, 2)]

    packets = _p_stream(1).packets
    check(rewrite(packets, skip_and_refer_back, allow))
    parser = FrameParser()
    skipped = rewrite(packets, skip, allow)
    for packet in skipped[:5]:
        parser.parse(packet)
    for packet in skipped[5:]:
        with pytest.raises(MissingReferenceError):
            parser.parse(packet)


def test_arrays_cover_the_frame() -> None:
    frame = parse(encode("").packets)[1]
    assert frame.blocks.shape == frame.coded.shape == (HEIGHT // 4, WIDTH // 4)
    assert frame.macroblocks.shape == (HEIGHT // 16, WIDTH // 16)
    assert not frame.blocks.flags.writeable
    assert frame.profile == 100
