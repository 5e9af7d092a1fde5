"""Damaged streams raise errors, or parse to what keeps the rules; they never crash."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import pytest
from h264_streams import encode

from ns_ray.codecs.h264.layout import MacroblockType, SliceType
from ns_ray.codecs.h264.parser import Frame, FrameParser
from ns_ray.errors import BitstreamError

STREAMS = {
    "cabac": {"params": "bframes=2:b-adapt=0:b-pyramid=normal:direct=temporal:ref=3", "preset": "slower"},
    "cavlc": {"params": "cabac=0:bframes=2:b-adapt=0:slices=3:weightp=2:ref=4", "preset": "slower"},
    "fade": {"params": "bframes=3:b-adapt=0:partitions=all:crf=16", "fade": True},
}


def follows_the_rules(frame: Frame) -> bool:
    blocks, macroblocks, slices = frame.blocks, frame.macroblocks, frame.slices
    which = np.repeat(np.repeat(macroblocks["slice"], 4, 0), 4, 1)
    uses = blocks["reference"] >= 0
    listed = slices["pictures"][which[..., None], [0, 1], np.maximum(blocks["reference"], 0)]
    intra = np.repeat(np.repeat(macroblocks["type"] <= MacroblockType.PCM, 4, 0), 4, 1)
    return bool(
        ((blocks["picture"] >= 0) == uses).all()
        and (blocks["picture"] < len(frame.references)).all()
        and (blocks["picture"] == np.where(uses, listed, -1)).all()
        and (blocks["reference"] < slices["active"][which]).all()
        and (frame.intra == intra).all()
        and not blocks["mv"][~uses].any()
        and (macroblocks["qp"] <= 51).all()
        and (macroblocks["type"] <= MacroblockType.SKIP).all()
        and (np.diff(macroblocks["slice"].ravel().astype(int)) >= 0).all()
        and (slices["type"] <= SliceType.I).all()
        and all(0 <= number < frame.number for number in frame.references)
        and len(frame.references) <= 16
    )


def feed(packets: list[bytes]) -> tuple[int, int]:
    """How many packets parse and fail."""
    parser = FrameParser(max_pixels=1 << 20)
    parsed = failed = 0
    for packet in packets:
        try:
            assert all(follows_the_rules(frame) for frame in parser.parse(packet))
            parsed += 1
        except BitstreamError:
            failed += 1
    return parsed, failed


@pytest.mark.parametrize("name", STREAMS)
def test_whole(name: str) -> None:
    packets = list(encode(**STREAMS[name]).packets)  # type: ignore[arg-type]
    assert feed(packets) == (len(packets), 0)


@pytest.mark.parametrize("name", STREAMS)
def test_cut(name: str) -> None:
    """A packet that lacks its last bytes is never taken for whole."""
    packets = list(encode(**STREAMS[name]).packets)  # type: ignore[arg-type]
    rng = random.Random(1)
    for number in range(len(packets)):
        for length in {len(packets[number]) - 1, *(rng.randrange(len(packets[number])) for _ in range(6))}:
            parser = FrameParser()
            for packet in packets[:number]:
                parser.parse(packet)
            with contextlib.suppress(BitstreamError):
                assert parser.parse(packets[number][:length]) == []  # nothing of the picture was left


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("seed", range(60))
def test_changed(name: str, seed: int) -> None:
    rng = random.Random(seed)
    packets = [bytearray(packet) for packet in encode(**STREAMS[name]).packets]  # type: ignore[arg-type]
    for _ in range(rng.randint(1, 4)):
        packet = rng.choice(packets)
        at = rng.randrange(len(packet))
        match rng.randrange(5):
            case 0:
                packet[at] ^= 1 << rng.randrange(8)
            case 1:
                packet[at] = rng.randrange(256)
            case 2:
                del packet[at : at + rng.randint(1, 20)]
            case 3:
                packet[at:at] = rng.randbytes(rng.randint(1, 20))
            case _:
                packet[rng.randrange(min(60, len(packet)))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.2:
        packets.pop(rng.randrange(len(packets)))
    if rng.random() < 0.2:
        rng.shuffle(packets)
    parsed, failed = feed([bytes(packet) for packet in packets])
    assert parsed + failed == len(packets)
