"""The encoder actor, as the plain class it is."""

from fractions import Fraction

import numpy as np
import pytest
from made_streams import info_of, stream_of
from sources import write_source
from vp9_streams import REALTIME, encode
from vp9_streams import Stream as Coded

from actors.encoder import EncoderActor
from actors.messages import Frame, Stream, VideoFormat
from ns_ray.config import EncoderPool
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import resize
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

MODEL = "EDSR_B1_F4_S3"


def test_a_video_keeps_the_size_of_its_first_frame():
    coded = [frame for size in ((96, 64), (128, 96)) for frame in encode(Coded(*size, 4, REALTIME))]
    info = info_of(96, 64)
    form = VideoFormat((192, 128), Fraction(30), info.time_base)
    packets, reply = EncoderActor([], EncoderPool()).encode(
        Stream("s", info, MODEL), form, 0, (), stream_of([[frame] for frame in coded])
    )
    assert reply.frames == len(packets) == 8
    pictures = [frame.picture for frame in VideoDecoder(info_of(192, 128)).decode(packets).frames]
    assert [picture.y.shape for picture in pictures] == [(128, 192)] * 8


@pytest.mark.parametrize("tags", [(2, 1, 1, 1), (1, 6, 6, 6), (1, 1, 1, 1)])
def test_a_video_is_in_the_colours_of_its_stream(tmp_path, tags):
    planes = (150, 90, 170)
    path = write_source(tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=3, planes=planes, tags=tags)
    info = probe(str(path))
    packets = list(read_packets(info))
    lr = VideoDecoder(info).decode(packets[:1]).frames[0]
    enhanced = resize(convert(lr.picture, lr.colors, STANDARD), (128, 96))
    form = VideoFormat((128, 96), info.frame_rate, info.time_base)
    out, _ = EncoderActor([], EncoderPool()).encode(
        Stream("s", info, MODEL), form, 0, (), packets, [Frame(lr.record, lr.pts, enhanced)]
    )
    for frame in VideoDecoder(info_of(128, 96)).decode(out).frames:
        assert (frame.colors.range, frame.colors.matrix) == (lr.colors.range, lr.colors.matrix)
        for plane, value in zip(frame.picture.planes, planes, strict=True):
            assert np.abs(plane.astype(int) - value).max() <= 4
