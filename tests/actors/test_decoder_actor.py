"""The decoder actor, as the plain class it is."""

import weakref
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sources import write_source

from actors.decoder import _KEPT, DecoderActor
from actors.messages import Stream
from ns_ray.config import DecoderPool
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe


def decoding(actor: DecoderActor, video: Path, count: int) -> list[weakref.ref]:
    """Has `count` streams decode an epoch; what each is decoded by."""
    info = probe(str(video))
    packets = list(islice(read_packets(info), 2))
    for index in range(count):
        actor.decode(Stream(f"stream{index}", info, "EDSR_B1_F4_S3", None), 0, packets, (), ())
    return [weakref.ref(actor._streams[f"stream{index}"].decoder) for index in range(count)]


def test_decoders_are_closed_once_no_other_stream_waits(plain_video):
    actor = DecoderActor([], DecoderPool(), "cpu")
    first, second = decoding(actor, plain_video, 2)
    actor.forget("stream0")
    assert first() is not None
    actor.forget("stream1")
    assert first() is None
    assert second() is None


def test_no_more_than_a_few_ended_decoders_are_kept(plain_video):
    actor = DecoderActor([], DecoderPool(), "cpu")
    decoders = decoding(actor, plain_video, _KEPT + 3)
    for index in range(_KEPT + 2):
        actor.forget(f"stream{index}")
    assert [decoder() is None for decoder in decoders] == [True] * 2 + [False] * (_KEPT + 1)


def test_frames_that_are_not_sound_are_not_handed_out(plain_video):
    info = probe(str(plain_video))
    packets = list(read_packets(info))
    packets[10] = replace(packets[10], data=bytes(40))
    wanted = [(i, 0) for i in (0, 9, 10, 11, 29, 30, 31)]
    actor = DecoderActor([], DecoderPool(), "cpu")
    stream = Stream("stream0", info, "EDSR_B1_F4_S3", None)
    frames, reply = actor.decode(stream, 0, packets[:20], (), [wanted])
    assert [frame.record.name for frame in frames] == ["0.0", "9.0"]
    assert (reply.shown, reply.handed_out, reply.broken) == (19, 2, True)
    frames, reply = actor.decode(stream, 1, packets[20:], (), [wanted])
    assert [frame.record.name for frame in frames] == ["30.0", "31.0"]
    assert (reply.shown, reply.broken) == (40, False)


@pytest.mark.parametrize("tags", [(2, 1, 2, 2), (1, 6, 2, 2), (1, 1, 1, 1), (1, 2, 2, 2)])
def test_frames_are_handed_out_in_bt709_limited(tmp_path, tags):
    path = write_source(
        tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=2, planes=(150, 90, 170), tags=tags
    )
    info = probe(str(path))
    packets = list(read_packets(info))
    actor = DecoderActor([], DecoderPool(), "cpu")
    (frame,), _ = actor.decode(Stream("s", info, "EDSR_B1_F4_S3", None), 0, packets, (), [[(0, 0)]])
    plain = VideoDecoder(info).decode(packets[:1]).frames[0]
    standard = plain.colors.assumed.range == 1 and plain.colors.matrix == 1
    assert np.array_equal(frame.picture.y, plain.picture.y) == standard
    back = convert(frame.picture, STANDARD, plain.colors)
    assert min(map(psnr, back.planes, plain.picture.planes)) > 47  # half a step everywhere
