"""What a trial of killed nodes is judged by."""

import pytest
from verdict import Memory, NodeKill, Seen, costs, faults, growth, unreported, without_anchors

SLOT = 0.5


def seen(missing=(), **more):
    return Seen(
        **{"name": "a", "state": "done", "problem": "", "first": 0, "end": 100} | more, anchored=anchored(missing)
    )


def anchored(missing):
    return {number for number in range(100) if number not in missing}


def kill(seconds, actors=("host-0",), left=True):
    return NodeKill(seconds, "hosting", list(actors), left, seconds + 5)


FLAT = [Memory(float(i), 100.0, 1000.0) for i in range(20)]
TOLD = ["host-0", "host-0"]


def test_slots_without_anchors_count_for_the_kill_before_they_were_due():
    """Slot 18 is due after 10 s, slot 17 before."""
    kills = [kill(10.0), kill(30.0)]
    assert without_anchors(seen({17}), kills, SLOT) == {-1: 0.5}
    assert without_anchors(seen({18, 19, 20}), kills, SLOT) == {0: 1.5}
    assert without_anchors(seen({18, 57, 58}), kills, SLOT) == {0: 1.0, 1: 0.5}
    assert without_anchors(seen({0, 1}), kills, SLOT) == {}, "a stream that joins"


def test_a_kill_costs_what_the_stream_lacks_that_lacks_most():
    assert costs([seen({20}), seen({20, 21, 40})], [kill(10.0), kill(45.0)], SLOT) == [1.5, 0.0]


def test_what_is_as_it_must_be():
    assert faults([seen({20, 21, 22, 23})], [kill(10.0), kill(30.0)], TOLD, FLAT, SLOT) == []


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"streams": [seen(problem="packet 7 is another")]}, "packet 7"),
        ({"streams": [seen(state="running")]}, "running"),
        ({"streams": [seen(range(20, 25))]}, "10.0 s, hosting killed: a stream without anchors for 2.5 s"),
        ({"losses": ["host-0"]}, "host-0: 1 deaths not told of"),
        ({"memory": [Memory(float(i), 100.0 + 5 * i, 1000.0) for i in range(20)]}, "nobody kills grew by"),
        ({"memory": [Memory(float(i), 100.0, 1000.0 + 50 * i) for i in range(20)]}, "all processes grew by"),
        ({"kills": [], "losses": []}, "shows nothing"),
    ],
)
def test_what_is_not_is_told(told, what):
    whole = {"streams": [seen()], "kills": [kill(10.0), kill(30.0)], "losses": TOLD, "memory": FLAT}
    (wrong,) = faults(*(whole | told).values(), SLOT)
    assert what in wrong


def test_where_nobody_was_left_to_go_on_anchors_may_lack():
    kills = [kill(10.0, left=False), kill(30.0)]
    assert faults([seen(range(20, 50))], kills, TOLD, FLAT, SLOT) == []


def test_actors_that_die_twice_are_to_be_told_of_twice():
    kills = [kill(10.0, ["host-0", "decoder-0"]), kill(30.0, ["host-0"])]
    assert unreported(kills, ["host-0", "decoder-0", "enhancer-0"]) == {"host-0": 1}


def test_memory_that_swings_does_not_grow():
    assert growth([100, 300] * 20) == 0
    assert growth([100.0 + i for i in range(100)]) == pytest.approx((189.5 - 129.5 - 25) / 129.5)
    assert growth([1.0, 900.0]) == 0, "too few to tell"
