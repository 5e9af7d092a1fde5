"""The decoder actor, as the plain class it is."""

import weakref
from itertools import islice
from pathlib import Path

from actors.decoder import _KEPT, DecoderActor
from actors.messages import Stream
from ns_ray.config import DecoderPool
from ns_ray.media.packets import read_packets
from ns_ray.media.probe import probe


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
