"""What holds of a selection whatever the frames."""

import pickle
import random

import numpy as np
import pytest
import traces
from brute_force import Frame

from ns_ray.anchors.baselines import Key, PerFrame, Uniform
from ns_ray.anchors.policies import Budget, Fraction, Policy
from ns_ray.anchors.select import Choice, StreamEpoch, StreamState, select
from ns_ray.anchors.table import WINDOW
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.errors import SelectionError

EVERY_POLICY = [
    Fraction(0.075),
    Fraction(0.1, "stream"),
    Budget(1, 30.0),
    Fraction(0.1, horizon="epoch", normaliser="gop", ranked="all"),
    Uniform(0.2),
    Uniform(0.2, "coded"),
    PerFrame(),
    Key(),
]


def one(frames: list[Frame], gop_left: int | None = None, cost_ms: float = 0.0) -> StreamEpoch:
    return StreamEpoch("one", traces.records(frames), gop_left, cost_ms)


def alone(frames: list[Frame], policy: Policy, gop_left: int | None = None, carry: int = 0) -> Choice:
    return select([one(frames, gop_left)], {"one": StreamState(carry)}, policy)["one"]


def several(rng: random.Random, streams: int) -> list[StreamEpoch]:
    return [
        StreamEpoch(
            f"s{number}",
            traces.records(traces.some(rng, rng.randint(0, 45), rng.choice([3, 9000]))),
            rng.choice([None, 40]),
            rng.randint(1, 9),
        )
        for number in range(streams)
    ]


def count(choices: dict[str, Choice]) -> int:
    return sum(len(choice.positions) for choice in choices.values())


# Worked by hand: A = 10, 20, 30, 40; gains to the epoch's end 40, 60, 60, 40, so the earlier of the two 60s.
def test_a_small_case_by_hand() -> None:
    choice = alone([("N", 10)] * 4, Fraction(0.25))
    assert choice.positions == (1,)
    assert choice.gains == (60 / 10,)
    assert choice.state.carry == 20
    assert choice.state.sizes.tolist() == [10] * 4


def test_the_rest_of_the_gop_draws_the_anchor_later() -> None:
    assert alone([("N", 10)] * 4, Fraction(0.25), gop_left=20).positions == (3,)


def test_an_anchor_serves_until_the_next_epochs_first_can_be_expected() -> None:
    frames: list[Frame] = [("N", 1), *[("N", 10)] * 19]
    # A = 1 + 10 k. With an anchor every 10 frames A x (20 + 10 - k) is greatest at 15; with 80 to the GOP's end, at 19.
    assert alone(frames, Fraction(0.1), gop_left=80).positions[0] == 15
    assert alone(frames, Fraction(0.1, horizon="gop"), gop_left=80).positions[0] == 19
    for horizon, first in (("gap", 15), ("gop", 19)):
        choices = select([one(frames, gop_left=80, cost_ms=1.0)], {}, Budget(1, 2.0, horizon=horizon))  # type: ignore[arg-type]
        assert choices["one"].positions[0] == first


def test_the_carry_draws_the_anchor_earlier() -> None:
    assert alone([("N", 10)] * 4, Fraction(0.25), carry=1000).positions == (0,)


def test_a_key_frame_ends_what_an_anchor_serves() -> None:
    frames: list[Frame] = [("N", 10), ("N", 10), ("K", 500), ("N", 1), ("N", 1), ("N", 1)]
    assert alone(frames, Fraction(2 / 6)).positions == (2, 0)


def test_carry_over_an_epoch_border_is_what_the_chosen_anchors_left() -> None:
    frames: list[Frame] = [("N", size) for size in (5, 7, 11, 13, 17)]
    first = alone(frames, Fraction(0.0))
    assert first.state.carry == 53
    taken = alone(frames, Fraction(0.2))  # A = 5, 12, 23, 36, 53; gains 25, 48, 69, 72, 53
    assert taken.positions == (3,)
    assert taken.state.carry == 17
    key = alone([*frames, ("K", 99), ("N", 3)], Fraction(0.0))
    assert key.state.carry == 3  # a KEY frame resets the residual, chosen or not


def test_an_epoch_in_two_calls_carries_as_in_one() -> None:
    frames = traces.some(random.Random(1), 60)
    whole = alone(frames, Fraction(0.0)).state
    first = alone(frames[:23], Fraction(0.0)).state
    assert select([one(frames[23:])], {"one": first}, Fraction(0.0))["one"].state == whole


def test_the_window_forgets() -> None:
    state = StreamState()
    for number in range(9):
        state = select([one([("N", number)] * 40)], {"one": state}, Fraction(0.0))["one"].state
    assert len(state.sizes) == WINDOW
    assert state.sizes.tolist() == [number for number in range(3, 9) for _ in range(40)]
    assert state.sizes.dtype == np.uint32


def test_gains_of_streams_of_other_bitrates_compare() -> None:
    frames = traces.flatten(traces.real()["arena0_360p"])[100:140]
    fat: list[Frame] = [(kind, 16 * size) for kind, size in frames]
    epochs = [StreamEpoch("fat", traces.records(fat)), StreamEpoch("lean", traces.records(frames))]
    choices = select(epochs, {}, Fraction(0.1))
    assert choices["fat"].positions == choices["lean"].positions
    assert choices["fat"].gains == choices["lean"].gains


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=repr)
def test_the_order_of_streams_does_not_matter(policy: Policy) -> None:
    rng = random.Random(2)
    for _ in range(40):
        epochs = several(rng, 9)
        states = {epoch.stream: StreamState(rng.randint(0, 5000)) for epoch in epochs[:6]}
        expected = select(epochs, states, policy)
        assert select(epochs, states, policy) == expected
        rng.shuffle(epochs)
        assert select(epochs, dict(reversed(states.items())), policy) == expected
        assert list(select(epochs, states, policy)) == sorted(epoch.stream for epoch in epochs)


def test_identical_streams_go_by_name() -> None:
    frames = traces.records([("N", 10)] * 40)
    choices = select([StreamEpoch(name, frames) for name in ("b", "c", "a")], {}, Fraction(1 / 60))
    assert {name: len(choice.positions) for name, choice in choices.items()} == {"a": 1, "b": 1, "c": 0}


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=repr)
def test_the_input_is_left_alone(policy: Policy) -> None:
    epochs = several(random.Random(3), 5)
    states = {"s1": StreamState(77, np.arange(WINDOW, dtype=np.uint32))}
    before = pickle.dumps((epochs, states))
    select(epochs, states, policy)
    assert pickle.dumps((epochs, states)) == before


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=repr)
def test_a_selection_goes_on_from_pickled_answers(policy: Policy) -> None:
    epochs = several(random.Random(4), 5)
    first = select(epochs, {}, policy)
    restored = pickle.loads(pickle.dumps(first))
    assert restored == first
    states = {name: choice.state for name, choice in first.items()}
    revived = {name: choice.state for name, choice in restored.items()}
    assert select(epochs, revived, policy) == select(epochs, states, policy)


def test_key_then_altref_then_normal() -> None:
    rng = random.Random(5)
    for _ in range(60):
        epochs = several(rng, 6)
        types = {epoch.stream: [record.type for record in epoch.records] for epoch in epochs}
        for fraction in (0.02, 0.05, 0.1, 0.2):
            choices = select(epochs, {}, Fraction(fraction))
            chosen = {name: [types[name][k] for k in one.positions] for name, one in choices.items()}
            assert all(kinds == sorted(kinds) for kinds in chosen.values())
            worst = max((max(kinds) for kinds in chosen.values() if kinds), default=FrameType.KEY)
            for epoch in epochs:
                kinds = types[epoch.stream]
                ranked = max(-(-len(kinds) // 5), kinds.count(FrameType.KEY))
                better = sum(kind < worst for kind in kinds)
                assert len(chosen[epoch.stream]) >= min(better, ranked)


def test_altref_before_normal_across_streams() -> None:
    quiet: list[Frame] = [("N", 1)] * 19 + [("A", 1), ("N", 1)]
    busy: list[Frame] = [("N", 5)] * 20 + [("N", 90000)]
    epochs = [StreamEpoch("a", traces.records(busy), 100), StreamEpoch("b", traces.records(quiet))]
    choices = select(epochs, {}, Fraction(1 / 41))
    assert choices["a"].positions == ()
    assert choices["b"].positions == (19,)


def test_frames_shown_again_are_no_candidates_but_count() -> None:
    frames: list[Frame] = [("E", 2), ("E", 2), ("N", 0), ("E", 2), ("E", 2)]
    for policy in (Fraction(1.0), Uniform(1.0)):
        choice = alone(frames, policy)
        assert choice.positions == (2,)
        assert choice.state.carry == 4
    assert alone(frames, Fraction(0.2)).gains == (4 * 3 / (8 / 5),)
    shown_key = [FrameRecord(0, 0, FrameType.KEY, 2, existing=True)] * 5
    choice = select([StreamEpoch("one", shown_key)], {"one": StreamState(10)}, Key())["one"]
    assert (choice.positions, choice.state.carry) == ((), 20)


@pytest.mark.parametrize("policy", [Fraction(1.0), Uniform(1.0), Key(), PerFrame()])
def test_lower_layers_are_no_anchors(policy: Policy) -> None:
    shown = [FrameRecord(i, 1, FrameType.NORMAL, 10) for i in range(5)]
    lower = [FrameRecord(i, 0, FrameType.ALTREF, 1000, shown=False, lower_layer=True) for i in range(5)]
    records = [one for pair in zip(lower, shown, strict=True) for one in pair]
    choice = select([StreamEpoch("one", records)], {}, policy)["one"]
    assert all(position % 2 for position in choice.positions)


def test_a_key_frame_that_is_a_lower_layer_resets_what_was_accumulated() -> None:
    def choose(*, lower_layer: bool) -> Choice:
        key = FrameRecord(1, 0, FrameType.KEY, 500, shown=not lower_layer, lower_layer=lower_layer)
        records = [FrameRecord(0, 0, FrameType.NORMAL, 700), key, FrameRecord(1, 1, FrameType.NORMAL, 30)]
        return select([StreamEpoch("one", records)], {"one": StreamState(100)}, Fraction(0.0))["one"]

    assert choose(lower_layer=True).state.carry == choose(lower_layer=False).state.carry == 30
    layered = [FrameRecord(0, 0, FrameType.KEY, 500, shown=False, lower_layer=True)]
    layered += [FrameRecord(0, 1, FrameType.NORMAL, 30), FrameRecord(1, 0, FrameType.NORMAL, 5)]
    choice = select([StreamEpoch("one", layered)], {"one": StreamState(100)}, Fraction(0.5))["one"]
    assert choice.positions == (1,)
    assert choice.gains == (30 * 2 / (535 / 3),)


@pytest.mark.parametrize(
    ("fraction", "anchors"), [(0.025, 8), (0.05, 16), (0.075, 24), (0.1, 32), (0.15, 48), (0.2, 64)]
)
def test_the_published_counts(fraction: float, anchors: int) -> None:
    rng = random.Random(6)
    epochs = [StreamEpoch(f"s{number}", traces.records(traces.some(rng, 40, weights="N")), 80) for number in range(8)]
    assert count(select(epochs, {}, Fraction(fraction))) == anchors
    choices = select(epochs, {}, Fraction(fraction, "stream"))
    assert {len(choice.positions) for choice in choices.values()} == {anchors // 8}


def test_hidden_frames_earn_no_anchors() -> None:
    epochs = [one([("A", 500), *[("N", 10)] * 20] * 2)]
    assert count(select(epochs, {}, Fraction(0.075))) == 3


def test_streams_compete_only_in_scope_all() -> None:
    calm = StreamEpoch("calm", traces.records([("K", 9000), *[("N", 1)] * 39]))
    wild = StreamEpoch("wild", traces.records([("N", 100)] * 40))
    together = select([calm, wild], {}, Fraction(0.05))
    apart = select([calm, wild], {}, Fraction(0.05, "stream"))
    assert [len(together[name].positions) for name in ("calm", "wild")] == [1, 3]
    assert [len(apart[name].positions) for name in ("calm", "wild")] == [2, 2]


def test_streams_of_different_lengths_add_up() -> None:
    lengths = (7, 40, 24, 1, 0)
    epochs = [StreamEpoch(f"s{length}", traces.records([("N", 10)] * length)) for length in lengths]
    choices = select(epochs, {}, Fraction(0.1))
    assert count(choices) == round(sum(lengths) * 0.1)
    assert all(k < length for length in lengths for k in choices[f"s{length}"].positions)


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=repr)
def test_nothing_to_choose_from(policy: Policy) -> None:
    assert select([], {}, policy) == {}
    before = StreamState(123, np.array([4, 5], np.uint32))
    assert select([one([])], {"one": before}, policy) == {"one": Choice((), (), before)}
    assert select([one([])], {}, policy)["one"].state == StreamState()


def test_frames_of_no_bytes() -> None:
    choice = alone([("N", 0)] * 40, Fraction(0.075))
    assert choice.positions == (0, 1, 2)
    assert choice.gains == (0.0, 0.0, 0.0)


def test_the_budget_is_kept_and_used() -> None:
    rng = random.Random(8)
    for _ in range(100):
        epochs = several(rng, 7)
        costs = {epoch.stream: epoch.cost_ms for epoch in epochs}
        policy = Budget(
            rng.randint(1, 3), rng.uniform(0.5, 40), horizon="gop"
        )  # a horizon that is no matter of the budget
        choices = select(epochs, {}, policy)
        left = policy.gpus * policy.epoch_ms - sum(costs[name] * len(c.positions) for name, c in choices.items())
        assert left >= 0
        everything = select(epochs, {}, Budget(1, 1e9, horizon="gop"))
        for name, choice in choices.items():
            assert choice.positions == everything[name].positions[: len(choice.positions)]
            assert choice.positions == everything[name].positions or costs[name] > left


def test_a_dear_anchor_gives_way_to_cheap_ones() -> None:
    dear = StreamEpoch("dear", traces.records([("K", 1), *[("N", 900)] * 9]), cost_ms=50)
    cheap = StreamEpoch("cheap", traces.records([("N", 1)] * 10), cost_ms=3)
    choices = select([dear, cheap], {}, Budget(1, 10))
    assert choices["dear"].positions == ()
    assert len(choices["cheap"].positions) == 2


def test_free_anchors_are_all_taken() -> None:
    assert len(select([one([("N", 5)] * 40)], {}, Budget(1, 1))["one"].positions) == 8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Fraction(-0.1), r"0\.\.1"),
        (lambda: Fraction(1.01), r"0\.\.1"),
        (lambda: Fraction(float("nan")), r"0\.\.1"),
        (lambda: Fraction(0.1, "gop"), "'all' or 'stream'"),  # type: ignore[arg-type]
        (lambda: Uniform(2), r"0\.\.1"),
        (lambda: Fraction(0.1, horizon="end"), "'gap' or 'gop' or 'epoch'"),  # type: ignore[arg-type]
        (lambda: Budget(1, 666.7, horizon="end"), "'gap' or 'gop' or 'epoch'"),  # type: ignore[arg-type]
        (lambda: Fraction(0.1, normaliser="median"), "'mean' or 'gop' or 'none'"),  # type: ignore[arg-type]
        (lambda: Budget(1, 1.0, ranked="half"), "'fifth' or 'all'"),  # type: ignore[arg-type]
        (lambda: Uniform(0.1, "all"), "'shown' or 'coded'"),  # type: ignore[arg-type]
        (lambda: Budget(0, 666.7), "1 or more"),
        (lambda: Budget(1, 0), "above 0"),
        (lambda: Budget(1, float("nan")), "above 0"),
        (lambda: one([], cost_ms=-1), "stream one.*0 or more"),
        (lambda: one([], cost_ms=float("inf")), "finite"),
        (lambda: one([], gop_left=-1), "stream one.*0 or more"),
        (lambda: StreamState(-1), "0 or more"),
        (lambda: StreamState(since_key=-1), "since_key must be 0 or more"),
        (lambda: alone([("N", -1)], Key()), "stream one.*sizes"),
        (lambda: alone([("N", 2**32)], Key()), "stream one.*sizes"),
        (lambda: select([one([]), one([])], {}, Key()), "stream one.*twice"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object, message: str) -> None:
    assert callable(wrong)
    with pytest.raises(SelectionError, match=message):
        wrong()


def test_shown_frames() -> None:
    assert one([("A", 1), ("N", 1), ("E", 1), ("K", 1)]).shown == 3


def test_leaves_are_no_anchors_and_lose_nothing_to_others():
    """Two large frames that nothing refers to: neither is chosen, nor do their bytes count for those behind them."""
    kinds = [(FrameType.KEY, 500, False), (FrameType.NORMAL, 300, False), (FrameType.NORMAL, 9000, True)]
    kinds += [(FrameType.NORMAL, 200, False), (FrameType.NORMAL, 9000, True)]
    records = [FrameRecord(i, 0, kind, size, leaf=leaf) for i, (kind, size, leaf) in enumerate(kinds)]
    choice = select([StreamEpoch("s", records, 0)], {}, Fraction(1.0))["s"]
    assert not {2, 4} & set(choice.positions)
    assert choice.positions == (0,)
    assert choice.state.carry == 300 + 200
