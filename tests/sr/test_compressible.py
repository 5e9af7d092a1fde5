"""What is compressed of a picture: to the bit what the client adds it to, and the colours of ns_ray.sr.color."""

import numpy as np
import pytest
import torch

from ns_ray.picture.coding import Coding
from ns_ray.picture.prediction import predicted
from ns_ray.picture.stacked import stacked_shape, unstacked
from ns_ray.picture.yuv import Yuv420
from ns_ray.sr.color import chroma_size, rgb_to_yuv
from ns_ray.sr.compressible import compressible

SIZES = [(6, 8), (5, 7), (1, 2)]


def made(rows: int, columns: int, scale: int) -> tuple[torch.Tensor, Yuv420]:
    noise = np.random.default_rng(rows)
    lr = Yuv420(
        *(noise.integers(0, 256, size, np.uint8) for size in ((rows, columns), *[chroma_size(rows, columns)] * 2))
    )
    return torch.from_numpy(noise.integers(0, 256, (rows * scale, columns * scale, 3), np.uint8)), lr


def planes_of(stack: torch.Tensor, columns: int) -> Yuv420:
    return unstacked(stack.numpy(), columns)


def test_a_jpeg_picture_is_compressed_as_it_is():
    pixels, lr = made(6, 8, 3)
    assert compressible(pixels, lr.planes, Coding("jpeg", 90)) is pixels


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_colours_are_those_of_the_reference_but_for_rounding(size, scale):
    pixels, lr = made(*size, scale)
    stack = compressible(pixels, lr.planes, Coding("av1", 50))
    assert stack.shape == stacked_shape(*pixels.shape[:2])
    planes = planes_of(stack, pixels.shape[1])
    exact = rgb_to_yuv(pixels.permute(2, 0, 1)[None].to(torch.float32) / 255)
    for plane, reference in zip(planes.planes, exact, strict=True):
        assert plane.shape == tuple(reference.shape)
        assert np.abs(plane.astype(int) - reference.numpy()).max() <= 1
    assert np.array_equal(stack[: pixels.shape[0], -1], planes.y[:, -1]), "odd columns end in a repeat"


def test_grey_has_no_colour():
    levels = torch.arange(256, dtype=torch.uint8)[:, None, None].expand(256, 4, 3).contiguous()
    _, lr = made(256, 4, 1)
    planes = planes_of(compressible(levels, lr.planes, Coding("av1", 50)), 4)
    assert planes.y[[0, 255], 0].tolist() == [16, 235]
    assert set(planes.u.ravel()) == set(planes.v.ravel()) == {128}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_residual_is_what_the_client_adds(size, scale):
    """To the bit: torch predicts here, native code at the client."""
    pixels, lr = made(*size, scale)
    columns = pixels.shape[1]
    picture = planes_of(compressible(pixels, lr.planes, Coding("av1", 50)), columns)
    residual = planes_of(compressible(pixels, lr.planes, Coding("av1-residual", 50)), columns)
    for change, plane, prediction in zip(residual.planes, picture.planes, predicted(lr, scale).planes, strict=True):
        assert np.array_equal(change, np.clip(plane.astype(int) - prediction + 128, 0, 255))
