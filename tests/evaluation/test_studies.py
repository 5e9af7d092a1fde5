"""The parts of the studies of anchors, on frames made up so that the answer is known."""

import math
from itertools import chain

import numpy as np
import pytest

from ns_ray.anchors.policies import Fraction
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.evaluation.apart import chosen_apart, proxy_gain, share_lost, simulate_apart
from ns_ray.evaluation.apart_seen import ApartPlan
from ns_ray.evaluation.choice import EPOCH, choose, choose_together, whole_epochs
from ns_ray.evaluation.correlation import correlations, pearson, spearman
from ns_ray.evaluation.distance import by_distance
from ns_ray.evaluation.drift import drift, residual_wiped_out, shown_places
from ns_ray.evaluation.looped import looped, many
from ns_ray.evaluation.placement import placed, placements
from ns_ray.evaluation.proxy import proxy_told


def stream(sizes, key_every=120):
    kinds = (FrameType.NORMAL if i % key_every else FrameType.KEY for i in range(len(sizes)))
    return [FrameRecord(i, 0, kind, size) for i, (kind, size) in enumerate(zip(kinds, sizes, strict=True))]


WITH_HIDDEN = [
    FrameRecord(0, 0, FrameType.KEY, 90),
    FrameRecord(1, 0, FrameType.ALTREF, 30, shown=False),
    FrameRecord(1, 1, FrameType.NORMAL, 5),
    FrameRecord(2, 0, FrameType.NORMAL, 7),
    FrameRecord(3, 0, FrameType.KEY, 80),
    FrameRecord(4, 0, FrameType.NORMAL, 2),
]
CALM = stream([1000] + [1] * 119)
BUSY = stream([300] + [100] * 119)


def test_drift_starts_anew_at_anchors_and_bytes_at_key_frames_too():
    away = drift(WITH_HIDDEN, {(1, 0)})
    assert away.residuals.tolist() == [0, 0, 5, 12, 0, 2]
    assert away.frames.tolist() == [-1, 0, 1, 2, 3, 4]
    shown = away.at(shown_places(WITH_HIDDEN))
    assert (shown.residuals.tolist(), shown.frames.tolist()) == ([0, 5, 12, 0, 2], [-1, 1, 2, 3, 4])


def test_what_anchors_wipe_out_is_counted_in_mean_frames():
    mean = sum(one.size for one in WITH_HIDDEN) / 6
    assert residual_wiped_out(WITH_HIDDEN, {(1, 0)}) == pytest.approx((30 + 30 + 30) / mean)
    assert residual_wiped_out(WITH_HIDDEN, {(1, 0)}, first=2) == pytest.approx(30 / mean)
    assert residual_wiped_out(WITH_HIDDEN, {(0, 0), (3, 0)}) == 0


def test_coefficients_are_those_of_the_textbook():
    x = np.array([1, 2, 3, 4, 5])
    assert pearson(x, 7 - 2 * x) == -1
    assert spearman(x, x**3) == 1 > pearson(x, x**3)
    # ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: 4.5 / sqrt(4.5 * 5)
    assert spearman(np.array([0, 5, 5, 9]), np.array([1, 8, 2, 9])) == pytest.approx(4.5 / math.sqrt(22.5), abs=1e-4)
    assert correlations(x[:2], x[:2]) == {"pairs": 2, "pearson": None, "spearman": None}
    assert pearson(x, np.ones(5)) is None


def test_the_proxy_is_asked_of_rebuilt_frames_alone_by_gop_and_in_all():
    records = stream([50, 3, 1, 4, 1, 5, 50, 9, 2, 6, 5, 3], key_every=6)
    away = drift(records, {(0, 0), (6, 0)})
    gops = [0] * 6 + [1] * 6
    lost = np.where(away.frames > 0, 0.1 * away.residuals, 50.0)
    lost[6:] *= 2
    told = proxy_told(away, lost, gops)
    assert told["pairs"] == 10
    assert 0.5 < told["pearson"] < 1
    assert told["gops"] == [{"pairs": 5, "pearson": 1.0, "spearman": 1.0}] * 2
    assert told["by_frames"]["pearson"] < told["pearson"]
    lost[6:] = np.nan
    assert (proxy_told(away, lost, gops)["pairs"], proxy_told(away, lost, gops)["pearson"]) == (5, 1.0)


def test_quality_is_told_by_distance():
    frames = np.array([-1, 0, 1, 2, 4, 5, 0, 1, 500])
    bilinear, full = np.full(9, 30.0), np.full(9, 32.0)
    seen = np.array([0, 32, 31.5, 31, 30.5, 30.1, 32, 31.7, 29])
    rows = by_distance(frames, seen, bilinear, full)
    assert [(row["since"], row["frames"]) for row in rows] == [
        ("0", 2),
        ("1", 2),
        ("2-3", 1),
        ("4-7", 2),
        ("64+", 1),
    ]
    assert [row["over_bilinear"] for row in rows] == [2.0, 1.6, 1.0, 0.3, -1.0]
    assert [row["kept"] for row in rows] == [1.0, 0.8, 0.5, 0.15, -0.5]
    assert by_distance(frames, seen, bilinear, bilinear)[0]["kept"] is None


def test_streams_go_on_from_anywhere_in_a_content():
    made = looped(WITH_HIDDEN, 3, 4)
    assert [(one.name, one.size) for one in made] == [
        ("0.0", 80),
        ("1.0", 2),
        ("2.0", 90),
        ("3.0", 30),
        ("3.1", 5),
    ]
    streams = many({"a": WITH_HIDDEN, "b": CALM}, 5, 10)
    assert list(streams) == ["a@0", "a@1", "a@3", "b@0", "b@60"]
    assert len({*many({"a": WITH_HIDDEN}, 7, 3)}) == 7


def test_streams_are_chosen_for_together_or_alone():
    streams = {"calm": CALM, "busy": BUSY, "short": CALM[:50]}
    policy = Fraction(0.075)
    apart = chosen_apart(streams, (("calm",), ("busy",), ("short",)), policy)
    assert apart == {name: choose(records, policy) for name, records in streams.items()}
    together = choose_together(streams, policy)
    assert len(together["busy"]) > len(apart["busy"])
    for epoch in range(3):
        counts = [
            sum(epoch * EPOCH <= index < (epoch + 1) * EPOCH for index, _ in chain(*chosen.values()))
            for chosen in (together, apart)
        ]
        assert abs(counts[0] - counts[1]) <= 1
    assert proxy_gain(streams, together) > proxy_gain(streams, apart)


def test_epochs_that_are_not_whole_are_left_out():
    assert len(whole_epochs(CALM)) == 120
    assert whole_epochs(CALM[:95]) == CALM[:80]
    assert whole_epochs(CALM[:30]) == CALM[:30]


@pytest.mark.parametrize(
    ("streams", "gpus", "ways"), [(6, 2, 10), (6, 3, 15), (5, 2, 10), (4, 4, 1), (3, 1, 1), (2, 3, 0)]
)
def test_every_placement_comes_once(streams, gpus, ways):
    found = list(placements("abcdef"[:streams], gpus))
    assert len(found) == len({frozenset(map(frozenset, one)) for one in found}) == ways
    for one in found:
        assert sorted(chain(*one)) == [*"abcdef"[:streams]]
        assert max(map(len, one)) - min(map(len, one)) <= 1


def test_streams_are_placed_with_their_like_or_apart():
    names = ["a1", "a2", "b1", "b2"]
    assert placed(names, 2, "alike") == (("a1", "a2"), ("b1", "b2"))
    assert placed(names, 2, "spread") == (("a1", "b1"), ("a2", "b2"))
    assert sorted(chain(*placed(names, 2, "random", 3))) == names
    assert placed(names, 2, "random", 3) == placed(names, 2, "random", 3)


def test_less_is_lost_where_every_gpu_has_streams_of_all_kinds():
    mixed = simulate_apart({"calm": CALM, "busy": BUSY}, 4, 3, [2], Fraction(0.075))
    assert mixed["together"]["anchors"] == 4 * 9
    assert mixed["together"]["share"]["busy"] > 0.075 > mixed["together"]["share"]["calm"]
    lost = {row["way"]: row for row in mixed["apart"]}
    assert lost["alike"]["lost"] > max(0.01, lost["spread"]["lost"])
    assert lost["alike"]["moved"] > lost["spread"]["moved"]
    assert lost["random"]["most_lost"] >= lost["random"]["lost"]
    assert all(row["anchors"] == mixed["together"]["anchors"] for row in mixed["apart"])
    assert share_lost(1, 0) == 0


def test_placements_are_compared_by_what_each_stream_gains_in_its_group():
    streams = {"a": CALM, "b": BUSY, "c": CALM, "d": BUSY}
    plan = ApartPlan(streams, [1, 2, 9], 2, Fraction(0.075))
    assert [len(placement) for placement, _ in plan.lost] == [2, 2]
    assert plan.lost[0][1] < plan.lost[1][1]
    assert {frozenset(group) for group in plan.lost[1][0]} == {frozenset("ac"), frozenset("bd")}
    choices = {name: plan.choices(name) for name in streams}
    assert len(choices["b"]) == 3 + 2
    gains = {
        name: {label: {"plain": len(anchors) / 10, "best": 1.0} for label, anchors in mine.items()}
        for name, mine in choices.items()
    }
    gains["d"]["b+d"]["best"] = 0.6
    result = plan.compared(gains)
    whole = choose_together(streams, Fraction(0.075))
    assert result["together"]["mean"]["anchors"] == {name: len(anchors) for name, anchors in whole.items()}
    raw = choose_together(streams, Fraction(0.075, normaliser="none"))
    assert result["together"]["none"]["anchors"] == {name: len(anchors) for name, anchors in raw.items()}
    alike = result["apart"][1]
    assert alike["groups"] == [["a", "c"], ["b", "d"]]
    assert (alike["plain"], alike["best"], alike["gpus"]) == (0, 0.1, 2)
    assert result["apart"][0]["best"] == 0
    assert not ApartPlan(streams, [2], 0, Fraction(0.075)).lost
