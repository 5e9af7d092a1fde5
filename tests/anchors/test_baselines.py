"""The baselines choose by place alone."""

import random
from itertools import pairwise

import pytest
import traces
from brute_force import Frame

from ns_ray.anchors.baselines import Key, PerFrame, Uniform
from ns_ray.anchors.policies import Policy
from ns_ray.anchors.select import StreamEpoch, select


def choose(frames: list[Frame], policy: Policy) -> tuple[int, ...]:
    return select([StreamEpoch("one", traces.records(frames))], {}, policy)["one"].positions


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.0, ()),
        (0.025, (0,)),
        (0.075, (0, 13, 26)),
        (0.2, (0, 5, 10, 15, 20, 25, 30, 35)),
        (1.0, tuple(range(40))),
    ],
)
def test_uniform_spaces_equally(fraction: float, expected: tuple[int, ...]) -> None:
    assert choose([("N", 10)] * 40, Uniform(fraction)) == expected


def test_uniform_passes_hidden_frames_over() -> None:
    frames: list[Frame] = [("A", 900), *[("N", 10)] * 5, ("A", 900), ("A", 900), *[("N", 10)] * 5]
    assert choose(frames, Uniform(0.2)) == (1, 8)


def test_uniform_on_any_frames() -> None:
    rng = random.Random(1)
    for _ in range(300):
        frames = traces.some(rng, rng.randint(0, 60), weights="KANNNNE")
        fraction = rng.random()
        positions = choose(frames, Uniform(fraction))
        candidates = [place for place, (kind, _) in enumerate(frames) if kind in "KN"]
        assert len(positions) == min(round(traces.shown(frames) * fraction), len(candidates))
        ranks = [candidates.index(position) for position in positions]
        gaps = [after - before for before, after in pairwise([*ranks, len(candidates)])]
        assert not ranks or (ranks[0] == 0 and max(gaps) - min(gaps) <= 1)
        coded = [place for place, (kind, _) in enumerate(frames) if kind in "KAN"]
        n = min(round(traces.shown(frames) * fraction), len(coded))
        assert choose(frames, Uniform(fraction, "coded")) == tuple(coded[i * (len(coded) // n)] for i in range(n))


def test_streams_do_not_share() -> None:
    epochs = [StreamEpoch(f"s{length}", traces.records([("N", 1)] * length)) for length in (40, 20, 5)]
    choices = select(epochs, {}, Uniform(0.2))
    assert [len(choices[name].positions) for name in ("s40", "s20", "s5")] == [8, 4, 1]


def test_per_frame_takes_every_shown_frame() -> None:
    frames: list[Frame] = [("K", 9), ("A", 9), ("N", 9), ("E", 1), ("N", 9)]
    assert choose(frames, PerFrame()) == (0, 2, 3, 4)


def test_key_takes_the_key_frames() -> None:
    frames: list[Frame] = [("N", 9), ("K", 9), ("A", 9), ("N", 9), ("K", 1)]
    assert choose(frames, Key()) == (1, 4)
