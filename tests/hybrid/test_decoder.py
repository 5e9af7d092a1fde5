import os
import threading
from itertools import pairwise

import numpy as np
import pytest
import streams
import torch

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage, encode_anchor
from ns_ray.hybrid.decoder import HybridDecoder
from ns_ray.hybrid.rebuild import Rebuilder
from ns_ray.hybrid.writer import HybridFormat, append_epoch
from ns_ray.media.decode import VideoDecoder
from ns_ray.media.packets import Packet, read_packets
from ns_ray.media.probe import probe
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.convert import from_rgb
from ns_ray.picture.yuv import resize
from ns_ray.sr.color import rgb_to_uint8, yuv_to_rgb

SCALE = 2


def originals(count):
    """HR pictures: the sample at its own size, of which the LR stream is half."""
    return [resize(picture, (256, 144)) for picture in streams.pictures(count)]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return streams.encode(tmp_path_factory.mktemp("v") / "v.mkv", size=(128, 72), frames=40)


def rgb(picture):
    planes = (torch.from_numpy(np.ascontiguousarray(plane)) for plane in picture.planes)
    return rgb_to_uint8(yuv_to_rgb(*planes)).numpy()


def hybrid(path, video, anchors):
    """A hybrid stream whose anchors are the originals of the packets named."""
    info = probe(str(video))
    form = HybridFormat((128, 72), (256, 144), info.frame_rate, info.time_base)
    pictures = originals(40)
    packets = list(read_packets(info))
    shown = {f.record.video_index: f.record.super_index for f in VideoDecoder(info).decode(packets).frames}
    images = [encode_anchor(rgb(pictures[i]), i, shown[i], 95) for i in anchors]
    append_epoch(path, form, 0, packets, images)
    return path


def test_every_frame_comes_once_and_in_time(tmp_path, video):
    decoder = HybridDecoder(str(hybrid(tmp_path / "h", video, (0, 10, 20, 30))))
    assert decoder.scale == SCALE
    frames = list(decoder)
    assert [frame.video_index for frame in frames] == list(range(40))
    assert [frame.pts for frame in frames] == [packet.pts for packet in read_packets(probe(str(video)))]
    assert all(a.pts < b.pts for a, b in pairwise(frames))
    assert [f.video_index for f in frames if f.source == "anchor"] == [0, 10, 20, 30]
    assert {f.source for f in frames} == {"anchor", "rebuilt"}
    assert not decoder.damaged


def test_lr_frames_are_those_of_a_plain_decode(tmp_path, video):
    frames = list(HybridDecoder(str(hybrid(tmp_path / "h", video, (0,)))))
    info = probe(str(video))
    plain = [f.picture.y for f in VideoDecoder(info).decode(read_packets(info)).frames if f.record.shown]
    assert all(np.array_equal(frame.lr.y, y) for frame, y in zip(frames, plain, strict=True))


@pytest.mark.parametrize("mode", ["best", "plain"])
def test_anchors_make_better_frames(tmp_path, video, mode):
    few = list(HybridDecoder(str(hybrid(tmp_path / "few", video, (0, 10, 20, 30))), mode))
    none = list(HybridDecoder(str(hybrid(tmp_path / "none", video, ())), mode))
    assert {frame.source for frame in none} == {"upscaled"}

    def quality(frames):
        return np.mean([psnr(f.picture.y, o.y) for f, o in zip(frames, originals(40), strict=True)])

    assert quality(few) > quality(none) + 0.5


def test_threads_change_nothing(tmp_path, video):
    path = str(hybrid(tmp_path / "h", video, (0, 15)))
    pairs = zip(HybridDecoder(path, threads=1), HybridDecoder(path, threads=3), strict=True)
    assert all(np.array_equal(a.picture.y, b.picture.y) for a, b in pairs)


def test_a_damaged_anchor_is_passed_over_and_said(tmp_path, video):
    info = probe(str(video))
    form = HybridFormat((128, 72), (256, 144), info.frame_rate, info.time_base)
    good = encode_anchor(np.zeros((144, 256, 3), np.uint8), 0, 0, 90)
    small = encode_anchor(np.zeros((72, 128, 3), np.uint8), 5, 0, 90)
    others = [encode_anchor(np.zeros((144, 256, 3), np.uint8), i, 0, 90) for i in (8, 12)]
    images = [AnchorImage(0, 0, good.data[:50]), small, *others]
    append_epoch(tmp_path / "h", form, 0, list(read_packets(info)), images)
    decoder = HybridDecoder(str(tmp_path / "h"))
    frames = list(decoder)
    assert len(frames) == 40
    reasons = dict(decoder.damaged)
    assert "anchor 0.0 is damaged" in reasons[0]
    assert "anchor 5.0 is 128x72, not 256x144" in reasons[5]


def test_damaged_packets_have_no_frame_and_the_rest_goes_on(video):
    info = probe(str(video))
    packets = list(read_packets(info))
    packets[5] = Packet(5, bytes(30), packets[5].pts, packets[5].duration, False)
    rebuilder = Rebuilder(info, SCALE)
    frames = [rebuilder.packet(packet, {}) for packet in packets]
    assert [i for i, frame in enumerate(frames) if frame is None] == list(range(5, 30))
    whole = Rebuilder(info, SCALE)
    expected = [whole.packet(packet, {}) for packet in read_packets(info)]
    assert all(np.array_equal(a.picture.y, b.picture.y) for a, b in zip(frames[30:], expected[30:], strict=True))


def test_hidden_layers_are_rebuilt(layered_video):
    info = probe(str(layered_video))
    rebuilder = Rebuilder(info, 3)
    frames = [rebuilder.packet(packet, {}) for packet in read_packets(info)]
    assert len(frames) == 90
    assert all(frame is not None and frame.picture.y.shape == (300, 534) for frame in frames)
    assert not rebuilder.damaged


def test_a_stream_is_played_while_it_comes(tmp_path, video):
    """Through a named pipe, whose second half is written only once frames of the first came out."""
    data = hybrid(tmp_path / "h", video, (0, 10, 20, 30)).read_bytes()
    pipe, seen = tmp_path / "pipe", threading.Event()
    os.mkfifo(pipe)

    def write():
        with pipe.open("wb", buffering=0) as sink:
            sink.write(data[: len(data) * 3 // 4])
            in_time.append(seen.wait(20))
            sink.write(data[len(data) * 3 // 4 :])

    in_time = []
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    frames = []
    for frame in HybridDecoder(str(pipe)):
        frames.append(frame)
        seen.set()
    writer.join(20)
    assert in_time == [True]
    whole = HybridDecoder(str(tmp_path / "h"))
    assert all(np.array_equal(a.picture.y, b.picture.y) for a, b in zip(frames, whole, strict=True))


def test_other_files_are_refused(video):
    with pytest.raises(HybridError, match="no hybrid stream"):
        HybridDecoder(str(video))


def test_rgb_comes_back_as_it_was():
    picture = streams.pictures(1)[0]
    again = from_rgb(rgb(picture))
    assert np.abs(again.y.astype(int) - picture.y).mean() < 0.1
    assert np.abs(again.u.astype(int) - picture.u).mean() < 1.5
