"""Selection equals a greedy written independently, on real traces and on thousands of random epochs."""

import math
import random
from collections.abc import Mapping
from types import MappingProxyType

import pytest
import traces
from brute_force import Frame, Scheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from ns_ray.anchors.policies import Budget, Fraction
from ns_ray.anchors.select import StreamEpoch, StreamState, select

Streams = dict[str, tuple[list[Frame], int | None]]

POLICIES: list[Budget | Fraction] = [
    Fraction(0.0),
    Fraction(0.003),
    Fraction(0.003, "stream"),
    Fraction(0.025),
    Fraction(0.075),
    Fraction(0.15),
    Fraction(1.0),
    Fraction(0.1, "stream"),
    Budget(1, 4.0),
    Budget(2, 20.25),
    Fraction(0.05, horizon="gop"),
    Budget(1, 4.0, horizon="gop"),
    Fraction(0.05, horizon="epoch"),
    Budget(2, 9.0, horizon="epoch", normaliser="none"),
    Fraction(0.075, normaliser="gop"),
    Fraction(0.1, "stream", normaliser="gop", ranked="all"),
    Fraction(0.3, horizon="gop", normaliser="none", ranked="all"),
    Budget(1, 30.0, horizon="epoch", normaliser="gop", ranked="all"),
]


def reach_of(policy: Budget | Fraction, streams: Streams, costs: dict[str, float], own: float | None) -> float:
    """A mean distance between anchors, in frames, at least five, or one where all frames are ranked."""
    if policy.horizon != "gap":
        return math.inf if policy.horizon == "gop" else 0
    least = 5 if policy.ranked == "fifth" else 1
    if isinstance(policy, Budget):
        whole = sum(costs[name] * len(frames) for name, (frames, _) in streams.items())
        return max(least, math.ceil(whole / (policy.gpus * policy.epoch_ms)))
    fraction = policy.fraction if own is None else own
    return max(least, math.ceil(1 / fraction)) if fraction else math.inf


def check(
    epochs: list[Streams],
    costs: dict[str, float],
    policy: Budget | Fraction,
    own: Mapping[str, float] = MappingProxyType({}),
    priorities: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Runs both through the epochs and compares anchors, order, gains and what is remembered."""
    judge = Scheduler()
    states: dict[str, StreamState] = {}
    for streams in epochs:
        given_epochs = [
            StreamEpoch(name, traces.records(frames), gop_left, costs[name], own.get(name), priorities.get(name, 1.0))
            for name, (frames, gop_left) in streams.items()
        ]
        choices = select(given_epochs, states, policy)
        budget, fraction, apart = (
            (policy.gpus * policy.epoch_ms, 0.0, False)
            if isinstance(policy, Budget)
            else (None, policy.fraction, policy.scope == "stream")
        )

        def reach(name: str, streams: Streams = streams) -> float:
            return reach_of(policy, streams, costs, own.get(name))

        expected = judge.epoch(
            streams, costs, budget, fraction, apart, reach, own, priorities, policy.normaliser, policy.ranked
        )
        got = {name: list(zip(one.positions, one.gains, strict=True)) for name, one in choices.items()}
        assert got == expected
        for name, choice in choices.items():
            assert choice.state.carry == judge.carries[name]
            assert choice.state.sizes.tolist() == judge.sizes[name]
            assert choice.state.credit == judge.credits[name]
            assert choice.state.waited == judge.waited[name]
            assert choice.state.since_key == judge.since_key[name]
            assert choice.state.begun == (name in judge.begun)
            states[name] = choice.state


def extras(rng: random.Random, names: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Fractions and priorities of their own, for some."""
    own = {name: rng.choice([0.0, 0.075, 0.2]) for name in names if rng.random() < 0.3}
    return own, {name: rng.choice([0.1, 2.0, 3.3]) for name in names if rng.random() < 0.3}


def cut(packets: list[list[Frame]], first: int, gop: int | None) -> list[tuple[list[Frame], int | None]]:
    """Epochs of 40 packets from `first` on, the last one partial; gop: packets of a GOP, one frame each."""
    return [
        (
            traces.flatten(packets[start : start + 40]),
            None if gop is None else -(start + 40) % gop,
        )
        for start in range(first, len(packets), 40)
    ]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize("gop", [None, 120, 60])
def test_real_traces_together(policy: Budget | Fraction, gop: int | None) -> None:
    """Every trace twice, from different packets on: streams of different lengths, some over before others."""
    cuts = {f"{name}@{first}": cut(packets, first, gop) for name, packets in traces.real().items() for first in (0, 17)}
    epochs: list[Streams] = [
        {name: parts[number] for name, parts in cuts.items() if number < len(parts)} for number in range(12)
    ]
    costs = {name: 0.25 + number * 0.5 for number, name in enumerate(cuts)}
    check(epochs, costs, policy)


@pytest.mark.parametrize("name", traces.real())
def test_real_trace_alone(name: str) -> None:
    check([{name: part} for part in cut(traces.real()[name], 0, 120)], {name: 1.0}, Fraction(0.075))


def test_thousands_of_random_epochs() -> None:
    rng = random.Random(7)
    compared = 0
    for _ in range(150):
        names = [f"s{number}" for number in range(rng.randint(1, 8))]
        largest = rng.choice([1, 3, 300, 40000])
        epochs: list[Streams] = [
            {
                name: (traces.some(rng, rng.randint(0, 44), largest), rng.choice([None, 0, 3, 80]))
                for name in names
                if rng.random() < 0.9
            }
            for _ in range(4)
        ]
        check(epochs, {name: rng.randrange(12) / 4 for name in names}, rng.choice(POLICIES), *extras(rng, names))
        compared += sum(len(streams) for streams in epochs)
    assert compared > 2000


frames = st.lists(
    st.tuples(st.sampled_from("KANNNE"), st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1))), max_size=24
)
parts = st.tuples(frames, st.one_of(st.none(), st.integers(0, 120)))


@settings(max_examples=500, deadline=None)
@given(
    epochs=st.lists(st.dictionaries(st.sampled_from("abcd"), parts), min_size=1, max_size=3),
    costs=st.fixed_dictionaries({name: st.integers(0, 12).map(lambda value: value / 4) for name in "abcd"}),
    policy=st.sampled_from(POLICIES),
)
def test_whatever_hypothesis_finds(epochs: list[Streams], costs: dict[str, float], policy: Budget | Fraction) -> None:
    check(epochs, costs, policy)
