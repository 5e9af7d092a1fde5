"""Reconstruction from H.264: its prediction to the bit, and streams of every container from front to back."""

from fractions import Fraction

import av
import h264_streams as h264
import numpy as np
import pytest
from jpeg_anchors import encode_anchor

from ns_ray.client import rebuild
from ns_ray.client.decoder import HybridDecoder
from ns_ray.client.reconstruct import Reconstructor
from ns_ray.codecs.h264.codec import MotionReader
from ns_ray.codecs.h264.layout import Coded
from ns_ray.codecs.motion_field import BLOCK, WEIGHTS, MotionField, Prediction
from ns_ray.errors import BitstreamError, HybridError, MediaError
from ns_ray.hybrid.writer import HybridFormat, append_epoch
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.lookahead import Lookahead
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

PARAMS = [
    ("", {"preset": "ultrafast"}),
    ("", {"preset": "veryfast"}),
    ("", {"preset": "placebo"}),
    ("weightp=2", {"fade": True}),
    ("weightb=1:bframes=3:b-adapt=0:b-pyramid=normal:ref=4:direct=temporal", {"fade": True}),
    ("bframes=5:b-adapt=0:ref=16:partitions=all", {}),
    ("slices=3:bframes=2:b-adapt=0:weightb=1", {}),
    ("cabac=0:8x8dct=0:partitions=all:bframes=2:b-adapt=0", {}),
    ("bframes=2:b-adapt=0", {"size": (90, 70)}),
    ("intra-refresh=1:keyint=8", {}),
    ("open-gop=1:keyint=4:bframes=2:b-adapt=0", {}),
]


@pytest.mark.parametrize(("params", "options"), PARAMS)
def test_lr_prediction_is_the_decoders(params, options):
    """Where nothing is coded and no deblocking filter is at work, the decoded picture is the prediction."""
    stream = h264.encode(f"no-deblock=1:{params}", **options)
    pictures = {one.packet: one.planes for one in h264.decode(stream.packets)}
    reconstructor, samples = Reconstructor(1, "plain"), 0
    for frame in h264.parse(stream.packets):
        field, lr = frame.motion_field, pictures[frame.number]
        low, _ = reconstructor.predict(field, lr)
        for plane, step in enumerate((4, 2, 2)):
            untouched = ~frame.intra & (frame.coded & (Coded.CHROMA if plane else Coded.LUMA) == 0)
            where = untouched.repeat(step, 0).repeat(step, 1)
            assert np.array_equal(low[plane][where], lr[plane][where])
            samples += int(where.sum())
        hr = reconstructor.frame(field, lr)
        assert all(np.array_equal(a, b) for a, b in zip(hr, lr, strict=True)), "at scale 1 nothing is to be rebuilt"
    assert samples > 10_000


def test_weights_are_those_of_their_predictions():
    """By hand: half of one reference and twice the other, less an offset."""
    reconstructor = Reconstructor(2, "plain")
    none = np.zeros(0, BLOCK)
    for slot, grey in enumerate((100, 60)):
        lr = [np.full(size, grey, np.uint8) for size in ((16, 16), (8, 8), (8, 8))]
        hr = [np.full(size, grey, np.uint8) for size in ((32, 32), (16, 16), (16, 16))]
        reconstructor.frame(MotionField(none, 16, 16, 1 << slot, Prediction.H264), lr, hr)
    block, weights = np.zeros(1, BLOCK), np.zeros(1, WEIGHTS)
    block["width"] = block["height"] = block["sub_width"] = block["sub_height"] = 16
    block["slot"], block["weights"] = [[0, 1]], 1
    block["mv"] = [5, -3]
    weights["weight"], weights["offset"], weights["log2"] = [16, 64], [-4, -9], 5
    field = MotionField(block, 16, 16, 0, Prediction.H264, weights)
    expected = (100 * 16 + 60 * 64 + 32 >> 6) + (-4 - 9 + 1 >> 1)
    for planes in reconstructor.predict(field, lr):
        assert all((plane == expected).all() for plane in planes)
    block["slot"] = [[1, -1]]
    weights["weight"] = [[64, 0]]
    for planes in reconstructor.predict(field, lr):
        assert all((plane == min(255, (60 * 64 + 16 >> 5) - 4)).all() for plane in planes)
    weights["log2"] = 8
    with pytest.raises(HybridError, match="denominator"):
        reconstructor.predict(field, lr)
    weights["log2"] = 5
    block["weights"] = 2
    with pytest.raises(HybridError, match="weights are not there"):
        reconstructor.predict(field, lr)


def test_references_of_another_size_are_refused():
    reconstructor = Reconstructor(2)
    grey = [np.full(size, 90, np.uint8) for size in ((32, 32), (16, 16), (16, 16))]
    reconstructor.frame(MotionField(np.zeros(0, BLOCK), 32, 32, 1, Prediction.H264), grey)
    block = np.zeros(1, BLOCK)
    block["width"] = block["height"] = block["sub_width"] = block["sub_height"] = 16
    block["slot"] = [[0, -1]]
    small = [plane[: plane.shape[0] // 2, : plane.shape[1] // 2] for plane in grey]
    with pytest.raises(HybridError, match=r"H\.264 allows for none of another size"):
        reconstructor.frame(MotionField(block, 16, 16, 1, Prediction.H264), small)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv", "ts"])
def test_streams_of_all_containers(tmp_path, suffix):
    """Read, cut off to the picture's size, packed with anchors, and played in the order of showing."""
    info = probe(h264.write(tmp_path / f"v.{suffix}"))
    assert (info.codec, info.width, info.height, info.frame_rate) == ("h264", 90, 70, Fraction(60))
    packets = list(read_packets(info))
    assert [packet.video_index for packet in packets if packet.key] == [0, 8, 16]
    dues = [packet.due for packet in packets]
    assert dues == sorted(set(dues))
    assert dues[0] == packets[0].pts == min(packet.pts for packet in packets) == 0
    ranks = np.argsort([packet.pts for packet in packets]).argsort().tolist()
    assert ranks[:5] == [0, 3, 1, 2, 6]

    decoder, following = VideoDecoder(info), Lookahead(packets)
    decoded = [decoder.decode([packet], None, following.ahead(), ended=True) for packet in following]
    assert not any(one.damaged or one.lost for one in decoded)
    frames = [one.frames[0] for one in decoded]
    assert [frame.place for frame in frames] == ranks
    assert {(frame.picture.y.shape, frame.whole.y.shape) for frame in frames} == {((70, 90), (80, 96))}
    with av.open(info.path) as container:
        for place, frame in enumerate(container.decode(video=0)):
            mine = frames[ranks.index(place)].picture
            assert np.array_equal(mine.y, frame.to_ndarray()[:70, :90])

    form = HybridFormat((90, 70), (180, 140), info.frame_rate, info.time_base, info.sides, info.header)
    grey = np.full((140, 180, 3), 110, np.uint8)
    anchors = [encode_anchor(grey, packet.video_index, 0, 95) for packet in packets if packet.key]
    end = append_epoch(tmp_path / "h.mkv", form, 0, packets[:10], anchors[:2])
    append_epoch(tmp_path / "h.mkv", form, end, packets[10:], anchors[2:])
    player = HybridDecoder(str(tmp_path / "h.mkv"))
    shown = list(player)
    assert not player.damaged
    assert [frame.pts for frame in shown] == sorted(packet.pts for packet in packets)
    assert [ranks[frame.video_index] for frame in shown] == list(range(18))
    assert [frame.video_index for frame in shown if frame.source == "anchor"] == [0, 8, 16]
    assert {frame.source for frame in shown} == {"anchor", "rebuilt"}
    assert {frame.picture.y.shape for frame in shown} == {(140, 180)}


def test_pictures_come_with_the_packets_that_follow(tmp_path):
    """A call that is told what follows has all of its pictures; what it was told is not decoded twice."""
    info = probe(h264.write(tmp_path / "v.mp4"))
    packets = list(read_packets(info))
    decoder = VideoDecoder(info)
    first = decoder.decode(packets[:9], {(8, 0), (1, 0)}, packets[9:14])
    rest = decoder.decode(packets[9:], None, (), ended=True)
    assert [frame.record.video_index for frame in first.frames] == [1, 8]
    assert [frame.record.video_index for frame in rest.frames] == list(range(9, 18))
    assert not any((first.lost, rest.lost, first.damaged, rest.damaged))
    alone = VideoDecoder(info).decode(packets[:9], {(8, 0)})
    assert (alone.frames, alone.lost) == ([], [8])


def test_times_of_pictures_are_needed(tmp_path):
    (tmp_path / "v.h264").write_bytes(b"".join(h264.encode("").packets))
    info = probe(str(tmp_path / "v.h264"))
    with pytest.raises(MediaError, match="does not tell when it is shown"):
        list(read_packets(info))


def test_frames_whose_blocks_are_not_known_are_of_the_codec_too(tmp_path, monkeypatch):
    fields = []

    class Spy(Reconstructor):
        def frame(self, field, *arguments):
            fields.append(field)
            return super().frame(field, *arguments)

    def damaged(*_: object) -> MotionField:
        raise BitstreamError("it is damaged")

    monkeypatch.setattr(rebuild, "Reconstructor", Spy)
    monkeypatch.setattr(MotionReader, "read", damaged)
    info = probe(h264.write(tmp_path / "v.mkv", 3))
    packets = list(read_packets(info))
    rebuilder = rebuild.Rebuilder(info, 2)
    shown = [rebuilder.packet(packet, {}, packets[at + 1 :], ended=True) for at, packet in enumerate(packets)]
    assert [frame.source for frame in shown] == ["upscaled"] * 3
    assert [(len(field.blocks), field.prediction) for field in fields] == [(0, Prediction.H264)] * 3
