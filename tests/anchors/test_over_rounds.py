"""What holds of selection over many rounds: shares add up, and nobody waits for ever."""

import random
from collections import Counter

import pytest
import traces
from brute_force import Frame

from ns_ray.anchors.baselines import Nothing, Uniform
from ns_ray.anchors.fair import MOST_SHARES
from ns_ray.anchors.policies import Budget, Fraction, Policy
from ns_ray.anchors.select import Choice, StreamEpoch, StreamState, select
from ns_ray.errors import SelectionError

NORMAL: list[Frame] = [("N", 10)] * 40
GOP: list[list[Frame]] = [[("K", 900), *NORMAL[1:]], NORMAL, NORMAL]
Round = dict[str, list[Frame]]


class Run:
    """Selection, round after round."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.states: dict[str, StreamState] = {}
        self.anchors: Counter[str] = Counter()
        self.shown: Counter[str] = Counter()

    def round(self, streams: Round, costs: float = 1.0) -> dict[str, Choice]:
        epochs = [StreamEpoch(name, traces.records(frames), 80, costs) for name, frames in streams.items()]
        choices = select(epochs, self.states, self.policy)
        for name, choice in choices.items():
            self.states[name] = choice.state
            self.anchors[name] += len(choice.positions)
            self.shown[name] += traces.shown(streams[name])
        return choices


FRACTIONS = [0.0, 0.001, 0.003, 0.0124, 0.0125, 0.0126, 0.07, 0.075, 0.1, 0.15]


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("kind", ["all", "stream", "uniform"])
def test_a_fraction_is_kept_over_rounds(fraction: float, kind: str) -> None:
    """Slots of 60, 50 and 25 frames a second, some empty: within one anchor at any time, of all or of each stream."""
    rng = random.Random(3)
    run = Run(Uniform(fraction) if kind == "uniform" else Fraction(fraction, kind))  # type: ignore[arg-type]
    for _ in range(150):
        run.round(
            {
                "s60": traces.some(rng, 40, weights="N"),
                "s50": traces.some(rng, rng.choice([33, 34]), weights="NA"),
                "s25": traces.some(rng, rng.choice([16, 17, 0]), weights="NNE"),
            }
        )
        if kind == "all":
            assert abs(run.anchors.total() - fraction * run.shown.total()) <= 1
        else:
            for name in run.shown:
                assert abs(run.anchors[name] - fraction * run.shown[name]) <= 1


def test_a_fraction_far_below_one_anchor_a_round_gets_its_own() -> None:
    for policy in (Fraction(0.003), Fraction(0.003, "stream"), Uniform(0.003)):
        run = Run(policy)
        for _ in range(100):
            run.round({f"s{i}": NORMAL for i in range(4)})
        assert run.anchors.total() == pytest.approx(0.003 * 4 * 40 * 100, abs=4)
        assert set(run.anchors) == {"s0", "s1", "s2", "s3"}


def test_whole_shares_leave_nothing_over() -> None:
    for policy in (Fraction(0.075), Fraction(0.075, "stream"), Uniform(0.075)):
        run = Run(policy)
        for _ in range(300):
            choices = run.round({"a": NORMAL, "b": NORMAL})
            assert sum(len(choice.positions) for choice in choices.values()) == 6
            assert all(abs(choice.state.credit) < 1e-9 for choice in choices.values())


def test_streams_come_and_go_without_taking_what_is_others() -> None:
    """Credit is shared equally, so that a stream that leaves takes no more along than its part of one anchor."""
    rng = random.Random(5)
    run = Run(Fraction(0.01))
    streams = {"s0"}
    changes = 0
    for number in range(600):
        run.round(dict.fromkeys(streams, NORMAL))
        if rng.random() < 0.2:
            changes += 1
            streams.symmetric_difference_update({f"s{rng.randint(1, 9)}"})
        assert all(abs(run.states[name].credit) <= 1 for name in run.states), number
    assert abs(run.anchors.total() - 0.01 * run.shown.total()) <= 1 + changes
    assert abs(run.anchors.total() / run.shown.total() - 0.01) < 0.001


def test_what_could_not_be_had_is_due_once_and_does_not_pile_up() -> None:
    run = Run(Fraction(0.15))
    shows: list[Frame] = [("E", 1)] * 40
    for _ in range(50):
        assert run.round({"a": shows})["a"].positions == ()
    assert run.states["a"].credit == 1
    assert len(run.round({"a": NORMAL})["a"].positions) == 7
    assert len(run.round({"a": NORMAL})["a"].positions) == 6


def test_a_stream_that_is_too_late_keeps_what_is_due_to_it() -> None:
    run = Run(Fraction(0.003, "stream"))
    for _ in range(4):
        run.round({"a": NORMAL})
    before = run.states["a"]
    run.policy = Nothing()
    assert run.round({"a": NORMAL})["a"].positions == ()
    assert run.states["a"].credit == before.credit == pytest.approx(0.48)
    assert run.states["a"].waited == 200


@pytest.mark.parametrize("policy", [Budget(1, 2.0), Fraction(2 / 160)], ids=repr)
def test_too_few_anchors_for_all_key_frames_go_round(policy: Policy) -> None:
    """Four identical streams, two anchors a round: each gets its key frame as often as the others.

    Where a fraction is to be kept to, all have their first at once, on credit.
    """
    run = Run(policy)
    keys: Counter[str] = Counter()
    for number in range(120):
        choices = run.round({f"s{i}": GOP[number % 3] for i in range(4)})
        keys.update(name for name, choice in choices.items() if number % 3 == 0 and 0 in choice.positions)
    assert max(run.anchors.values()) - min(run.anchors.values()) <= 1
    assert min(keys.values()) == 20
    assert max(keys.values()) <= 21


def test_key_frames_alone_go_round() -> None:
    """As before where a round has key frames only: who waited longest, then by name."""
    run = Run(Budget(1, 1.0))
    got = [
        [name for name, choice in run.round({f"s{i}": [("K", 9)] for i in range(3)}).items() if choice.positions]
        for _ in range(7)
    ]
    assert got == [["s0"], ["s1"], ["s2"], ["s0"], ["s1"], ["s2"], ["s0"]]


def test_equals_get_one_each_before_one_gets_two() -> None:
    two_keys: list[Frame] = [("K", 9), ("N", 1), ("K", 9), ("N", 1), ("N", 1)]
    run = Run(Budget(1, 3.0))
    choices = run.round(dict.fromkeys("abc", two_keys))
    assert [choices[name].positions for name in "abc"] == [(0,), (0,), (0,)]
    choices = Run(Budget(1, 5.0)).round(dict.fromkeys("abc", two_keys))
    assert [choices[name].positions for name in "abc"] == [(0, 2), (0, 2), (0,)]


def test_a_greater_gain_beats_waiting() -> None:
    run = Run(Budget(1, 1.0))
    run.states["calm"] = StreamState(waited=1000)
    choices = run.round({"calm": NORMAL, "wild": [("N", 9000), *NORMAL[1:]]})
    assert len(choices["wild"].positions) == 1
    assert choices["calm"].positions == ()


def test_what_makes_no_sense_to_remember_is_refused() -> None:
    with pytest.raises(SelectionError, match="credit must be finite"):
        StreamState(credit=float("nan"))
    with pytest.raises(SelectionError, match="waited must be 0 or more"):
        StreamState(waited=-1)


@pytest.mark.parametrize("policy", [Fraction(0.075), Budget(1, 18.0)], ids=repr)
def test_a_stream_of_key_frames_alone_leaves_others_their_anchors(policy: Policy) -> None:
    run = Run(policy)
    for _ in range(30):
        run.round({"greedy": [("K", 9000)] * 40} | {f"s{i}": NORMAL for i in range(5)})
    share = 30 * 40 * 0.075
    assert run.anchors["greedy"] == MOST_SHARES * share
    assert sum(run.anchors.values()) == 6 * share


def test_every_stream_has_its_first_key_frame_at_once_and_pays_for_it_later() -> None:
    """Fifty streams, ten anchors a round."""
    run = Run(Fraction(0.005))
    choices = run.round({f"s{i}": GOP[0] for i in range(50)})
    assert {choice.positions for choice in choices.values()} == {(0,)}
    totals = []
    for number in range(1, 8):
        before = run.anchors.total()
        run.round({f"s{i}": GOP[number % 3] for i in range(50)})
        totals.append(run.anchors.total() - before)
    assert totals == [0, 0, 0, 0, 10, 10, 10]


def test_a_stream_that_comes_later_does_not_wait_for_its_first_key_frame() -> None:
    run = Run(Fraction(0.005))
    for number in range(2):
        run.round({f"s{i}": GOP[number] for i in range(50)})
    choices = run.round({f"s{i}": NORMAL for i in range(50)} | {"late": GOP[0]})
    assert [name for name, choice in choices.items() if choice.positions] == ["late"]


def test_the_first_key_frame_of_a_stream_goes_before_those_of_others() -> None:
    run = Run(Budget(1, 1.0))
    run.round({"a": GOP[0]})
    choices = run.round({"a": [("K", 10**6)] * 3, "z": GOP[0]})
    assert [choices[name].positions for name in "az"] == [(), (0,)]
