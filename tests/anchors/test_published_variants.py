"""What the published programs do differently, worked by hand on a few frames."""

import pytest
import traces
from brute_force import Frame

from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.normalisers import Normaliser
from ns_ray.anchors.policies import Budget, Fraction, Policy
from ns_ray.anchors.select import Choice, StreamEpoch, StreamState, select

FOUR: list[Frame] = [("N", 10)] * 4  # A = 10, 20, 30, 40


def alone(frames: list[Frame], policy: Policy, gop_left: int | None = None, state: StreamState | None = None) -> Choice:
    epoch = StreamEpoch("one", traces.records(frames), gop_left, cost_ms=1.0)
    return select([epoch], {"one": state} if state else {}, policy)["one"]


@pytest.mark.parametrize(
    "policy", [Fraction(0.25, horizon="epoch"), Budget(1, 1.0, horizon="epoch")], ids=["fraction", "budget"]
)
def test_an_epochs_last_anchor_serves_to_its_end(policy: Policy) -> None:
    """Gains 40, 60, 60, 40 however long the GOP goes on."""
    for gop_left in (None, 0, 80):
        choice = alone(FOUR, policy, gop_left)
        assert (choice.positions, choice.gains) == ((1,), (60 / 10,))


def test_gains_as_they_are() -> None:
    assert alone(FOUR, Fraction(0.25, normaliser="none")).gains == (60.0,)


GOP = Fraction(0.25, horizon="epoch", normaliser="gop")


def test_gains_over_what_a_whole_gop_accumulates() -> None:
    assert alone(FOUR, GOP).gains == (60 / (10 + 20 + 30 + 40),)
    assert alone(FOUR, GOP, gop_left=2).gains == (60 / (10 + 20 + 30 + 40 + 50 + 60),)  # two more of the mean size


def test_a_gop_goes_on_from_epoch_to_epoch_whatever_was_an_anchor() -> None:
    for fraction in (0.0, 0.25):
        state = alone([("K", 999), *FOUR], Fraction(fraction)).state
        assert state.since_key == 4
        second = alone([("N", 6), ("N", 4)], Fraction(0.5, normaliser="gop"), state=state)
        # A = 10 20 30 40 without the KEY frame, then 46 50; what an anchor left of it is the carry.
        gains = [(state.carry + 6) * 2, state.carry + 10]
        assert second.gains == (max(gains) / (10 + 20 + 30 + 40 + 46 + 50),)
        assert second.state.since_key == 6


def test_of_several_gops_the_largest_counts() -> None:
    frames: list[Frame] = [("N", 10), ("N", 10), ("K", 500), ("N", 1), ("N", 1)]

    def gain(gop_left: int) -> float:
        choice = alone(frames, Fraction(0.4, horizon="epoch", normaliser="gop", ranked="all"), gop_left)
        assert choice.positions == (2, 0)
        return choice.gains[1]

    assert gain(0) == 20 / (10 + 20)  # of the first; 1 + 2 of the second
    assert gain(1) == 20 / (1 + 2 + 2 + 522 / 5)  # of the second: one more frame, of the mean size


def test_a_gop_without_bytes_between_key_frames() -> None:
    choice = alone([("K", 5), ("N", 0), ("N", 0)], Fraction(1.0, normaliser="gop", ranked="all"))
    assert (choice.positions, choice.gains) == ((0, 1, 2), (0.0, 0.0, 0.0))


def test_a_gop_is_looked_back_on_no_further_than_the_window() -> None:
    state = StreamState()
    for _ in range(3):
        state = alone([("N", 1)] * 100, Fraction(0.0), state=state).state
    assert (len(state.sizes), state.since_key) == (240, 300)
    choice = alone(
        [("N", 1)] * 10,
        Fraction(0.1, horizon="epoch", normaliser="gop"),
        state=StreamState(0, state.sizes, since_key=300),
    )
    assert choice.gains == (30 / sum(range(1, 241)),)  # A = 1 ... 10, the 5th is worth 5 x 6


@pytest.mark.parametrize(("normaliser", "anchors"), [("mean", [2, 2]), ("gop", [2, 2]), ("none", [4, 0])])
def test_without_a_normaliser_bits_win(normaliser: Normaliser, anchors: list[int]) -> None:
    epochs = [StreamEpoch(name, traces.records([("N", size)] * 20), 80) for name, size in (("fat", 160), ("lean", 10))]
    choices = select(epochs, {}, Fraction(0.1, normaliser=normaliser))
    assert [len(choices[name].positions) for name in ("fat", "lean")] == anchors


def test_all_frames_ranked() -> None:
    """A = 10 20 30 40; 10 0 10 20; 10 0 0 10; 0 0 0 10."""
    choice = alone(FOUR, Fraction(1.0, horizon="epoch", ranked="all"))
    assert choice.positions == (1, 2, 0, 3)
    assert choice.gains == (6.0, 2.0, 1.0, 1.0)
    assert alone(FOUR, Fraction(1.0, horizon="epoch")).positions == (1,)
    hidden: list[Frame] = [("N", 10), ("A", 1), ("N", 10), ("K", 5)]
    assert alone(hidden, Fraction(1.0, ranked="all")).positions == (3, 1, 0)  # KEY, ALTREF, NORMAL


def test_one_stream_may_have_more_than_a_fifth_where_all_are_ranked() -> None:
    epochs = [StreamEpoch(name, traces.records([("N", size)] * 10)) for name, size in (("calm", 1), ("wild", 900))]
    for ranked, anchors in (("fifth", [2, 2]), ("all", [0, 8])):
        choices = select(epochs, {}, Fraction(0.4, normaliser="none", ranked=ranked))  # type: ignore[arg-type]
        assert [len(choices[name].positions) for name in ("calm", "wild")] == anchors


def test_uniform_among_coded_frames_counts_hidden_ones() -> None:
    frames: list[Frame] = [("K", 9), ("A", 9), *[("N", 9)] * 3, ("A", 9), *[("N", 9)] * 4]
    assert alone(frames, Uniform(0.25, "coded")).positions == (0, 5)  # 2 of 8 shown; 10 // 2 coded frames apart
    assert alone(frames, Uniform(0.25)).positions == (0, 6)
    published: list[Frame] = [("N", 9), ("A", 9), *[("N", 9)] * 41]  # 8 of 42: each 5th of 43, the last ones left out
    assert alone(published, Uniform(8 / 42, "coded")).positions == tuple(range(0, 40, 5))
    assert alone([("A", 9), ("N", 9)], Uniform(1.0, "coded")).positions == (0,)
    assert alone([("E", 9), ("A", 9), ("E", 9), ("N", 9)], Uniform(0.67, "coded")).positions == (1, 3)
    assert alone([], Uniform(1.0, "coded")).positions == ()
