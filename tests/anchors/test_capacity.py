"""Whether streams fit, and what fractions come to."""

import math
import random

import numpy as np
import pytest

from ns_ray.anchors.baselines import Key, PerFrame, Uniform
from ns_ray.anchors.capacity import FULL, Capacity, Need, busy, decoding, factor, lacks
from ns_ray.anchors.lowering import Lowering
from ns_ray.anchors.overload import CALM_SECONDS, LEAST_PART, PERIOD_SECONDS, Overload
from ns_ray.anchors.policies import Budget, Fraction


def need(stream, anchors, least=None, enhancer="enhancer-0", seconds=0.1, decoding=0.0):
    least = anchors if least is None else least
    return Need(str(stream), enhancer, "decoder-0", "360p", anchors, least, seconds, decoding)


def there(*parts, seconds=0.1):
    return Capacity(
        {f"enhancer-{i}": part for i, part in enumerate(parts)}, {f"enhancer-{i}": seconds for i in range(len(parts))}
    )


def test_nothing_is_lowered_while_there_is_time():
    assert there(1.0).anchors == pytest.approx(9)
    assert factor([need(i, 3, 1) for i in range(3)], there(1.0)) == 1
    assert factor([], there(1.0)) == 1
    assert factor([need(0, 100, 1, seconds=0.0)], there(1.0)) == 1, "nothing is known of its time"


@pytest.mark.parametrize("seed", range(20))
def test_the_factor_fills_the_busiest_enhancer_and_no_more(seed):
    rng = random.Random(seed)
    needs = []
    for i in range(rng.randint(2, 30)):
        asked = rng.uniform(0.5, 5)
        needs.append(need(i, asked, rng.uniform(0, 0.2) * asked, f"enhancer-{i % 2}", rng.uniform(0.02, 0.3)))
    capacity = there(1.0, rng.uniform(0.5, 1))
    found = factor(needs, capacity)
    then = busy(needs, found)
    for name, least in busy(needs, 0.0).items():
        if least > capacity.limit(name):
            assert then[name] == pytest.approx(least), "as little as can be"
            return
    assert all(then[name] <= capacity.limit(name) + 1e-9 for name in capacity.parts)
    more = busy(needs, found + 0.011)
    assert found == 1 or any(more[name] > capacity.limit(name) for name in capacity.parts)


def test_where_even_the_floors_are_too_much_all_are_at_their_floor():
    needs = [need(i, 10, 5) for i in range(4)]
    assert factor(needs, there(1.0)) == 0.5


def test_enhancers_that_are_away_do_not_count():
    needs = [need(0, 5), need(1, 500, 0.1, "enhancer-1")]
    assert factor(needs, there(1.0)) == 1
    assert factor(needs, there(1.0, 1.0)) < 0.1


def test_a_refusal_names_what_is_asked_what_there_is_and_what_helps():
    others = [need(i, 4) for i in range(2)]
    assert lacks(others, need("new", 1), there(1.0)) == ""
    why = lacks(others, need("new", 4), there(1.0))
    assert "it asks for 4 anchors a second, others for 8" in why
    assert "counted on for 9" in why
    assert "admission.mode=degrade" in why
    assert "enhancer.actors" in why
    assert lacks(others, need("new", 4, 1), there(1.0)) == "", "it can be lowered to what there is"
    assert "4 (at the floor 2) anchors" in lacks(others, need("new", 4, 2), there(1.0))
    assert lacks(others, need("new", 4, enhancer="enhancer-1"), there(1.0, 1.0)) == "", "another enhancer has time"


def test_decoding_cannot_be_lowered():
    others = [need(i, 1, 0, decoding=0.4) for i in range(2)]
    assert decoding(others) == 0.8
    assert lacks(others, need("new", 1, 0, decoding=0.1), there(1.0)) == ""
    assert "decoder-0 would be busy 120% of the time" in lacks(others, need("new", 1, 0, decoding=0.4), there(1.0))


def test_fractions_fall_in_proportion_and_none_below_the_floor():
    lowered = Lowering(0.5, 0.02).of(np.array([0.1, 0.03, 0.01]))
    assert lowered.tolist() == [0.05, 0.02, 0.01]
    policy = Fraction(0.1).lowered(Lowering(0.5, 0.02))
    assert [policy.asks(None), policy.asks(0.03), policy.asks(0.01)] == [0.05, 0.02, 0.01]
    assert policy.lowered(Lowering()).asks(None) == 0.1, "always of what was asked for at first"


def test_what_is_compared_with_is_not_lowered():
    by = Lowering(0.5, 0.01)
    for policy, asks in ((Uniform(0.2), 0.2), (PerFrame(), 1.0), (Key(), 0.0), (Budget(1, 100.0), 0.0)):
        assert policy.lowered(by) == policy
        assert policy.asks(None) == asks


def steps(overload, begin, count, late, asked=FULL):
    for i in range(1, count + 1):
        overload.take(begin + i * PERIOD_SECONDS, 100, late, asked * overload.part)
    return begin + count * PERIOD_SECONDS


def test_overload_is_followed_slowly_and_back():
    overload = Overload(0.0)
    now = steps(overload, 0.0, 3, late=10, asked=1.0)
    assert overload.part == pytest.approx(0.9**3)
    now = steps(overload, now, int(CALM_SECONDS / PERIOD_SECONDS) - 1, late=0)
    assert overload.part == pytest.approx(0.9**3), "it waits"
    now = steps(overload, now, 1, late=0)
    assert overload.part == pytest.approx(0.9**3 * 1.05)
    steps(overload, now, 100, late=0)
    assert overload.part == 1.0


def test_a_late_anchor_now_and_then_changes_nothing():
    overload = Overload(0.0)
    now = steps(overload, 0.0, 10, late=2)
    overload.take(now + PERIOD_SECONDS, 5, 1, 1.0)
    assert overload.part == 1.0


def test_a_tenth_less_than_what_was_asked_not_than_what_was_measured():
    overload = Overload(0.0)
    overload.take(PERIOD_SECONDS, 100, 50, 0.25)
    assert overload.part == pytest.approx(0.225)
    steps(overload, PERIOD_SECONDS, 100, late=50)
    assert overload.part == LEAST_PART


def test_what_was_late_while_it_was_away_is_forgotten():
    overload = Overload(0.0)
    overload.take(1.0, 100, 100, 1.0)
    overload.forget(2.0)
    overload.take(2.0 + PERIOD_SECONDS, 100, 0, 1.0)
    assert math.isclose(overload.part, 1.0)
