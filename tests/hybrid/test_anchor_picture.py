"""Anchors of all codecs: from a picture to an image that names its frame, and back."""

import numpy as np
import pytest
import streams
import torch

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, anchor_size, read_tag, tag
from ns_ray.hybrid.anchor_picture import anchor_picture, encode_image
from ns_ray.hybrid.av1_image import METADATA, SEQUENCE_HEADER, codec_private, obus
from ns_ray.hybrid.grey_jpeg import decode_grey, encode_grey
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.coding import CODECS, Coding
from ns_ray.picture.convert import to_rgb
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.sr.compressible import compressible

CODED = CODECS[1:]


def pair(columns: int = 96, rows: int = 64, scale: int = 3) -> tuple[Yuv420, Yuv420]:
    """An LR picture, and one at HR."""
    hr = resize(streams.pictures(1)[0], (columns * scale, rows * scale), "BICUBIC")
    return resize(hr, (columns, rows), "BICUBIC"), hr


def anchor(hr: Yuv420, lr: Yuv420, coding: Coding) -> AnchorImage:
    made = compressible(torch.from_numpy(to_rgb(hr)), lr.planes, coding)
    rows, columns = hr.y.shape
    return tag(encode_image(made.numpy(), coding), 70000, 2, coding.codec, (columns, rows))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(96, 64, 3), (33, 21, 1)])
def test_an_anchor_is_its_picture_and_names_its_frame(codec, size):
    lr, hr = pair(*size)
    made = anchor(hr, lr, Coding(codec, 95))
    found = read_tag(made.data)
    assert (found.name, found.codec, anchor_size(found)) == ("70000.2", codec, (hr.y.shape[1], hr.y.shape[0]))
    assert found == made
    seen = anchor_picture(found, lr, size[2])
    for plane, wanted in zip(seen.planes, hr.planes, strict=True):
        assert plane.shape == wanted.shape
        assert psnr(plane, wanted) > 34


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_picture_gives_the_same_bytes_and_higher_quality_is_nearer(codec):
    lr, hr = pair()
    low, high, again = (anchor(hr, lr, Coding(codec, quality)) for quality in (20, 90, 90))
    assert high == again
    assert len(low) < len(high)
    assert psnr(anchor_picture(low, lr, 3).y, hr.y) < psnr(anchor_picture(high, lr, 3).y, hr.y)


def test_residuals_and_av1_take_fewer_bytes():
    lr, _ = pair()
    smooth = resize(lr, (288, 192), "LANCZOS")
    sizes = {codec: len(anchor(smooth, lr, Coding.usual(codec, 0.075))) for codec in CODECS}
    assert max(sizes[codec] for codec in CODED) < sizes["jpeg"] / 2


@pytest.mark.parametrize("codec", CODED)
def test_what_is_of_another_size_or_damaged_is_refused_by_name(codec):
    lr, hr = pair()
    made = anchor(hr, lr, Coding(codec, 80))
    with pytest.raises(HybridError, match=r"anchor 70000\.2 is 288x192, not 192x128"):
        anchor_picture(made, lr, 2)
    cut = AnchorImage(7, 1, made.data[: len(made) // 2], codec=codec, size=made.size)
    with pytest.raises(HybridError, match=r"anchor 7\.1: its"):
        anchor_picture(cut, lr, 3)
    lies = AnchorImage(7, 1, made.data, codec=codec, size=(192, 128))
    with pytest.raises(HybridError, match=r"anchor 7\.1: its"):
        anchor_picture(lies, lr, 2)


def test_a_picture_is_no_residual():
    lr, hr = pair()
    jpeg = anchor(hr, lr, Coding("jpeg", 80))
    taken = tag(jpeg.data, 7, 1, "jpeg-residual", (288, 192))
    with pytest.raises(HybridError, match=r"anchor 7\.1: its image is 288x192 in YCbCr, not 288x288 in grey"):
        anchor_picture(taken, lr, 3)


def test_a_codec_that_is_not_known_is_refused():
    lr, hr = pair()
    made = bytearray(anchor(hr, lr, Coding("jpeg-residual", 80)).data)
    at = made.index(b"NSRAY\0") + 12
    made[at] = 9
    with pytest.raises(HybridError, match=r"anchor 70000\.2 is of codec 9"):
        read_tag(bytes(made))
    made[at] = CODECS.index("av1")
    with pytest.raises(HybridError, match=r"anchor 70000\.2 is of codec 2"):
        read_tag(bytes(made))


def test_av1_is_as_matroska_wants_it():
    lr, hr = pair()
    data = anchor(hr, lr, Coding("av1", 50)).data
    kinds = [kind for kind, *_ in obus(data)]
    assert kinds[:2] == [SEQUENCE_HEADER, METADATA]
    assert [end for *_, end in obus(data)][-1] == len(data)
    header = codec_private((288, 192))
    assert header[0] == 0x81
    assert data.startswith(header[4:]), "the sequence header of the images is that of the track"


def test_residuals_have_a_dead_zone_and_keep_what_is_beyond():
    """In blocks of one frequency, of so many steps, which are 40 at quality 20."""
    wave = np.cos(np.pi * (2 * np.arange(8) + 1) * 2 / 16)
    pattern = np.outer(wave, np.ones(8)) / np.linalg.norm(np.outer(wave, np.ones(8)))

    def kept(steps: float) -> float:
        plane = np.rint(128 + np.tile(pattern, (4, 4)) * 40 * steps).astype(np.uint8)
        return float(np.sum((decode_grey(encode_grey(plane, 20), (32, 32))[:8, :8] - 128.0) * pattern)) / 40

    assert [round(kept(steps)) for steps in (0.4, 0.6, 0.75, 1.4, 1.6, 4)] == [0, 0, 1, 1, 2, 4]
    assert kept(4) == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("size", [(1, 1), (9, 30), (64, 96)])
def test_grey_images_of_any_size(size):
    plane = np.random.default_rng(1).integers(100, 156, size, np.uint8)
    assert np.abs(decode_grey(encode_grey(plane, 100), size).astype(int) - plane).max() <= 2
    assert decode_grey(encode_grey(plane, 50), size).shape == size


@pytest.mark.parametrize("codec", CODECS)
def test_damaged_images_are_shown_or_refused_but_never_more(codec):
    lr, hr = pair()
    whole = anchor(hr, lr, Coding(codec, 60)).data
    noise = np.random.default_rng(5)
    outcomes = set()
    for number in range(120):
        data = bytearray(whole)
        for at in noise.integers(0, 80 if number % 2 else len(data), 1 + number % 3):
            data[at] = noise.integers(0, 256)
        del data[len(data) - number % 5 * len(data) // 9 :]
        try:
            anchor_picture(read_tag(bytes(data)), lr, 3)
            outcomes.add("shown")
        except HybridError:
            outcomes.add("refused")
    assert outcomes == {"shown", "refused"}
