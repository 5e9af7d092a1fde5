"""What the best mode learns from the anchors: the detail that goes with LR samples."""

import numpy as np
import pytest
from av.video.reformatter import Interpolation

from ns_ray.client.reconstruct import Reconstructor
from ns_ray.codecs.motion_field import BLOCK, WEIGHTS, Prediction
from ns_ray.evaluation.original import reference
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.yuv import Yuv420, resize, to_frame
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

SAMPLE = "dataset/sample/360p_700kbps_d4_test.webm"
ORIGINAL = "dataset/sample/1080p_d4_test.webm"
TOP, LEFT, HEIGHT, WIDTH = 96, 160, 160, 256  # of LR; enough to learn from


class Intra:
    """A coded frame of intra blocks only, which no anchor reaches through motion."""

    blocks = np.zeros(0, BLOCK)
    weights = np.zeros(0, WEIGHTS)
    width, height, refreshed, prediction = WIDTH, HEIGHT, 255, Prediction.VP9


def cut(picture: Yuv420, scale: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns = slice(scale * TOP, scale * (TOP + HEIGHT)), slice(scale * LEFT, scale * (LEFT + WIDTH))
    half = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
    return picture.y[rows, columns].copy(), picture.u[half].copy(), picture.v[half].copy()


@pytest.fixture(scope="module")
def frames():
    """LR and original of frames 0, 6, ..., 24 of the sample."""
    info = probe(SAMPLE)
    decoder = VideoDecoder(info)
    pairs = []
    for packet, original in zip(read_packets(info), reference(ORIGINAL, (1920, 1080)), strict=False):
        lr = decoder.decode([packet]).frames[-1].picture
        if packet.video_index % 6 == 0:
            pairs.append((cut(lr, 1), original))
        if packet.video_index == 24:
            return pairs
    raise AssertionError


def originals(pairs, scale):
    """The originals at another scale."""
    return [cut(resize(one, (640 * scale, 360 * scale), "AREA") if scale != 3 else one, scale) for _, one in pairs]


def rebuilt(pairs, scale, taught, **options):
    """The last frame, after anchors at the others."""
    reconstructor = Reconstructor(scale, **options)
    high = originals(pairs, scale)
    for (lr, _), hr in list(zip(pairs, high, strict=True))[:-1]:
        reconstructor.frame(Intra, lr, hr, teach=taught)
    return reconstructor.frame(Intra, pairs[-1][0])[0], high[-1][0]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_anchors_teach_detail_that_a_new_frame_profits_from(frames, scale):
    taught, original = rebuilt(frames, scale, True)
    untaught, _ = rebuilt(frames, scale, False)
    assert psnr(taught, original) > psnr(untaught, original) + 0.04


def test_untaught_and_plain_frames_are_only_upscaled(frames):
    lr = frames[-1][0]
    fresh = Reconstructor(3).frame(Intra, lr)[0]
    assert np.array_equal(rebuilt(frames, 3, False)[0], fresh)
    plain = rebuilt(frames, 3, True, mode="plain")[0]
    upscaled = to_frame(Yuv420(*lr)).reformat(3 * WIDTH, 3 * HEIGHT, interpolation=Interpolation.BILINEAR)
    assert psnr(plain, upscaled.to_ndarray()[: 3 * HEIGHT]) > 45


@pytest.mark.parametrize("scale", [2, 3])
def test_the_anchors_brightness_is_taken_over(frames, scale):
    """LR video may be brighter all over than its original; that the anchors know, and frames between them follow."""

    def mean_of_last(darker):
        reconstructor = Reconstructor(scale)
        for (lr, _), (y, u, v) in list(zip(frames, originals(frames, scale), strict=True))[:-1]:
            reconstructor.frame(Intra, lr, (np.maximum(y, 40) - darker, u, v))
        y, u, _ = reconstructor.frame(Intra, frames[-1][0])
        return y.mean(), u.mean()

    (luma, chroma), (darker, same) = mean_of_last(np.uint8(0)), mean_of_last(np.uint8(6))
    assert luma - darker == pytest.approx(0.7 * 6, abs=0.4)
    assert chroma == same


def test_what_anchors_of_another_size_taught_counts_until_there_is_one_of_the_new_size(frames):
    class Small(Intra):
        width, height = WIDTH // 2, HEIGHT // 2

    def small(planes):
        return tuple(plane[: plane.shape[0] // 2, : plane.shape[1] // 2] for plane in planes)

    def mean_after_small_anchors(darker, anchors):
        reconstructor = Reconstructor(2)
        pairs = list(zip((lr for lr, _ in frames), originals(frames, 2), strict=True))
        for lr, (y, u, v) in pairs[:4]:
            reconstructor.frame(Small, small(lr), small((np.maximum(y, 40) - darker, u, v)))
        for lr, (y, u, v) in pairs[:anchors]:
            reconstructor.frame(Intra, lr, (np.maximum(y, 40), u, v))
        return reconstructor.frame(Intra, pairs[-1][0])[0].mean()

    changes = [mean_after_small_anchors(0, n) - mean_after_small_anchors(np.uint8(6), n) for n in (0, 1)]
    assert changes[0] == pytest.approx(0.7 * 6, abs=0.4)
    assert 0 < changes[1] < 0.7 * 6 / 5


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_threads_and_instruction_sets_guess_the_same_bits(frames, scale):
    expected, _ = rebuilt(frames, scale, True, simd=False)
    for options in ({"threads": 1}, {"threads": 3}, {"threads": 2, "simd": False}):
        assert np.array_equal(rebuilt(frames, scale, True, **options)[0], expected)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 5), (9, 7), (17, 33)])
def test_any_size_can_be_taught(size):
    width, height = size
    rng = np.random.default_rng(0)

    def noise(rows, columns):
        return rng.integers(0, 256, (rows, columns), dtype=np.uint8)

    class Coded(Intra):
        pass

    Coded.width, Coded.height = width, height
    frames = []
    for simd in (True, False):
        rng = np.random.default_rng(0)
        reconstructor = Reconstructor(3, simd=simd)
        lr = noise(height, width), *(noise((height + 1) // 2, (width + 1) // 2) for _ in range(2))
        hr = noise(3 * height, 3 * width), *(noise((3 * height + 1) // 2, (3 * width + 1) // 2) for _ in range(2))
        reconstructor.frame(Coded, lr, hr)
        frames.append(reconstructor.frame(Coded, lr))
    assert all(np.array_equal(a, b) for a, b in zip(*frames, strict=True))
