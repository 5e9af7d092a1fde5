"""The first packet's time, where FFmpeg tells none."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import pytest

from ns_ray.video.first_time import with_first_time


@dataclass
class Coded:
    """A packet, as far as that looks at it."""

    pts: int | None
    dts: int | None
    stream_index: int = 0


def times(packets: Sequence[Coded]) -> list[int | None]:
    return [one.pts for one in with_first_time(iter(packets), 0, Fraction(3000))]


@pytest.mark.parametrize(
    ("shown", "decoded", "first"),
    [
        ([None, 6000, 9000], [None, 6000, 9000], 3000),
        ([None, 12000, 6000, 9000, 15000], [None, None, None, 6000, 9000], 3000),
        ([None, 12000, 9000, 6000], [None] * 4, 3000),  # it ends before
        ([0, None, 6000], [0, None, 6000], 0),
        ([None] * 40, [None] * 40, None),
        ([None], [None], None),
        ([], [], None),
    ],
)
def test_it_is_shown_a_frame_before_all_that_follow(shown, decoded, first):
    packets = [Coded(*both) for both in zip(shown, decoded, strict=True)]
    assert times(packets) == [first, *shown[1:]][: len(shown)]


def test_other_tracks_keep_their_place_and_what_has_a_time_waits_for_nothing():
    sound = Coded(7, 7, stream_index=1)
    assert times([sound, Coded(None, None), sound, Coded(9000, 9000), sound]) == [7, 6000, 7, 9000, 7]

    def coming():
        yield Coded(0, 0)
        raise AssertionError("it was asked for more")

    assert next(with_first_time(coming(), 0, Fraction(3000))).pts == 0
