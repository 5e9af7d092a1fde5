"""Hosts that rank, a scheduler that merges numbers: together one global greedy, however streams are spread."""

import pickle
import random
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import pytest
import traces
from brute_force import Frame
from hypothesis import given, settings
from hypothesis import strategies as st

from ns_ray.anchors.award import Award, award, dealt_out
from ns_ray.anchors.baselines import Key, Nothing, PerFrame, Uniform
from ns_ray.anchors.offer import joined
from ns_ray.anchors.policies import Budget, Fraction, Policy
from ns_ray.anchors.ranking import offer
from ns_ray.anchors.select import Choice, StreamEpoch, StreamState, select
from ns_ray.anchors.settle import settle
from ns_ray.errors import SelectionError

COMPETING: list[Policy] = [
    Fraction(0.0),
    Fraction(0.003),
    Fraction(0.075),
    Fraction(0.15, horizon="gop"),
    Fraction(1.0),
    Budget(1, 4.0),
    Budget(2, 20.25, horizon="gop"),
    Budget(1, 500.0),
    Fraction(0.05, horizon="epoch", normaliser="gop"),
    Fraction(0.25, horizon="epoch", normaliser="gop", ranked="all"),
    Budget(2, 9.0, horizon="epoch", normaliser="none"),
]
APART: list[Policy] = [Fraction(0.1, "stream"), Uniform(0.2), Uniform(0.2, "coded"), PerFrame(), Key(), Nothing()]


class Fleet:
    """Hosts over many epochs; streams move between them together with their states.

    Offers go to the scheduler at once, or by way of others, each of which joins those of every so many hosts.
    """

    def __init__(self, policy: Policy, regions: int = 0) -> None:
        self.policy = policy
        self.regions = regions
        self.states: dict[str, StreamState] = {}
        self.load = 0.0

    def epoch(self, hosts: Sequence[Sequence[StreamEpoch]]) -> dict[str, Choice]:
        made = [offer(epochs, self.states, self.policy, self.load) for epochs in hosts]
        offers = pickle.loads(pickle.dumps([numbers for _, numbers in made]))
        if self.policy.competes and self.regions:
            regions = [offers[first :: self.regions] for first in range(min(self.regions, len(offers)))]
            wholes = award([joined(region) for region in regions], self.policy)
            parts = [dealt_out(whole, region) for whole, region in zip(wholes, regions, strict=True)]
            awards = [parts[number % self.regions][number // self.regions] for number in range(len(offers))]
        elif self.policy.competes:
            awards = award(offers, self.policy)
        else:
            awards = [award([numbers], self.policy)[0] for numbers in offers]
        choices: dict[str, Choice] = {}
        for (ranking, _), awarded in zip(made, awards, strict=True):
            choices |= settle(ranking, awarded)
        assert len({awarded.load for awarded in awards}) <= 1 or not self.policy.competes
        self.load = awards[0].load if awards else self.load
        self.states |= {name: choice.state for name, choice in choices.items()}
        return choices


def check(
    epochs: Sequence[Sequence[StreamEpoch]], policy: Policy, rng: random.Random, hosts: int, regions: int = 0
) -> int:
    """Every epoch by one process and by hosts, streams dealt out anew each time; returns the number of anchors."""
    fleet, states, anchors = Fleet(policy, regions), {}, 0
    for streams in epochs:
        expected = select(streams, states, policy, fleet.load)
        states |= {name: choice.state for name, choice in expected.items()}
        shares: list[list[StreamEpoch]] = [[] for _ in range(hosts)]
        for one in rng.sample(streams, len(streams)):
            rng.choice(shares).append(one)
        assert dict(sorted(fleet.epoch(shares).items())) == expected
        anchors += sum(len(choice.positions) for choice in expected.values())
    return anchors


frames = st.lists(
    st.tuples(st.sampled_from("KANNNE"), st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1))), max_size=24
)
streams = st.builds(
    StreamEpoch,
    st.just(""),
    frames.map(traces.records),
    st.one_of(st.none(), st.integers(0, 120)),
    st.sampled_from([0.0, 0.25, 1.0, 1.1, 3.7]),
    st.sampled_from([None, None, None, 0.0, 0.1, 1.0]),
    st.sampled_from([1.0, 1.0, 0.3, 2.0, 1e300]),
)


@settings(max_examples=120, deadline=None)
@given(
    epochs=st.lists(st.dictionaries(st.sampled_from("abcdefg"), streams), min_size=1, max_size=3),
    policy=st.sampled_from([*COMPETING, *APART]),
    hosts=st.integers(1, 8),
    regions=st.integers(0, 3),
    rng=st.randoms(use_true_random=False),
)
def test_any_partition_chooses_as_one_process(
    epochs: list[dict[str, StreamEpoch]], policy: Policy, hosts: int, regions: int, rng: random.Random
) -> None:
    check([[_named(one, name) for name, one in streams.items()] for streams in epochs], policy, rng, hosts, regions)


def _named(one: StreamEpoch, name: str) -> StreamEpoch:
    return StreamEpoch(name, one.records, one.gop_left, one.cost_ms, one.fraction, one.priority)


def arena(streams: int, epochs: int, rng: random.Random) -> Iterator[list[StreamEpoch]]:
    """Real traces from several places on, some the same, some with a priority or fraction of their own."""
    real = list(traces.real().values())
    starts = [(rng.choice(real), rng.randrange(0, 80, 20)) for _ in range(streams)]
    extras = [
        (rng.choice([1.3, 1.3, 2.29]), rng.choice([None] * 5 + [0.15]), rng.choice([1.0] * 5 + [2.0])) for _ in starts
    ]
    for number in range(epochs):
        yield [
            StreamEpoch(
                f"s{index}",
                traces.records(traces.flatten([packets[(start + 40 * number + i) % len(packets)] for i in range(40)])),
                -(start + 40 * number + 40) % 120,
                *extra,
            )
            for index, ((packets, start), extra) in enumerate(zip(starts, extras, strict=True))
        ]


@cache
def fleet_of_traces() -> list[list[StreamEpoch]]:
    return list(arena(40, 7, random.Random(11)))


@pytest.mark.parametrize("policy", [*COMPETING, *APART], ids=repr)
def test_real_traces_on_many_hosts(policy: Policy) -> None:
    anchors = check(fleet_of_traces(), policy, random.Random(11), 7, 3)
    assert (anchors > 0) == (policy != Nothing())


def test_offers_are_plain_numbers() -> None:
    """However many frames: a few buffers that pickle out of band, and the streams' names."""
    (epochs,) = arena(64, 1, random.Random(1))
    _, offered = offer(epochs, {}, Fraction(0.075), 0.0)
    assert offered.counts.sum() > 500
    buffers: list[pickle.PickleBuffer] = []
    stream = pickle.dumps(offered, protocol=5, buffer_callback=buffers.append)
    assert len(buffers) == 10
    assert sum(buffer.raw().nbytes for buffer in buffers) == 64 * (7 * 8 + 1) + offered.counts.sum() * 9
    assert len(stream) < 3000


def test_a_stream_of_a_fraction_of_its_own_competes_with_its_like_alone() -> None:
    calm = [("K", 9000), *[("N", 1)] * 39]
    wild = [("N", 100)] * 40

    def counts(**fractions: float | None) -> list[int]:
        epochs = [
            StreamEpoch(name, traces.records(calm if name == "calm" else wild), fraction=fraction)
            for name, fraction in fractions.items()
        ]
        choices = select(epochs, {}, Fraction(0.05))
        return [len(choices[name].positions) for name in fractions]

    assert counts(calm=None, wild=None) == [1, 3]
    assert counts(calm=0.05, wild=None) == [1, 3]
    assert counts(calm=0.1, wild=None) == [4, 2]
    assert counts(calm=0.0, wild=None) == [0, 2]
    assert counts(calm=0.1, wild=0.1, other=None) == [1, 7, 2]


def test_priority_multiplies_gains_where_streams_compete() -> None:
    def counts(priority: float, policy: Policy) -> list[int]:
        epochs = [
            StreamEpoch("a", traces.records([("N", 10)] * 40), cost_ms=1.0),
            StreamEpoch("b", traces.records([("N", 10)] * 40), cost_ms=1.0, priority=priority),
        ]
        choices = select(epochs, {}, policy)
        assert all(choices[name].gains[0] == 420.0 for name in "ab" if choices[name].gains)
        return [len(choices[name].positions) for name in "ab"]

    for policy in (Fraction(0.1), Budget(1, 8.0)):
        assert counts(1.0, policy) == [4, 4]
        assert counts(1e6, policy) == [0, 8]
        assert counts(1e-6, policy) == [8, 0]
    assert counts(1e6, Fraction(0.1, "stream")) == [4, 4]


def test_budget_goes_by_the_load_that_it_was_told() -> None:
    frames: list[Frame] = [("N", 1), *[("N", 10)] * 19]
    epochs = [StreamEpoch("one", traces.records(frames), 80, 1.0)]
    fleet = Fleet(Budget(1, 2.0))
    # A = 1 + 10 k, greatest A x (20 + beyond - k): at first 5 frames beyond, then the load's 20 / 2.
    assert fleet.epoch([epochs])["one"].positions[0] == 12
    assert fleet.load == 20.0
    fleet.states.clear()
    assert fleet.epoch([epochs])["one"].positions[0] == 15


def test_an_award_to_others_is_refused() -> None:
    ranking, _ = offer([StreamEpoch("one", traces.records([("N", 10)] * 10))], {}, Fraction(0.1), 0.0)
    for taken in ([3], [1, 1]):
        with pytest.raises(SelectionError, match="no answer to this ranking"):
            settle(ranking, Award(np.array(taken), np.zeros(len(taken)), 0.0))


def test_no_hosts_and_hosts_without_streams() -> None:
    policy = Fraction(0.1)
    assert award([], policy) == []
    ranking, empty = offer([], {}, policy, 0.0)
    busy, full = offer([StreamEpoch("one", traces.records([("N", 10)] * 10))], {}, policy, 0.0)
    first, second, third = award([empty, full, empty], policy)
    assert settle(ranking, first) == settle(ranking, third) == {}
    assert len(settle(busy, second)["one"].positions) == 1
