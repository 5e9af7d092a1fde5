"""What anchors are given: never more in any 2 s than these bring in, and as good as all of it where they want it."""

import random
from fractions import Fraction
from itertools import pairwise

import pytest

from ns_ray.anchors.account import Rate, granted, window_slots

SLOTS = 3
WEALTH = 30_000
LEAST = 5_000


def run(epochs, least=LEAST, first=0):
    """What epochs, each a slot, bytes that it brings in, and anchors, are given."""
    account, grants = (), []
    for slot, earned, wanted in epochs:
        grant, account = granted(account, first + slot, earned, wanted, least, SLOTS)
        assert len(account) <= SLOTS
        assert 0 <= grant.anchors <= wanted
        grants.append(grant)
    return grants


def given(grants):
    return [grant.anchors * grant.limit for grant in grants]


def steady(wanted, earned=WEALTH):
    return [(slot, earned, count) for slot, count in enumerate(wanted)]


def test_a_rate_is_of_time_or_of_the_video():
    assert Rate(kbps=300).earned(2 / 3, 10**6) == 25_000
    assert Rate(share=0.5).earned(2 / 3, 90_000) == 45_000


@pytest.mark.parametrize(("slot", "slots"), [(Fraction(2, 3), 3), (Fraction(1, 3), 6), (Fraction(5), 1)])
def test_windows_are_2_s_long(slot, slots):
    assert window_slots(slot) == slots


@pytest.mark.parametrize("seed", range(20))
def test_no_2_s_are_given_more_than_they_bring_in(seed):
    rng = random.Random(seed)
    slots = [slot for slot in range(100) if rng.random() < 0.8]  # a stream may pause
    epochs = [(slot, WEALTH, rng.choice((0, 0, 1, 3, 8))) for slot in slots]
    spent = dict(zip(slots, given(run(epochs)), strict=True))
    assert all(sum(spent.get(slot, 0) for slot in range(end, end + SLOTS)) <= SLOTS * WEALTH for end in range(100))


@pytest.mark.parametrize("seed", range(20))
def test_a_share_of_a_video_that_comes_in_waves_is_not_exceeded_in_all(seed):
    rng = random.Random(seed)
    epochs = [(slot, rng.randrange(2 * WEALTH), rng.choice((0, 1, 3, 8))) for slot in range(100)]
    spent = given(run(epochs))
    assert 0.5 < sum(spent) / sum(earned for _, earned, _ in epochs) <= 1


def test_a_share_is_spent_more_evenly_than_key_frames_bring_it_in():
    spent = given(run([(slot, WEALTH * (1 if slot % 3 else 3), 3) for slot in range(30)]))[3:]
    assert all(0.9 < sum(spent[end - 3 : end]) / (5 * WEALTH) <= 1 for end in range(3, 27))
    assert max(spent) < 2 * min(spent)


@pytest.mark.parametrize("wanted", [1, 3, 6])
def test_alike_epochs_are_given_what_each_brings_in(wanted):
    assert min(given(run(steady([wanted] * 20)))) > 0.999 * WEALTH


def test_what_quiet_epochs_saved_goes_to_busy_ones_and_leaves_the_next_their_part():
    spent = given(run(steady([3] * 5 + [0, 0] + [6] * 6)))
    assert spent[5:7] == [0, 0]
    assert spent[7] > 1.2 * WEALTH
    assert min(spent[8:]) > 0.75 * WEALTH
    assert all(sum(spent[end - 3 : end]) > 0.9 * 3 * WEALTH for end in range(10, 14))


def test_too_few_bytes_make_fewer_anchors_not_worse_ones():
    assert [grant.anchors for grant in run(steady([3] * 4, 2 * LEAST + 1))] == [2] * 4
    assert [grant.anchors for grant in run(steady([3] * 4, LEAST - 1))] == [0, 1, 1, 0]
    assert all(grant.limit >= LEAST for grant in run(steady([3] * 9, LEAST // 2)) if grant.anchors)


def test_the_smallest_rate_has_an_anchor_every_2_s():
    slots = [slot for slot, grant in enumerate(run(steady([3] * 20, 10))) if grant.anchors]
    assert max(after - before for before, after in pairwise(slots)) == SLOTS


def test_nothing_is_given_where_nothing_comes_in():
    assert given(run(steady([3] * 5, 0))) == [0] * 5
