import pickle

import numpy as np
import pytest
import simplejpeg
import streams
from hypothesis import given
from hypothesis import strategies as st
from jpeg_anchors import encode_anchor

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, decode_anchor, encode_jpeg, read_tag, tag
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.convert import to_rgb


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack((x * 255 // width, y * 255 // height, (x + y) % 256), axis=2).astype(np.uint8)


def test_an_anchor_decodes_to_its_picture_and_names_its_frame():
    anchor = encode_anchor(picture(), 1234567, 3, 95)
    found = read_tag(anchor.data)
    assert (found.video_index, found.super_index, found.name) == (1234567, 3, "1234567.3")
    error = decode_anchor(found).astype(int) - picture()
    assert np.sqrt(np.mean(error**2)) < 4


def test_a_tag_leaves_the_picture_as_it_was():
    jpeg = simplejpeg.encode_jpeg(picture(), 90)
    tagged = tag(jpeg, 7, 1)
    assert np.array_equal(decode_anchor(tagged), simplejpeg.decode_jpeg(jpeg))
    assert len(tagged.data) == len(jpeg) + 16
    assert tagged.data[2:4] == b"\xff\xe0", "JFIF's marker stays first"


def test_a_tag_copies_nothing_and_pickling_leaves_the_image_out_of_band():
    jpeg = simplejpeg.encode_jpeg(picture(), 90)
    plain = np.frombuffer(jpeg, np.uint8)
    tagged = tag(jpeg, 7, 1)
    assert np.shares_memory(np.frombuffer(tagged.body, np.uint8), plain)
    assert len(tagged) == len(tagged.data) == sum(map(len, tagged.pieces))
    assert tag(memoryview(bytearray(jpeg)), 7, 1) == tagged
    buffers: list[pickle.PickleBuffer] = []
    in_band = pickle.dumps(tagged, 5, buffer_callback=buffers.append)
    assert len(in_band) < 200
    assert np.shares_memory(np.frombuffer(buffers[0].raw(), np.uint8), plain)
    stored = bytearray(buffers[0].raw())
    again = pickle.loads(in_band, buffers=[stored])
    assert again == tagged
    assert np.shares_memory(np.frombuffer(again.body, np.uint8), np.frombuffer(stored, np.uint8))
    for protocol in (2, 4, 5):
        assert pickle.loads(pickle.dumps(tagged, protocol)) == tagged
    assert tagged != tag(jpeg, 7, 2)


def test_higher_quality_is_nearer():
    def error(quality: int) -> float:
        return float(np.abs(decode_anchor(encode_anchor(picture(), 0, 0, quality)).astype(int) - picture()).mean())

    assert error(95) < error(50)


def test_the_accurate_transform_is_taken():
    rgb = to_rgb(streams.pictures(1)[0])
    fast = simplejpeg.encode_jpeg(rgb, quality=95, colorsubsampling="420")
    ours = encode_jpeg(rgb, 95)
    assert len(ours) <= len(fast)
    assert psnr(simplejpeg.decode_jpeg(ours), rgb) > psnr(simplejpeg.decode_jpeg(fast), rgb) + 0.3
    assert encode_jpeg(rgb, 95) == ours
    assert simplejpeg.decode_jpeg_header(ours)[3] == "420"
    assert ours[2:4] == b"\xff\xe0", "JFIF"
    assert b"\xff\xc0" in ours, "baseline"


def test_an_image_with_a_hole_is_refused():
    data = encode_anchor(to_rgb(streams.pictures(1)[0]), 3, 0, 90).data
    middle = len(data) // 2
    with pytest.raises(HybridError, match=r"anchor 3\.0 is damaged"):
        decode_anchor(AnchorImage(3, 0, data[:middle] + data[middle + 188 :]))


def test_other_data_is_refused():
    with pytest.raises(HybridError, match="no JPEG"):
        tag(b"PNG", 0, 0)
    with pytest.raises(HybridError, match="no AV1"):
        tag(simplejpeg.encode_jpeg(picture(), 90), 0, 0, "av1", (64, 48))
    with pytest.raises(HybridError, match="neither a JPEG image nor an AV1"):
        read_tag(b"PNG")
    with pytest.raises(HybridError, match="does not name its frame"):
        read_tag(simplejpeg.encode_jpeg(picture(), 90))
    newer = bytearray(encode_anchor(picture(), 1, 0, 90).data)
    newer[newer.index(b"NSRAY\0") + 6] = 3
    with pytest.raises(HybridError, match="version 3"):
        read_tag(bytes(newer))


def test_a_damaged_image_is_named():
    anchor = encode_anchor(picture(), 12, 1, 90)
    with pytest.raises(HybridError, match=r"anchor 12\.1 is damaged"):
        decode_anchor(type(anchor)(12, 1, anchor.data[:60]))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for jpeg in (data, b"\xff\xd8" + data, b"\xff\xd8\xff\xe9\x00\x10NSRAY\0" + data):
        try:
            read_tag(jpeg)
        except HybridError:
            continue
