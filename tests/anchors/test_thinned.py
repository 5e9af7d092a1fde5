"""Anchors that show nothing new are left out, and what follows goes on from those that are there."""

import pytest

from ns_ray.anchors.epoch import StreamEpoch, StreamState
from ns_ray.anchors.policies import Fraction
from ns_ray.anchors.select import select
from ns_ray.anchors.thinned import HEADER, STILL, moving, thinned
from ns_ray.codecs.records import FrameRecord, FrameType

SAMPLES = 64 * 48
FRESH = StreamState()
TINY, LARGE = HEADER, HEADER + round(STILL * SAMPLES) + 1


def records(sizes, keys=()):
    return [FrameRecord(i, 0, FrameType.KEY if i in keys else FrameType.NORMAL, size) for i, size in enumerate(sizes)]


def test_a_still_picture_needs_no_second_anchor():
    still = records([LARGE, *[TINY] * 9])
    assert moving(still, [3, 0, 7], FRESH, SAMPLES) == [0]


def test_little_adds_up():
    slow = records([HEADER + round(STILL * SAMPLES) // 3] * 12)
    assert moving(slow, [11, 1, 5, 8], FRESH, SAMPLES) == [11, 5]
    assert moving(slow, [1], StreamState(carry=LARGE + HEADER, waited=2), SAMPLES) == [1]
    assert moving(slow, [1], StreamState(carry=LARGE, waited=9), SAMPLES) == []


def test_key_frames_begin_anew():
    assert moving(records([TINY] * 6, keys=(3,)), [3], FRESH, SAMPLES) == [3]
    assert moving(records([LARGE, LARGE, LARGE, TINY, TINY], keys=(3,)), [4], FRESH, SAMPLES) == []


@pytest.mark.parametrize("keys", [(), (7,)])
def test_a_choice_of_fewer_leaves_what_these_leave(keys):
    """As selection itself has it where it chooses those."""
    some = records([50 + 7 * i for i in range(20)], keys)
    before = StreamState(carry=123, waited=4)
    epoch = StreamEpoch("s", some)
    whole, half = (select([epoch], {"s": before}, Fraction(share))["s"] for share in (0.2, 0.1))
    kept = half.positions
    assert set(kept) < set(whole.positions)
    after = thinned(whole.state, before, some, kept)
    assert (after.carry, after.waited, after.begun) == (half.state.carry, half.state.waited, True)
    none = thinned(whole.state, before, records([10, 20, 30]), ())
    assert (none.carry, none.waited, none.begun) == (123 + 60, 4 + 3, False)
