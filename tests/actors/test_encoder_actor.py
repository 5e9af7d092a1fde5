"""The encoder actor, as the plain class it is."""

import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_streams import info_of, stream_of
from sources import write_source
from vp9_streams import REALTIME, encode
from vp9_streams import Stream as Coded

from ns_ray.actors import open_streams
from ns_ray.actors.encoder import EncoderActor
from ns_ray.actors.messages import EncodeJob, Frame, Stream, VideoFormat
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.config.actors import EncoderPool
from ns_ray.picture.coding import PUBLISHED
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import resize
from ns_ray.video.block import PacketBlock
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

MODEL = "EDSR_B1_F4_S3"
OF = PacketBlock.of


def actor() -> EncoderActor:
    return EncoderActor([], EncoderPool())


def test_a_video_keeps_the_size_of_its_first_frame():
    coded = [frame for size in ((96, 64), (128, 96)) for frame in encode(Coded(*size, 4, REALTIME))]
    info = info_of(96, 64)
    form = VideoFormat((192, 128), Fraction(30), info.time_base)
    packets, reply = actor().encode(
        EncodeJob(Stream("s", info, MODEL), form, 0, (), OF(stream_of([[f] for f in coded])))
    )
    assert reply.frames == len(packets) == 8
    assert reply.cpu_seconds > 0
    pictures = [frame.picture for frame in VideoDecoder(info_of(192, 128)).decode(packets).frames]
    assert [picture.y.shape for picture in pictures] == [(128, 192)] * 8


@pytest.fixture
def stream(plain_video: Path) -> Stream:
    return Stream("s", probe(str(plain_video)), MODEL)


def test_an_encoder_that_does_not_know_a_stream_asks_for_its_history(stream):
    packets = list(read_packets(stream.info))
    form = VideoFormat((192, 128), stream.info.frame_rate, stream.info.time_base)
    first, second, third = (EncodeJob(stream, form, i, None, OF(packets[i : i + 20])) for i in (0, 20, 40))
    afresh = EncodeJob(stream, form, 0, (), first.packets)
    one = actor()
    assert one.encode(first)[1].lost
    whole = [one.encode(job) for job in (afresh, second, third)]
    assert [(len(out), reply.frames, reply.lost) for out, reply in whole] == [(20, 20, False)] * 3
    assert [packet.video_index for out, _ in whole for packet in out] == list(range(60))
    again, _ = one.encode(afresh)
    assert np.array_equal(again.data, whole[0][0].data)
    out, reply = one.encode(third)  # it is at frame 20
    assert (len(out), reply.frames, reply.lost) == (0, 0, True)
    resumed = EncodeJob(stream, form, 40, [second.packets], third.packets)
    results = [one.encode(resumed) for _ in range(2)]
    assert [(out.first, out.keys[0], reply.lost) for out, reply in results] == [(40, True, False)] * 2
    assert np.array_equal(results[0][0].data, results[1][0].data)
    assert not VideoDecoder(info_of(192, 128)).decode(results[0][0]).damaged


def test_streams_are_forgotten_in_time(stream, monkeypatch):
    now = 0.0
    monkeypatch.setattr(open_streams, "monotonic", lambda: now)
    packets = list(read_packets(stream.info))
    form = VideoFormat((96, 64), stream.info.frame_rate, stream.info.time_base)
    one = actor()
    jobs = [EncodeJob(Stream(name, stream.info, MODEL), form, 0, (), OF(packets[:2])) for name in "abc"]
    for job in jobs:
        one.encode(job)
    one.forget(["a"])
    now = open_streams.IDLE_SECONDS / 2 + 1
    one.encode(jobs[1])
    now = open_streams.IDLE_SECONDS + 1
    one.encode(EncodeJob(jobs[1].stream, form, 2, None, OF(packets[2:3])))
    assert len(one._videos) == 1
    assert [one.encode(EncodeJob(job.stream, form, 2, None, OF(packets[2:3])))[1].lost for job in jobs] == [True] * 3


def test_compressing_tells_its_work():
    record = FrameRecord(4, 1, FrameType.ALTREF, 100)
    made = actor().compress([Frame(record, 9, np.full((64, 96, 3), 90, np.uint8))], PUBLISHED)
    assert [(image.video_index, image.super_index) for image in made.images] == [(4, 1)]
    assert [one.record for one in made.reply.made] == [record]
    assert made.reply.cpu_seconds > 0


@pytest.mark.parametrize("tags", [(2, 1, 1, 1), (1, 6, 6, 6), (1, 1, 1, 1)])
def test_a_video_is_in_the_colours_of_its_stream(tmp_path, tags):
    planes = (150, 90, 170)
    path = write_source(tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=3, planes=planes, tags=tags)
    info = probe(str(path))
    packets = list(read_packets(info))
    lr = VideoDecoder(info).decode(packets[:1]).frames[0]
    enhanced = resize(convert(lr.picture, lr.colors, STANDARD), (128, 96))
    form = VideoFormat((128, 96), info.frame_rate, info.time_base)
    job = EncodeJob(Stream("s", info, MODEL), form, 0, (), OF(packets))
    anchor = pickle.loads(pickle.dumps(Frame(lr.record, lr.pts, enhanced), 5))  # read-only, as they come
    out, _ = actor().encode(job, [anchor])
    for frame in VideoDecoder(info_of(128, 96)).decode(out).frames:
        assert (frame.colors.range, frame.colors.matrix) == (lr.colors.range, lr.colors.matrix)
        for plane, value in zip(frame.picture.planes, planes, strict=True):
            assert abs(np.median(plane) - value) <= 2
