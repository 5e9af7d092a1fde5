"""The reconstruction against a slow predictor written from the specification, and against what must hold exactly."""

import subprocess
import sys
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from random_frames import Decoder, RandomStream, key_frame

from ns_ray.client.reconstruct import Reconstructor
from ns_ray.codecs.motion_field import BLOCK, WEIGHTS, Prediction
from ns_ray.codecs.vp9.blocks import BlockParser
from ns_ray.codecs.vp9.motion import motion_field
from ns_ray.codecs.vp9.superframe import split
from ns_ray.errors import HybridError
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe


@dataclass
class Coded:
    blocks: Any
    width: int
    height: int
    refreshed: int = 255
    prediction: Prediction = Prediction.VP9
    weights: Any = field(default_factory=lambda: np.zeros(0, WEIGHTS))


def picture(rng, width, height):
    """Noise with some structure, so that errors of a fraction of a sample show."""
    chroma = (height + 1) // 2, (width + 1) // 2
    return tuple(rng.integers(0, 256, size, dtype=np.uint8) for size in ((height, width), chroma, chroma))


def smooth_picture(width, height, shift=0):
    x, y = np.meshgrid(np.arange(width) + shift, np.arange(height))
    luma = 128 + 60 * np.sin(x / 7) * np.cos(y / 5) + 40 * np.sin((x + y) / 3)
    x, y = x[::2, ::2], y[::2, ::2]
    return tuple(p.astype(np.uint8) for p in (luma, 128 + 50 * np.sin(x / 9), 128 + 50 * np.cos(y / 9)))


def tiling(rng, width, height):
    """Blocks of mixed sizes over the frame, as quartering superblocks gives them."""
    places = []

    def split(x, y, size):
        if x >= width or y >= height:
            return
        half = size // 2
        kind = rng.integers(4) if size > 8 else 0
        if kind == 0:
            places.append((x, y, size, size))
        elif kind == 1 and y + half < height:
            places.extend([(x, y, size, half), (x, y + half, size, half)])
        elif kind == 2 and x + half < width:
            places.extend([(x, y, half, size), (x + half, y, half, size)])
        else:
            for dy in (0, half):
                for dx in (0, half):
                    split(x + dx, y + dy, half)

    for y in range(0, height, 64):
        for x in range(0, width, 64):
            split(x, y, 64)
    return places


def random_blocks(rng, width, height, slots=8, reach=400, intra=0.1, compound=0.3):
    places = tiling(rng, width, height)
    blocks = np.zeros(len(places), BLOCK)
    for block, (x, y, w, h) in zip(blocks, places, strict=True):
        block["x"], block["y"], block["width"], block["height"] = x, y, w, h
        block["sub_width"], block["sub_height"] = w, h
        block["filter"] = rng.integers(4)
        block["slot"] = -1
        if rng.random() < intra:
            continue
        block["slot"][0] = rng.integers(slots)
        block["mv"][:, 0] = rng.integers(-reach, reach + 1, 2)
        if rng.random() < compound:
            block["slot"][1] = rng.integers(slots)
            block["mv"][:, 1] = rng.integers(-reach, reach + 1, 2)
        if w == h == 8 and rng.random() < 0.7:
            block["sub_width"], block["sub_height"] = [(4, 4), (4, 8), (8, 4)][rng.integers(3)]
            mv = rng.integers(-reach, reach + 1, (4, 2, 2))
            if block["sub_height"] == 8:
                mv[2:] = mv[:2]
            if block["sub_width"] == 8:
                mv[1::2] = mv[::2]
            block["mv"] = mv
    return blocks


def fill(reconstructor, rng, *sizes):
    """Eight different references, with anchors of their own; of one size or of several in turn."""
    pictures = []
    none = np.zeros(0, BLOCK)
    scale = reconstructor.scale
    for slot in range(8):
        width, height = sizes[slot % len(sizes)]
        lr, hr = picture(rng, width, height), picture(rng, width * scale, height * scale)
        reconstructor.frame(Coded(none, width, height, 1 << slot), lr, hr)
        pictures.append((lr, hr))
    return pictures


# Sections 8.5.2.1 to 8.5.2.4 of the VP9 specification, sample by sample.

REGULAR_HALF = [-1, 6, -19, 78, 78, -19, 6, -1]
SMOOTH_HALF = [-1, -4, 14, 55, 55, 14, -4, -1]
SHARP_HALF = [-4, 11, -23, 80, 80, -23, 11, -4]
SMOOTH = [
    [0, 0, 0, 128, 0, 0, 0, 0],
    [-3, -1, 32, 64, 38, 1, -3, 0],
    [-2, -2, 29, 63, 41, 2, -3, 0],
    [-2, -2, 26, 63, 43, 4, -4, 0],
    [-2, -3, 24, 62, 46, 5, -4, 0],
    [-2, -3, 21, 60, 49, 7, -4, 0],
    [-1, -4, 18, 59, 51, 9, -4, 0],
    [-1, -4, 16, 57, 53, 12, -4, -1],
    SMOOTH_HALF,
]
REGULAR = [
    [0, 0, 0, 128, 0, 0, 0, 0],
    [0, 1, -5, 126, 8, -3, 1, 0],
    [-1, 3, -10, 122, 18, -6, 2, 0],
    [-1, 4, -13, 118, 27, -9, 3, -1],
    [-1, 4, -16, 112, 37, -11, 4, -1],
    [-1, 5, -18, 105, 48, -14, 4, -1],
    [-1, 5, -19, 97, 58, -16, 5, -1],
    [-1, 6, -19, 88, 68, -18, 5, -1],
    REGULAR_HALF,
]
SHARP = [
    [0, 0, 0, 128, 0, 0, 0, 0],
    [-1, 3, -7, 127, 8, -3, 1, 0],
    [-2, 5, -13, 125, 17, -6, 3, -1],
    [-3, 7, -17, 121, 27, -10, 5, -2],
    [-4, 9, -20, 115, 37, -13, 6, -2],
    [-4, 10, -23, 108, 48, -16, 8, -3],
    [-4, 10, -24, 100, 59, -19, 9, -3],
    [-4, 11, -24, 90, 70, -21, 10, -4],
    SHARP_HALF,
]
BILINEAR = [[0, 0, 0, 128 - 8 * i, 8 * i, 0, 0, 0] for i in range(9)]
FILTERS = np.array([half + [taps[::-1] for taps in half[7:0:-1]] for half in (SMOOTH, REGULAR, SHARP, BILINEAR)])


def slow_block(reference, x, y, width, height, kernel, steps=(16, 16)):
    """One rectangle of one plane; x, y and the steps between samples in 1/16 sample."""
    last_y, last_x = np.array(reference.shape) - 1
    at_x, at_y = (x & 15) + steps[0] * np.arange(width), (y & 15) + steps[1] * np.arange(height)
    rows = np.clip((y >> 4) + np.arange((at_y[-1] >> 4) + 8) - 3, 0, last_y)
    columns = np.clip((x >> 4) + np.arange((at_x[-1] >> 4) + 8) - 3, 0, last_x)
    area = reference[np.ix_(rows, columns)].astype(int)
    taps = FILTERS[kernel][at_x & 15]
    across = sum(taps[:, i] * area[:, (at_x >> 4) + i] for i in range(8))
    across = np.clip((across + 64) >> 7, 0, 255)
    taps = FILTERS[kernel][at_y & 15]
    down = sum(taps[:, i, None] * across[(at_y >> 4) + i] for i in range(8))
    return np.clip((down + 64) >> 7, 0, 255)


def scaled_start(at, halved, vector, block, size, cells, ratio):
    """Where a part of a block begins in a reference of another size, in 1/16 sample (8.5.2.2, 8.5.2.3).

    `block` and `size`: where the block begins and how large it is; `cells`: of 8 luma samples along the frame.
    """
    whole = 8 * cells >> halved
    vector = min(max(vector, -16 * (block + size + 4)), 16 * (whole - block - size) + 16 * (size + 4) - 16)
    base = at * ratio >> 14
    fraction = (16 * (at << halved) * ratio >> 14) & 15
    return (base << 4) + fraction + (vector * ratio >> 14)


def towards_zero(v, divisor):
    return -(-v // divisor) if v < 0 else v // divisor


def slow_prediction(blocks, references, width, height, scale):
    """What `predict` must give at the scale: the LR planes with scale 1, else the HR planes."""
    cells = (width + 7) // 8, (height + 7) // 8
    sizes = [(width, height)] + [((width + 1) // 2, (height + 1) // 2)] * 2
    out = [np.zeros((h * scale, w * scale), int) for w, h in sizes]
    for block in blocks:
        bx, by, bw, bh = (int(block[name]) for name in ("x", "y", "width", "height"))
        split = (block["sub_width"], block["sub_height"]) != (bw, bh)
        for plane in range(3):
            ss = plane > 0
            pw, ph = bw >> ss, bh >> ss
            step_x, step_y = (4, 4) if split and not plane else (pw, ph)
            for dy in range(0, ph, step_y):
                for dx in range(0, pw, step_x):
                    prediction = None
                    for which in range(2):
                        slot = int(block["slot"][which])
                        if slot < 0:
                            continue
                        vectors = block["mv"][:, which].astype(int)
                        mv = vectors[(dy > 0) * 2 + (dx > 0)] if split else vectors[0]
                        if plane and split:
                            total = vectors.sum(0)
                            mv = np.array([towards_zero(t + (-2 if t < 0 else 2), 4) for t in total])
                        mv = mv * (1 if ss else 2)
                        x0, y0 = (bx >> ss) + dx, (by >> ss) + dy
                        starts, steps = [scale * (16 * x0 + mv[1]), scale * (16 * y0 + mv[0])], [16, 16]
                        rows, columns = (side // scale for side in references[slot][0].shape)
                        if (columns, rows) != (width, height):
                            for axis, (reference, frame) in enumerate(((columns, width), (rows, height))):
                                ratio = (reference << 14) // frame
                                place = (x0, y0)[axis], ss, int(mv[1 - axis]), (bx, by)[axis] >> ss, (pw, ph)[axis]
                                steps[axis] = 16 * ratio >> 14
                                # LR samples lie in the middle of their HR samples, in the frame and in its reference.
                                starts[axis] = scale * scaled_start(*place, cells[axis], ratio)
                                starts[axis] -= (scale - 1) * (steps[axis] - 16) // 2
                        part = scale * step_x, scale * step_y
                        one = slow_block(references[slot][plane], *starts, *part, int(block["filter"]), steps)
                        prediction = one if prediction is None else (prediction + one + 1) >> 1
                    if prediction is not None:
                        target = out[plane][scale * y0 : scale * (y0 + step_y), scale * x0 : scale * (x0 + step_x)]
                        target[...] = prediction[: target.shape[0], : target.shape[1]]
    return out


@pytest.mark.parametrize(("width", "height"), [(64, 64), (100, 75), (2, 2), (129, 66), (33, 1)])
def test_lr_prediction_is_the_specifications(width, height):
    rng = np.random.default_rng(width)
    reconstructor = Reconstructor(2, "plain")
    pictures = fill(reconstructor, rng, (width, height))
    blocks = random_blocks(rng, width, height)
    low, _ = reconstructor.predict(Coded(blocks, width, height), pictures[0][0])
    expected = slow_prediction(blocks, [lr for lr, _ in pictures], width, height, 1)
    for got, want in zip(low, expected, strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_hr_prediction_is_exact_in_its_vectors(scale):
    rng = np.random.default_rng(scale)
    width, height = 88, 72
    reconstructor = Reconstructor(scale, "plain")
    pictures = fill(reconstructor, rng, (width, height))
    blocks = random_blocks(rng, width, height)
    _, high = reconstructor.predict(Coded(blocks, width, height), pictures[0][0])
    expected = slow_prediction(blocks, [hr for _, hr in pictures], width, height, scale)
    for got, want in zip(high, expected, strict=True):
        assert np.array_equal(got, want)


SCALED = [(88, 72), (176, 144), (44, 36), (6, 5), (100, 97), (117, 70), (88, 71), (150, 72)]
"""Sizes of references for a frame of 88x72: 2 to a 15th times its size, and ratios that are no multiple of 1/16."""


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_references_of_other_sizes_are_predicted_from_as_specified(scale):
    rng = np.random.default_rng(scale)
    reconstructor = Reconstructor(scale, "plain")
    pictures = fill(reconstructor, rng, *SCALED)
    blocks = random_blocks(rng, 88, 72, intra=0)
    low, high = reconstructor.predict(Coded(blocks, 88, 72), picture(rng, 88, 72))
    for got, size, references in zip((low, high), (1, scale), zip(*pictures, strict=True), strict=True):
        expected = slow_prediction(blocks, references, 88, 72, size)
        for one, other in zip(got, expected, strict=True):
            assert np.array_equal(one, other)


def random_stream(seed, size):
    """Nine frames; the inter frames have sizes of their own, and references of several."""
    rng = np.random.default_rng(seed)
    stream = RandomStream(key_frame(smooth_picture(*size, seed)))
    slots = [size] * 8
    for _ in range(8):
        while True:
            width, height = (max(1, round(side * rng.uniform(0.5, 2))) for side in slots[rng.integers(8)])
            usable = [
                slot
                for slot, (w, h) in enumerate(slots)
                if w <= 2 * width and h <= 2 * height and width <= 16 * w and height <= 16 * h
            ]
            if usable and width * height < 60_000:
                break
        refreshed = int(rng.integers(1, 256))
        first, second, third = (int(slot) for slot in rng.choice(usable, 3))
        stream.add(rng, width, height, (first, second, third), refreshed, compound=bool(rng.integers(2)))
        slots = [(width, height) if refreshed >> slot & 1 else old for slot, old in enumerate(slots)]
    return stream


@pytest.mark.parametrize("name", ["vp9", "libvpx-vp9"])
@pytest.mark.parametrize(("seed", "size"), [(0, (96, 80)), (1, (131, 67)), (2, (64, 64)), (3, (33, 200))])
def test_decoders_predict_from_references_of_other_sizes_likewise(name, seed, size):
    """Where nothing is coded and no loop filter is at work, the decoded frame is the prediction."""
    stream = random_stream(seed, size)
    decoder, reconstructor = Decoder(name), Reconstructor(1, "plain")
    scaled = 0
    for frame, coded in zip(stream.frames, stream.facts, strict=True):
        lr = decoder.decode(frame)
        field = motion_field(coded)
        low, _ = reconstructor.predict(field, lr)
        sizes = dict(zip(coded.ref_slots, coded.ref_sizes, strict=True))
        for block in coded.blocks[(coded.blocks["ref_slot"][:, 0] >= 0) & (coded.blocks["tokens"] == 0)]:
            x, y, w, h = (int(block[name]) for name in ("x", "y", "width", "height"))
            for plane, (got, want) in enumerate(zip(low, lr, strict=True)):
                half = plane > 0
                area = np.s_[y >> half : y + h >> half, x >> half : x + w >> half]
                assert np.array_equal(got[area], want[area])
            scaled += sizes[int(block["ref_slot"][0])] != (coded.width, coded.height)
        hr = reconstructor.frame(field, lr)
        assert all(np.array_equal(a, b) for a, b in zip(hr, lr, strict=True))
    assert scaled > 100


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("ratio", [(2, 1), (1, 2), (3, 2)])
def test_references_of_other_sizes_lie_where_they_should_at_hr(scale, ratio):
    """A still picture of which each frame shows the same at another size, sample 0 upon sample 0, as VP9 has it.

    The ratios give steps of whole sixteenths. With others a block slowly leaves its place, in any decoder.
    """

    def seen(width, height, times, size):
        x, y = ((np.arange(times * side) + 0.5) / times - 0.5 for side in (width, height))
        x, y = np.meshgrid(x * size, y * size)
        luma = 128 + 60 * np.sin(x / 5) * np.cos(y / 7) + 40 * np.sin((x + y) / 6)
        return luma, *(np.full(((side_y + 1) // 2, (side_x + 1) // 2), 90.0) for side_y, side_x in [luma.shape] * 2)

    def rounded(planes):
        return tuple(np.round(plane).astype(np.uint8) for plane in planes)

    large, small = ratio
    width, height = 48 * large, 32 * large
    other_width, other_height = 48 * small, 32 * small
    none, step = np.zeros(0, BLOCK), large / small
    reconstructor = Reconstructor(scale, "plain")
    anchor = rounded(seen(width, height, scale, 1))
    reconstructor.frame(Coded(none, width, height), rounded(seen(width, height, 1, 1)), anchor)
    blocks = random_blocks(np.random.default_rng(0), other_width, other_height, slots=1, intra=0, compound=0)
    blocks["mv"], blocks["filter"] = 0, 1
    blocks["sub_width"], blocks["sub_height"] = blocks["width"], blocks["height"]
    lr = rounded(seen(other_width, other_height, 1, step))
    _, high = reconstructor.predict(Coded(blocks, other_width, other_height), lr)
    expected = seen(other_width, other_height, scale, step)[0]
    inner = np.s_[4 * scale : -8 * scale, 4 * scale : -8 * scale]
    assert np.abs(high[0][inner] - expected[inner]).max() < 4
    if ratio != (2, 1):  # the frame itself has more detail than its reference, or nearly so
        return

    def error(planes):
        return np.mean((planes[0][inner] - expected[inner]) ** 2)

    upscaled = Reconstructor(scale, "plain").frame(Coded(none, other_width, other_height), lr)
    best = Reconstructor(scale)
    best.frame(Coded(none, width, height), rounded(seen(width, height, 1, 1)), anchor, teach=False)
    for one in (reconstructor, best):
        assert error(one.frame(Coded(blocks, other_width, other_height), lr)) < error(upscaled) / 2


@pytest.mark.parametrize("mode", ["plain", "best"])
@pytest.mark.parametrize(("width", "height"), [(96, 80), (101, 67), (2, 2)])
def test_scale_one_without_anchors_is_the_decoded_video(mode, width, height):
    rng = np.random.default_rng(7)
    reconstructor = Reconstructor(1, mode)
    reconstructor.frame(Coded(np.zeros(0, BLOCK), width, height), picture(rng, width, height))
    for _ in range(5):
        lr = picture(rng, width, height)
        hr = reconstructor.frame(Coded(random_blocks(rng, width, height), width, height, 0b1011), lr)
        assert all(np.array_equal(a, b) for a, b in zip(hr, lr, strict=True))


@pytest.mark.parametrize("mode", ["plain", "best"])
@pytest.mark.parametrize(("width", "height"), [(96, 80), (101, 67)])
def test_anchors_come_back_as_they_are(mode, width, height):
    rng = np.random.default_rng(8)
    reconstructor = Reconstructor(3, mode)
    for slot in range(4):
        anchor = picture(rng, 3 * width, 3 * height)
        coded = Coded(np.zeros(0, BLOCK), width, height, 1 << slot)
        for hr in (reconstructor.frame(coded, picture(rng, width, height), anchor), reconstructor.show(slot)):
            assert all(np.array_equal(a, b) for a, b in zip(hr, anchor, strict=True))
            assert all(plane.flags.c_contiguous for plane in hr)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_pan_coded_without_loss_keeps_the_anchor(scale):
    width, height, pan = 128, 64, 4
    reconstructor = Reconstructor(scale, "plain")
    anchor = smooth_picture(scale * width, scale * height)
    blocks = random_blocks(np.random.default_rng(0), width, height, slots=1, intra=0, compound=0)
    blocks["sub_width"], blocks["sub_height"], blocks["mv"] = blocks["width"], blocks["height"], 0
    blocks["mv"][..., 1] = 8 * pan
    reconstructor.frame(Coded(blocks[:0], width, height), smooth_picture(width, height), anchor)
    hr = reconstructor.frame(Coded(blocks, width, height), smooth_picture(width, height, pan))
    inner = width - pan
    low, _ = reconstructor.predict(Coded(blocks, width, height), smooth_picture(width, height, pan))
    assert not np.array_equal(low[0], smooth_picture(width, height)[0])
    assert np.array_equal(hr[0][:, : scale * (inner - 1)], anchor[0][:, scale * pan : scale * (width - 1)])


def play(width, height, scale, mode, threads, simd):
    rng = np.random.default_rng(3)
    reconstructor = Reconstructor(scale, mode, threads, simd=simd)
    fill(reconstructor, rng, (width, height), (width, height), (2 * width - 1, height), (width // 3, height // 5))
    frames = []
    for i in range(4):
        coded = Coded(random_blocks(rng, width, height, reach=60), width, height, 1 << i)
        lr = smooth_picture(width, height, i) if i % 2 else picture(rng, width, height)
        frames.append([plane.copy() for plane in reconstructor.frame(coded, lr)])
    return frames


@pytest.mark.parametrize("mode", ["plain", "best"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_threads_and_instruction_sets_give_the_same_bits(mode, scale):
    expected = play(150, 106, scale, mode, 1, False)
    for threads, simd in ((1, True), (3, True), (2, False)):
        got = play(150, 106, scale, mode, threads, simd)
        assert all(np.array_equal(a, b) for x, y in zip(got, expected, strict=True) for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("mode", ["plain", "best"])
def test_motion_overlaps_at_edges_between_blocks_that_moved_otherwise(mode):
    rng = np.random.default_rng(6)
    width, height, edge = 128, 64, 2 * 64
    lr, hr = picture(rng, width, height), picture(rng, 2 * width, 2 * height)

    def rebuilt(*across):
        reconstructor = Reconstructor(2, mode)
        reconstructor.frame(Coded(np.zeros(0, BLOCK), width, height), lr, hr)
        blocks = np.repeat(one(width=64, height=64, sub_width=64, sub_height=64), 2)
        blocks["x"] = 0, 64
        blocks["mv"][..., 1] = np.reshape(across, (2, 1, 1))
        return reconstructor.frame(Coded(blocks, width, height), lr)

    alike, unlike = rebuilt(16, 16), rebuilt(16, 0)
    changed = (alike[0] != unlike[0]).any(0)
    # Left of the edge the other vector shows as far as the upscaler reaches; with overlap as far as a cell does.
    assert changed[edge - 16 : edge - 5].any() == (mode == "best")
    assert not changed[: edge - 16 - 5].any()
    assert np.array_equal(alike[1][:, : 64 - 8 - 5], unlike[1][:, : 64 - 8 - 5])


def test_intra_frames_are_upscaled_bilinearly():
    reconstructor = Reconstructor(2, "plain")
    lr = (np.array([[0, 100], [200, 40]], np.uint8), np.full((1, 1), 7, np.uint8), np.full((1, 1), 9, np.uint8))
    y, u, _ = reconstructor.frame(Coded(np.zeros(0, BLOCK), 2, 2), lr)
    assert y[0].tolist() == [0, 25, 75, 100]
    assert y[:, 0].tolist() == [0, 50, 150, 200]
    assert u.tolist() == [[7, 7], [7, 7]]


def test_frames_stay_as_they_were():
    rng = np.random.default_rng(5)
    reconstructor = Reconstructor(2)
    first = reconstructor.frame(Coded(np.zeros(0, BLOCK), 32, 32), picture(rng, 32, 32))
    kept = [plane.copy() for plane in first]
    for _ in range(20):
        reconstructor.frame(Coded(random_blocks(rng, 32, 32), 32, 32), picture(rng, 32, 32))
    del reconstructor
    assert all(np.array_equal(a, b) for a, b in zip(first, kept, strict=True))
    assert not first[0].flags.writeable


def one(**fields):
    block = np.zeros(1, BLOCK)
    block["width"] = block["height"] = block["sub_width"] = block["sub_height"] = 8
    block["slot"] = [[0, -1]]
    for name, value in fields.items():
        block[name] = value
    return block


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": 4}, "place"),
        ({"x": 64}, "place"),
        ({"y": 65528}, "place"),
        ({"width": 0}, "place"),
        ({"width": 255}, "place"),
        ({"width": 16, "x": 8}, "place"),
        ({"sub_width": 3}, "parts"),
        ({"sub_width": 0}, "parts"),
        ({"slot": [[16, -1]]}, "slot 16"),
        ({"slot": [[-1, 0]]}, "no first"),
        ({"slot": [[1, -1]]}, "slot 1 is empty"),
        ({"filter": 4}, "filter"),
    ],
)
def test_blocks_that_no_frame_has_are_refused(fields, message):
    rng = np.random.default_rng(1)
    lr = picture(rng, 64, 48)
    reconstructor = Reconstructor(3)
    reconstructor.frame(Coded(np.zeros(0, BLOCK), 64, 48, 1), lr)
    with pytest.raises(HybridError, match=message):
        reconstructor.frame(Coded(one(**fields), 64, 48), lr)


def test_more_blocks_than_a_frame_holds_are_refused():
    lr = picture(np.random.default_rng(1), 64, 64)
    reconstructor = Reconstructor(3)
    reconstructor.frame(Coded(np.zeros(0, BLOCK), 64, 64, 1), lr)
    with pytest.raises(HybridError, match="more than the frame"):
        reconstructor.frame(Coded(np.repeat(one(width=64, height=64, sub_width=64, sub_height=64), 1000), 64, 64), lr)


@pytest.mark.parametrize(
    ("reference", "frame", "allowed"),
    [
        ((64, 64), (32, 32), True),
        ((65, 64), (32, 32), False),
        ((64, 65), (32, 32), False),
        ((2, 4), (32, 64), True),
        ((2, 4), (33, 64), False),
        ((2, 4), (32, 65), False),
    ],
)
def test_references_are_at_most_twice_and_at_least_a_sixteenth_of_the_frame(reference, frame, allowed):
    rng = np.random.default_rng(1)
    reconstructor = Reconstructor(2)
    reconstructor.frame(Coded(np.zeros(0, BLOCK), *reference), picture(rng, *reference))
    if allowed:
        reconstructor.frame(Coded(one(), *frame), picture(rng, *frame))
    else:
        with pytest.raises(HybridError, match="twice the frame's size"):
            reconstructor.frame(Coded(one(), *frame), picture(rng, *frame))


@pytest.mark.parametrize("mode", ["plain", "best"])
def test_a_key_frame_of_another_size_begins_anew(mode):
    rng = np.random.default_rng(11)
    old = Reconstructor(2, mode)
    fill(old, rng, (96, 80))
    if mode == "best":  # without the detail that anchors taught
        old = Reconstructor(2, mode)
        old.frame(Coded(np.zeros(0, BLOCK), 96, 80), picture(rng, 96, 80))
    for width, height in ((48, 40), (130, 70), (96, 80)):
        fresh = Reconstructor(2, mode)
        for blocks in (np.zeros(0, BLOCK), *(random_blocks(rng, width, height, reach=60) for _ in range(3))):
            lr = picture(rng, width, height)
            frames = [one.frame(Coded(blocks, width, height), lr) for one in (old, fresh)]
            assert all(np.array_equal(a, b) for a, b in zip(*frames, strict=True))


def test_pictures_and_memory_are_bounded():
    """In a process of its own, which has held nothing else."""
    program = Path(__file__).with_name("memory_bounds.py")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout)
    assert 500e6 < peak < 850e6


def test_pictures_that_are_too_large_are_refused_by_name():
    tiny = picture(np.random.default_rng(1), 2, 2)
    none = np.zeros(0, BLOCK)
    for scale, width, height in (
        (1, 7680, 4370),
        (1, 65536, 513),
        (2, 5793, 5793 // 2),
        (4, 2048, 1025),
        (4, 16385, 1),
    ):
        with pytest.raises(HybridError, match=f"{scale * width}x{scale * height}"):
            Reconstructor(scale).frame(Coded(none, width, height), tiny)
    for scale, width, height in ((1, 7680, 4320), (4, 1920, 1080), (1, 65536, 1)):
        with pytest.raises(HybridError, match="planes are not those"):
            Reconstructor(scale).frame(Coded(none, width, height), tiny)


def hostile(rng, known):
    """A frame of any size with blocks that may lie, and the planes for it, which may not fit."""
    if known and rng.integers(3):
        width, height = known[rng.integers(len(known))]
    else:
        width, height = (int(side) for side in rng.integers(1, 100, 2))
    blocks = random_blocks(
        rng, width, height, reach=int(rng.choice([30, 400, 32767])), slots=int(rng.choice([1, 2, 8]))
    )
    if rng.integers(2):
        raw = blocks.view(np.uint8)
        raw[rng.integers(0, raw.size, rng.integers(1, 4))] = rng.integers(0, 256)
    if not rng.integers(6):
        width, height = (int(side) for side in rng.choice([1, 17, 4096, 65535, 65536], 2))
    lr = picture(rng, min(width, 100), min(height, 100))
    return Coded(blocks, width, height, int(rng.integers(256))), lr


@pytest.mark.parametrize("mode", ["plain", "best"])
def test_whatever_comes_is_rebuilt_or_refused(mode):
    """Refused with the one class of error, and nothing is changed by it."""
    rng = np.random.default_rng(20)
    outcomes = []
    for scale in (1, 2, 3, 4):
        reconstructor = Reconstructor(scale, mode, 1 + scale % 2)
        sizes = [(40 + scale, 30), (24, 20), (70, 50)]
        held = [planes[1] for planes in fill(reconstructor, rng, *sizes)]
        for _ in range(60):
            coded, lr = hostile(rng, sizes)
            height, width = lr[0].shape
            anchor = picture(rng, scale * width, scale * height) if not rng.integers(4) else None
            predicts = not rng.integers(4)
            try:
                if predicts:
                    reconstructor.predict(coded, lr)
                else:
                    hr = reconstructor.frame(coded, lr, anchor, teach=bool(rng.integers(2)))
                    held = [hr if coded.refreshed >> slot & 1 else old for slot, old in enumerate(held)]
                outcomes.append(True)
            except HybridError:
                outcomes.append(False)
            for slot, planes in enumerate(held):
                shown = reconstructor.show(slot)
                assert all(np.array_equal(a, b) for a, b in zip(shown, planes, strict=True))
    assert outcomes.count(True) > 50
    assert outcomes.count(False) > 50


def test_planes_that_do_not_fit_are_refused():
    rng = np.random.default_rng(1)
    reconstructor = Reconstructor(3)
    none = np.zeros(0, BLOCK)
    lr, other = picture(rng, 64, 64), picture(rng, 66, 64)
    with pytest.raises(HybridError, match="planes"):
        reconstructor.frame(Coded(none, 64, 64), other)
    with pytest.raises(HybridError, match="anchor"):
        reconstructor.frame(Coded(none, 64, 64), lr, other)
    with pytest.raises(HybridError, match="3 planes"):
        reconstructor.frame(Coded(none, 64, 64), lr[:2])
    with pytest.raises(HybridError, match="uint8"):
        reconstructor.frame(Coded(none, 64, 64), [p.astype(np.float32) for p in lr])
    with pytest.raises(HybridError, match="not an array of BLOCK"):
        reconstructor.frame(Coded(np.zeros(3, np.uint16), 64, 64), lr)
    with pytest.raises(HybridError, match="cannot be rebuilt"):
        reconstructor.frame(Coded(none, 0, 64), lr)
    with pytest.raises(HybridError, match="empty"):
        reconstructor.show(3)
    with pytest.raises(HybridError, match="no reference slot"):
        reconstructor.show(16)
    with pytest.raises(HybridError, match="scale 5"):
        Reconstructor(5)
    with pytest.raises(HybridError, match="mode"):
        Reconstructor(3, "good")  # type: ignore[arg-type]


def test_random_bytes_as_blocks_never_crash():
    rng = np.random.default_rng(2)
    reconstructor = Reconstructor(2)
    fill(reconstructor, rng, (72, 40))
    lr = picture(rng, 72, 40)
    refused = 0
    for _ in range(300):
        blocks = random_blocks(rng, 72, 40, reach=32767)
        raw = blocks.view(np.uint8)
        raw[rng.integers(0, raw.size, rng.integers(1, 6))] = rng.integers(0, 256)
        try:
            reconstructor.frame(Coded(blocks, 72, 40, 1), lr)
        except HybridError:
            refused += 1
    assert 0 < refused < 300


def test_planes_may_be_views():
    rng = np.random.default_rng(4)
    lr = picture(rng, 48, 40)
    wide = [np.pad(p, ((0, 0), (0, 9)))[:, : p.shape[1]] for p in lr]
    interleaved = [np.stack([p, p], 2)[:, :, 0] for p in lr]
    none = np.zeros(0, BLOCK)
    results = [Reconstructor(2).frame(Coded(none, 48, 40), planes) for planes in (lr, wide, interleaved)]
    assert all(np.array_equal(a, b) for result in results[1:] for a, b in zip(results[0], result, strict=True))


SAMPLE = Path(__file__).parents[2] / "dataset" / "sample"


def luma_psnr(frame, reference):
    return 10 * np.log10(255**2 / np.mean((frame[0].astype(np.float32) - reference[0]) ** 2))


@pytest.fixture(scope="module")
def clip():
    """The first 20 packets of the sample: parsed blocks, decoded LR frames, HR originals by packet."""
    info = probe(str(SAMPLE / "360p_700kbps_d4_test.webm"))
    decoder, parser = VideoDecoder(info), BlockParser()
    frames = []
    for packet in islice(read_packets(info), 20):
        for data, frame in zip(split(packet.data), decoder.decode([packet]).frames, strict=True):
            frames.append((parser.parse(data), frame.record, frame.picture.packed().planes))
    with av.open(str(SAMPLE / "1080p_d4_test.webm")) as container:
        originals = [frame.to_ndarray()[:1080] for frame in islice(container.decode(video=0), 20)]
    return frames, originals


def qualities(clip, mode, anchors, blocks=True):
    """Luma PSNR of the shown frames that are no anchors."""
    frames, originals = clip
    reconstructor = Reconstructor(3, mode)
    chroma = np.full((540, 960), 128, np.uint8)
    psnr = {}
    for parsed, record, lr in frames:
        anchor = record.shown and record.video_index in anchors
        original = originals[record.video_index]
        field = motion_field(parsed)
        coded = field if blocks else replace(field, blocks=field.blocks[:0])
        if parsed.show_existing is not None:
            hr = reconstructor.show(parsed.show_existing)
        else:
            hr = reconstructor.frame(coded, lr, (original, chroma, chroma) if anchor else None)
        if record.shown and not anchor:
            psnr[record.video_index] = luma_psnr(hr, [original])
    return np.array(list(psnr.values()))


def test_best_is_above_plain_and_bilinear_on_real_video(clip):
    anchors = {0, 13}
    bilinear = qualities(clip, "plain", anchors, blocks=False)
    plain, best = qualities(clip, "plain", anchors), qualities(clip, "best", anchors)
    assert best.mean() > plain.mean() + 0.1
    assert best.mean() > bilinear.mean() + 0.5
    assert (best > bilinear).all()


def test_large_skipped_blocks_equal_their_prediction_inside(clip):
    """The loop filter changes 8 samples at most along their edges, so what is left shows that prediction is right."""
    frames, _ = clip
    reconstructor = Reconstructor(1)
    seen = 0
    for parsed, _, lr in frames:
        field = motion_field(parsed)
        low, _ = reconstructor.predict(field, lr) if not parsed.key else (lr, lr)
        for block in parsed.blocks[(parsed.blocks["skip"] == 1) & (parsed.blocks["ref_slot"][:, 0] >= 0)]:
            x, y, w, h = (int(block[name]) for name in ("x", "y", "width", "height"))
            if w < 32 or h < 32 or y + h > parsed.height:
                continue
            inner = np.s_[y + 8 : y + h - 8, x + 8 : x + w - 8]
            assert np.array_equal(low[0][inner], lr[0][inner])
            seen += 1
        reconstructor.frame(field, lr)
    assert seen > 50


def test_a_stream_that_an_encoder_resized_goes_on():
    """480x270, and smaller from frame 60 on without a key frame."""
    decoder, parser, plain, best = Decoder("vp9"), BlockParser(), Reconstructor(1, "plain"), Reconstructor(2)
    with av.open(str(Path(__file__).parents[1] / "data" / "resized.ivf")) as container:
        packets = [bytes(packet) for packet in container.demux() if packet.size]
    sizes, errors = set(), []
    for data in packets[:64]:
        parsed, lr = parser.parse(data), decoder.decode(data)
        size = parsed.width, parsed.height
        scaled = [slot for slot, other in zip(parsed.ref_slots, parsed.ref_sizes, strict=True) if other != size]
        field = motion_field(parsed)
        low, _ = plain.predict(field, lr)
        for block in parsed.blocks[np.isin(parsed.blocks["ref_slot"][:, 0], scaled)] if not parsed.key else ():
            x, y, w, h = (int(block[name]) for name in ("x", "y", "width", "height"))
            errors.append(np.abs(low[0][y : y + h, x : x + w].astype(int) - lr[0][y : y + h, x : x + w]).mean())
        assert all(np.array_equal(a, b) for a, b in zip(plain.frame(field, lr), lr, strict=True))
        assert best.frame(field, lr)[0].shape == (2 * size[1], 2 * size[0])
        sizes.add(size)
    assert len(sizes) == 2
    assert len(errors) > 20
    assert np.median(errors) < 1
