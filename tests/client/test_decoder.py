import os
import threading
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import header_bits
import numpy as np
import pytest
import streams
import torch
import vp9_streams
from jpeg_anchors import encode_anchor
from made_streams import info_of, layers, stream_of, superframe
from rich_streams import ffmpeg
from sources import write_source

from ns_ray.client.decoder import HybridDecoder
from ns_ray.client.rebuild import Rebuilder
from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.writer import HybridFormat, append_epoch
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert, from_rgb
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.sr.color import rgb_to_uint8, yuv_to_rgb
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

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
    form = HybridFormat((128, 72), (256, 144), info.frame_rate, info.time_base, video_codec="vp9")
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
    form = HybridFormat((128, 72), (256, 144), info.frame_rate, info.time_base, video_codec="vp9")
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


def damaged(packet, data):
    return replace(packet, data=data)


def same(one, other):
    return all(map(np.array_equal, one.picture.planes, other.picture.planes))


def test_where_nothing_is_decoded_the_last_picture_is_shown_again(video):
    info = probe(str(video))
    packets = list(read_packets(info))
    packets[5] = damaged(packets[5], bytes(30))
    rebuilder = Rebuilder(info, SCALE)
    frames = [rebuilder.packet(packet, {}) for packet in packets]
    assert frames[5].source == "repeated"
    assert same(frames[5], frames[4])
    assert (frames[5].video_index, frames[5].pts) == (5, packets[5].pts)
    assert [frame.video_index for frame in frames] == list(range(40))
    whole = Rebuilder(info, SCALE)
    expected = [whole.packet(packet, {}) for packet in read_packets(info)]
    assert all(map(same, frames[:5] + frames[30:], expected[:5] + expected[30:]))
    assert [index for index, _ in rebuilder.damaged] == [5]


def test_where_blocks_cannot_be_read_lr_is_upscaled_until_they_can(video):
    """Half a packet is lost: the decoder makes something of it, and no shown frame is missing."""
    info = probe(str(video))
    packets = list(read_packets(info))
    packets[5] = damaged(packets[5], packets[5].data[: len(packets[5].data) // 2])
    first = {0: originals(1)[0]}
    rebuilder = Rebuilder(info, SCALE, "plain")
    frames = [rebuilder.packet(packet, first if packet.video_index == 0 else {}) for packet in packets]
    assert [frame.source for frame in frames[:5]] == ["anchor"] + ["rebuilt"] * 4
    assert {frame.source for frame in frames[5:]} == {"upscaled"}
    lr = [f.picture for f in VideoDecoder(info).decode(packets).frames if f.record.shown]
    assert all(np.array_equal(frame.lr.y, picture.y) for frame, picture in zip(frames, lr, strict=True))
    for frame in frames[5:30]:
        assert psnr(frame.picture.y, resize(frame.lr, (256, 144)).y) > 40
    assert [index for index, _ in rebuilder.damaged] == [5]


def test_an_anchor_is_taken_where_blocks_cannot_be_read(video):
    info = probe(str(video))
    packets = list(read_packets(info))
    packets[5] = damaged(packets[5], packets[5].data[: len(packets[5].data) // 2])
    rebuilder = Rebuilder(info, SCALE)
    anchor = originals(11)[10]
    frames = [rebuilder.packet(packet, {0: anchor} if packet.video_index == 10 else {}) for packet in packets]
    assert frames[10].source == "anchor"
    assert np.array_equal(frames[10].picture.y, anchor.y)


def test_blocks_are_read_again_where_probabilities_are_set_anew():
    """In error-resilient streams that is the next frame."""
    packets = stream_of([[frame] for frame in vp9_streams.coded_frames("error-resilient")])
    packets[4] = damaged(packets[4], packets[4].data[: len(packets[4].data) // 2])
    rebuilder = Rebuilder(info_of(176, 144), SCALE)
    grey = Yuv420(*(np.full(shape, 128, np.uint8) for shape in ((288, 352), (144, 176), (144, 176))))
    sources = [rebuilder.packet(p, {0: grey} if p.video_index in (0, 6) else {}).source for p in packets]
    assert sources[:8] == ["anchor", "rebuilt", "rebuilt", "rebuilt", "upscaled", "upscaled", "anchor", "rebuilt"]


def test_playing_starts_at_an_intra_only_frame():
    frames = vp9_streams.coded_frames("error-resilient")
    made = [[header_bits.as_intra_only(frames[0]), b"\x88"], *([frame] for frame in frames[1:])]
    rebuilder = Rebuilder(info_of(176, 144), SCALE)
    assert all(rebuilder.packet(packet, {}) is not None for packet in stream_of(made))
    assert not rebuilder.damaged


def test_an_intra_only_start_sets_the_probabilities_it_needs_alone():
    """It need not set them all (reset_frame_context 2): anchors and blocks are used from the first frame on."""
    options = (*vp9_streams.REALTIME, "-frame-parallel", "1")  # whose probabilities do not know what was a key frame
    coded = vp9_streams.encode(vp9_streams.Stream(176, 144, 8, options))
    first = header_bits.as_intra_only(coded[0], reset=2)
    packets = stream_of([[first, b"\x88"], *([frame] for frame in coded[1:])])
    decoded = VideoDecoder(info_of(176, 144)).decode(packets)
    assert not decoded.damaged
    assert all(frame.sound for frame in decoded.frames)
    rebuilder = Rebuilder(info_of(176, 144), SCALE)
    anchor = resize(decoded.frames[0].picture, (352, 288))
    frames = [rebuilder.packet(packet, {0: anchor} if not packet.video_index else {}) for packet in packets]
    assert not rebuilder.damaged
    assert {frame.source for frame in frames} == {"rebuilt"}, "the first is shown again"


def test_before_anything_is_decoded_nothing_is_shown(video):
    info = probe(str(video))
    rebuilder = Rebuilder(info, SCALE)
    frames = [rebuilder.packet(packet, {}) for packet in read_packets(info, start=5)]
    assert [frame is None for frame in frames] == [True] * 25 + [False] * 10
    assert "no key frame came before it" in rebuilder.damaged[0][1]


def test_a_packet_of_two_layers_shows_the_larger():
    packets = layers()
    rebuilder = Rebuilder(info_of(96, 64), SCALE)
    frames = [rebuilder.packet(packet, {}) for packet in packets]
    assert [frame.picture.y.shape for frame in frames] == [(256, 384)] * len(packets)
    half = superframe([vp9_streams.split_superframe(packets[3].data)[0], bytes(9)])
    assert rebuilder.packet(damaged(packets[3], half), {}).picture.y.shape == (128, 192), "better than nothing"


@pytest.mark.parametrize("kind", ["at key frames", "without"])
def test_anchors_and_hr_follow_the_size_of_their_frame(kind):
    if kind == "without":
        coded = vp9_streams.coded_frames("resized")
        packets, info = stream_of([[frame] for frame in coded]), info_of(480, 270)
    else:
        sizes = ((96, 64), (128, 96))
        coded = [f for w, h in sizes for f in vp9_streams.encode(vp9_streams.Stream(w, h, 8, vp9_streams.REALTIME))]
        packets, info = stream_of([[frame] for frame in coded]), info_of(96, 64)
    shapes = [frame.picture.y.shape for frame in VideoDecoder(info).decode(packets).frames]
    changes = [i for i, (one, other) in enumerate(pairwise(shapes), 1) if one != other]
    assert changes
    size = shapes[0]
    rebuilder = Rebuilder(info, SCALE)
    for index, (packet, (rows, columns)) in enumerate(zip(packets, shapes, strict=True)):
        anchors = {}
        if index in (0, changes[0] + 2):  # of its own size
            anchors = {0: encode_anchor(np.full((rows * SCALE, columns * SCALE, 3), 90, np.uint8), index, 0, 90)}
        elif index == changes[0] + 1:  # of that of the frames before
            anchors = {0: encode_anchor(np.full((size[0] * SCALE, size[1] * SCALE, 3), 90, np.uint8), index, 0, 90)}
        frame = rebuilder.packet(packet, anchors)
        assert frame.picture.y.shape == (rows * SCALE, columns * SCALE)
        assert (frame.source == "anchor") == (index in (0, changes[0] + 2))
    assert [index for index, _ in rebuilder.damaged] == [changes[0] + 1]
    assert f"is {size[1] * SCALE}x{size[0] * SCALE}, not" in rebuilder.damaged[0][1]


@pytest.mark.parametrize("tags", [(2, 1), (1, 6), (2, 5), (1, 9), (1, 1)])
def test_anchors_come_in_the_colours_of_their_stream(tmp_path, tags):
    """An anchor as the system makes it: BT.709 for the engine, RGB for the image, the stream's own for the client."""
    planes = (150, 90, 170)
    path = write_source(
        tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=2, planes=planes, tags=(*tags, 2, 2)
    )
    info = probe(str(path))
    packets = list(read_packets(info))
    lr = VideoDecoder(info).decode(packets).frames[0]
    assert (lr.colors.range, lr.colors.matrix) == tags
    seen = resize(convert(lr.picture, lr.colors, STANDARD), (128, 96))
    frame = Rebuilder(info, SCALE).packet(packets[0], {0: encode_anchor(rgb(seen), 0, 0, 95)})
    assert (frame.source, frame.colors) == ("anchor", lr.colors)
    for plane, value in zip(frame.picture.planes, planes, strict=True):
        assert np.abs(plane.astype(int) - value).max() <= 3
    again = Rebuilder(info, SCALE).packet(packets[0], {0: seen}).picture  # as an encoder takes it
    assert min(map(psnr, again.planes, resize(lr.picture, (128, 96)).planes)) > 45


def test_an_anchor_that_claims_to_be_huge_costs_itself_alone(tmp_path, video):
    good = encode_anchor(np.zeros((144, 256, 3), np.uint8), 5, 0, 90)
    at = good.data.index(b"\xff\xc0") + 5  # height and width
    huge = AnchorImage(5, 0, good.data[:at] + b"\xff\xdc\xff\xdc" + good.data[at + 4 :])
    info = probe(str(video))
    rebuilder = Rebuilder(info, SCALE)
    frames = [rebuilder.packet(p, {0: huge} if p.video_index == 5 else {}) for p in read_packets(info)]
    assert all(frames)
    assert rebuilder.damaged == [(5, "anchor 5.0 is 65500x65500, not 256x144")]


def test_what_the_reconstruction_has_no_memory_for_is_upscaled(video, monkeypatch):
    info = probe(str(video))
    rebuilder = Rebuilder(info, SCALE)

    def refuse(*_):
        raise HybridError("it would take too much memory")

    packets = list(read_packets(info))
    assert rebuilder.packet(packets[0], {}).source == "upscaled"
    monkeypatch.setattr(rebuilder._reconstructor, "frame", refuse)
    frame = rebuilder.packet(packets[1], {})
    assert frame.source == "upscaled"
    assert np.array_equal(frame.picture.y, resize(frame.lr, (256, 144)).y)


def test_a_stream_without_a_frame_says_why(tmp_path, video):
    info = probe(str(video))
    form = HybridFormat((128, 72), (256, 144), info.frame_rate, info.time_base, video_codec="vp9")
    packets = list(read_packets(info, start=5))[:10]
    images = [encode_anchor(np.zeros((144, 256, 3), np.uint8), i, 0, 90) for i in (6, 7)]
    append_epoch(tmp_path / "h", form, 0, packets, images)
    with pytest.raises(HybridError, match=r"none of its frames can be decoded: .* no key frame came before"):
        list(HybridDecoder(str(tmp_path / "h")))


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


def test_without_a_tag_the_scale_is_that_of_anchors_to_their_own_frames(tmp_path):
    """MP4 drops the tags; the video begins at half its size, so that all anchors are 4 times the size of its track."""
    small, large = (
        vp9_streams.encode(vp9_streams.Stream(*size, 4, vp9_streams.REALTIME)) for size in ((64, 48), (128, 96))
    )
    packets = stream_of([packet] for packet in (*small, *large))
    images = [encode_anchor(np.full((192, 256, 3), 90, np.uint8), index, 0, 90) for index in (4, 6)]
    form = HybridFormat((64, 48), (128, 96), Fraction(30), Fraction(1, 1000), video_codec="vp9")
    append_epoch(tmp_path / "h.mkv", form, 0, packets, images)
    ffmpeg("-i", tmp_path / "h.mkv", "-map", "0", "-c", "copy", tmp_path / "h.mp4")
    for name in ("h.mkv", "h.mp4"):
        decoder = HybridDecoder(str(tmp_path / name))
        assert decoder.scale == 2
        assert [frame.video_index for frame in decoder if frame.source == "anchor"] == [4, 6]
