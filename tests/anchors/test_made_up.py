"""Streams that are made up."""

from collections import Counter
from itertools import pairwise

from ns_ray.anchors.made_up import MadeUpStream
from ns_ray.codecs.records import FrameType


def test_a_number_is_a_stream() -> None:
    one, same, other = MadeUpStream(3), MadeUpStream(3), MadeUpStream(4)
    assert one.epoch(5) == same.epoch(5)
    assert one.epoch(5).records != one.epoch(6).records
    assert one.epoch(5).records != other.epoch(5).records
    assert one.name != other.name


def test_frames_are_as_encoders_have_them() -> None:
    for number in range(20):
        epochs = [MadeUpStream(number, frames=40, gop=120).epoch(slot) for slot in range(12)]
        types = Counter(record.type for epoch in epochs for record in epoch.records)
        assert types[FrameType.KEY] == 4
        assert sum(epoch.shown for epoch in epochs) == 480
        assert types[FrameType.ALTREF] == 30
        for before, after in pairwise(epochs):
            shown = [record for record in after.records if record.shown]
            keys = [place for place, record in enumerate(shown) if record.type is FrameType.KEY]
            assert before.gop_left is not None
            assert keys == [before.gop_left] * (before.gop_left < 40)
