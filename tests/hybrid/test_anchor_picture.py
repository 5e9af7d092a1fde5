"""Anchors of all codecs: from a picture to an image that names its frame, and back."""

import numpy as np
import pytest
import streams
import torch

from ns_ray.errors import HybridError
from ns_ray.hybrid import hevc_image
from ns_ray.hybrid.anchor_image import AnchorImage, anchor_size, read_tag, tag
from ns_ray.hybrid.anchor_picture import anchor_picture, encode_image
from ns_ray.hybrid.av1_image import METADATA, SEQUENCE_HEADER, codec_private, obus
from ns_ray.hybrid.grey_jpeg import decode_grey, encode_grey
from ns_ray.hybrid.nal import PICTURES, PPS, SEI, SPS, VPS, joined, units
from ns_ray.hybrid.still import encode_still
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


def test_residuals_av1_and_hevc_take_fewer_bytes():
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


def test_hevc_is_as_matroska_wants_it():
    lr, hr = pair()
    data = anchor(hr, lr, Coding("hevc", 50)).data
    assert [kind for kind, *_ in units(data)] == [VPS, SPS, PPS, SEI, PICTURES[1]]
    assert [end for *_, end in units(data)][-1] == len(data)
    header = hevc_image.codec_private((288, 192))
    assert header[:2] == b"\1\1", "profile Main"
    sets = [data[begin:end] for kind, begin, end in units(data) if kind in (VPS, SPS, PPS)]
    assert all(unit in header for unit in sets), "the parameter sets of the images are those of the track"


def test_hevc_that_claims_to_be_larger_is_not_decoded(monkeypatch):
    """Nor what has further layers: their units are left out."""
    lr, hr = pair()
    small, large = (anchor(resize(hr, size), lr, Coding("hevc", 50)) for size in ((288, 192), (640, 384)))
    by_kind = [{kind: image.data[begin:end] for kind, begin, end in units(image.data)} for image in (small, large)]
    mixed = joined({**by_kind[0], SPS: by_kind[1][SPS]}.values())
    layered = joined([*by_kind[0].values(), bytes((SPS << 1, 9)) + bytes(40)])
    assert np.array_equal(anchor_picture(read_tag(layered), lr, 3).y, anchor_picture(small, lr, 3).y)
    monkeypatch.setattr(hevc_image, "decode_still", None)
    for data in (mixed, joined({**by_kind[0], SPS: by_kind[0][SPS][:9]}.values())):
        with pytest.raises(HybridError, match=r"anchor 70000\.2: its data is not one picture of 288x192"):
            anchor_picture(read_tag(data), lr, 3)


def test_nvenc_is_asked_for_the_same_picture_where_it_runs(monkeypatch):
    """Without a GPU here, x265 stands in for it, as which it takes pictures from 64x64 on, and no others."""
    lr, hr = pair()
    expected = anchor(hr, lr, Coding("hevc", 41))
    asked: list[dict[str, str]] = []

    def encode(picture, encoder, options):
        if encoder == "hevc_nvenc":
            asked.append(options)
            if picture.y.shape < (64, 64) or len(asked) > 4:
                raise HybridError("the session cannot be opened")
            options = {
                "preset": "medium",
                "x265-params": f"qp={options['init_qpI']}:ipratio=1:psy-rd=0:bframes=0:log-level=0",
            }
        return encode_still(picture, "libx265", options)

    monkeypatch.setattr(hevc_image, "encode_still", encode)
    hevc_image.has_nvenc.cache_clear()
    try:
        made = [anchor(hr, lr, Coding("hevc", 41)) for _ in range(2)]
        assert made[0] == made[1]
        anchor(resize(hr, (48, 32)), resize(lr, (16, 11)), Coding("hevc", 41))
        assert anchor(hr, lr, Coding("hevc", 41)) == expected, "all its sessions are taken"
    finally:
        hevc_image.has_nvenc.cache_clear()
    assert [one["init_qpI"] for one in asked] == ["51", "31", "31", "51", "31"], "a probe for each size"
    assert all(one["rc"] == "constqp" for one in asked)
    seen = [psnr(anchor_picture(one, lr, 3).y, hr.y) for one in (made[0], expected)]
    assert seen[0] == pytest.approx(seen[1], abs=0.5)


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
