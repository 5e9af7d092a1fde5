"""Epochs are slots of time: streams of all kinds meet in the same rounds, whatever their frame rates."""

import random
from fractions import Fraction
from itertools import pairwise

import pytest
from simulated import BEGAN, Video, World, broken, constant, slow

from actors.summary import stream_result
from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.policies import Fraction as Share
from ns_ray.config import Config

RATES = {"s60": Fraction(60), "s59.94": Fraction(60_000, 1001), "s50": Fraction(50), "s25": Fraction(25)}
SLOT = Fraction(2, 3)
MS = Fraction(1, 1000)


def late(runs):
    return [(name, epoch.epoch) for name, run in runs.items() for epoch in run.epochs if epoch.late]


def slots(run):
    return [epoch.epoch for epoch in run.epochs]


@pytest.mark.parametrize("policy", [Share(0.075), Share(0.075, "stream"), Uniform(0.075)], ids=repr)
def test_six_minutes_of_60_59_94_50_and_25_frames_a_second(policy):
    world = World({name: constant(rate, 360) for name, rate in RATES.items()})
    runs = world.run(policy=policy)
    assert late(runs) == []
    for name, run in runs.items():
        assert not run.reason
        assert slots(run) == list(range(540))
        assert run.shown == len(world.videos[name].times)
        assert run.seconds == pytest.approx(360, abs=0.05)
        minutes = [
            sum(minute <= a.video_index / RATES[name] / 60 < minute + 1 for a in run.anchors) for minute in range(6)
        ]
        assert minutes == pytest.approx([0.075 * 60 * float(RATES[name])] * 6, rel=0.15), "all the way, not at first"
    shown = sum(run.shown for run in runs.values())
    each = 0 if policy == Share(0.075) else 1
    assert abs(sum(len(run.anchors) for run in runs.values()) - 0.075 * shown) <= 1 + 4 * each
    if each:
        assert all(abs(len(run.anchors) - 0.075 * run.shown) <= 1 for run in runs.values())
    assert world.took == pytest.approx(360, abs=1)
    assert world.rounds == [set(RATES)] * 540, "all meet in every round"


def test_slots_hold_40_frames_at_60_whatever_the_ticks():
    """Times rounded to ms: frame 80 is at 1333 ms, before the end of slot 1 at 1333.3, but begins slot 2."""
    world = World({"ms": constant(Fraction(60), 20, base=MS), "exact": constant(Fraction(60), 20)})
    world.run(paced=False)
    for file in world.files.values():
        assert [len(packets) for packets in file] == [40] * 30
        assert [packet for packets in file for packet in packets] == list(range(1200))


def test_slots_are_what_the_configuration_says():
    assert Config(epoch_seconds=0.6667).slot == Config().slot == SLOT
    assert [Config(epoch_seconds=s).slot for s in (0.5, 0.333, 0.3333, 1, 0.001)] == [
        *(Fraction(1, 2), Fraction(333, 1000), Fraction(1, 3), Fraction(1), Fraction(1, 1000))
    ]
    with pytest.raises(ValueError, match="epoch_seconds"):
        Config(epoch_seconds=0.0009)


@pytest.mark.parametrize("paced", [True, False])
def test_a_paced_epoch_arrives_with_the_end_of_its_slot_and_is_due_a_slot_later(paced):
    runs = World({"a": constant(Fraction(60), 3), "b": constant(Fraction(25), 3)}).run(paced=paced)
    for run in runs.values():
        assert sum(epoch.seconds for epoch in run.epochs) == pytest.approx(3, abs=1e-3)
        if not paced:
            assert [epoch.deadline for epoch in run.epochs] == [None] * 5
            continue
        ends = [min((n + 1) * 2 / 3, 3) for n in range(5)]
        assert [epoch.arrived - BEGAN for epoch in run.epochs] == pytest.approx(ends, abs=1e-3)
        dues = [(n + 2) * 2 / 3 + (0.1 if n == 4 else 0) for n in range(5)]
        assert [epoch.deadline - BEGAN for epoch in run.epochs] == pytest.approx(dues)


@pytest.mark.parametrize("paced", [True, False])
@pytest.mark.parametrize("tells", [True, False])
def test_a_pause_holds_nobody_up(paced, tells):
    """A stream that shows nothing for 20 s: its slots are left out, the other goes on."""
    times = [t if t < 4 else t + 20 for t in constant(Fraction(25), 8).times]
    world = World({"pause": Video(times, tells=tells), "other": constant(Fraction(60), 30)})
    runs = world.run(paced=paced)
    assert late(runs) == []
    assert slots(runs["pause"]) == [*range(6), *range(36, 42)]
    assert slots(runs["other"]) == list(range(45))
    assert runs["pause"].seconds == pytest.approx(28, abs=0.05)
    assert stream_result(runs["pause"]).lr_kbps == pytest.approx(200 * 100 * 8 / 1000 / 28, rel=0.01)
    for name, run in runs.items():
        assert len(run.anchors) == pytest.approx(0.075 * run.shown, rel=0.2), name
    assert world.rounds[:6] == [{"pause", "other"}] * 6
    assert world.rounds[6:36] == [{"other"}] * 30
    reads = world.sources.calls["read"]
    assert reads == 45 + 12 + (0 if tells else 30)


def test_a_pause_of_a_year_costs_a_read_where_the_next_time_is_known():
    world = World({"year": Video([Fraction(0), Fraction(1), Fraction(3 * 10**7)], tells=True)})
    run = world.run(paced=False)["year"]
    assert run.shown == 3
    assert slots(run) == [0, 1, 45_000_000]
    assert world.sources.calls["read"] == 3


@pytest.mark.parametrize("paced", [True, False])
def test_a_stream_that_joins_later_counts_slots_as_the_others(paced):
    world = World({"early": constant(Fraction(60), 20), "later": constant(Fraction(25), 10, first=9)})
    runs = world.run(paced=paced)
    assert late(runs) == []
    assert slots(runs["later"]) == list(range(9, 24))
    assert world.rounds == [{"early"}] * 9 + [{"early", "later"}] * 15 + [{"early"}] * 6
    assert runs["later"].seconds == pytest.approx(10, abs=0.05)
    if paced:
        assert runs["later"].epochs[0].arrived - BEGAN == pytest.approx(20 / 3)


def test_a_variable_rate():
    """A screen recording: from 1 to 1000 frames a second, some slots empty, one with more than is taken at once."""
    rng = random.Random(4)
    times, now = [], Fraction(0)
    while now < 60:
        times.append(now)
        now += rng.choice([Fraction(1, 60)] * 20 + [Fraction(1, 1000)] * 20 + [Fraction(1)])
    times += [60 + Fraction(i, 5000) for i in range(2500)] + [Fraction(61) + i for i in range(9)]
    world = World({"variable": Video(times), "steady": constant(Fraction(60), 70)})
    runs = world.run()
    assert late(runs) == []
    assert runs["variable"].shown == len(times)
    assert runs["variable"].seconds == pytest.approx(70)
    written = [packets for packets in world.files["variable.mkv.part"] if packets]
    assert [packet for packets in written for packet in packets] == list(range(len(times)))
    assert max(map(len, written)) == 1000
    assert all(one < other for one, other in pairwise(slots(runs["variable"])))
    shown = sum(run.shown for run in runs.values())
    assert sum(len(run.anchors) for run in runs.values()) == pytest.approx(0.075 * shown, abs=1)
    assert len(runs["steady"].anchors) == pytest.approx(0.075 * 4200, rel=0.15)


def test_a_stream_that_ends_early_or_in_mid_slot_leaves_the_others_alone():
    world = World({"short": constant(Fraction(60), 5), "long": constant(Fraction(25), 20)})
    runs = world.run()
    assert late(runs) == []
    assert world.rounds == [{"short", "long"}] * 8 + [{"long"}] * 22
    assert world.finished == {"short", "long"}


def test_frames_are_counted_as_asked_for():
    runs = World({"a": constant(Fraction(60), 30), "b": constant(Fraction(25), 30)}).run(paced=False, frames=100)
    assert [run.shown for run in runs.values()] == [100, 100]
    assert [run.seconds for run in runs.values()] == pytest.approx([100 / 60, 4], abs=1e-3)


def test_packets_of_other_tracks_go_into_the_file_in_a_pause_too():
    times = [t if t < 2 else t + 4 for t in constant(Fraction(25), 4).times]
    world = World({"audio": Video(times, sides=3)})
    run = world.run(paced=False)["audio"]
    assert [len(packets) for packets in world.files["audio.mkv.part"]].count(0) == 6
    assert slots(run) == [0, 1, 2, 9, 10, 11]


def test_notes_are_kept_once():
    run = World({"odd": constant(Fraction(25), 4, notes=("its times go back", "its times go back"))}).run()["odd"]
    result = stream_result(run)
    assert result.notes == ["a note of its probe", "its times go back"]
    assert result.status == "done"


@pytest.mark.parametrize("pool", ["sources", "decoders", "enhancers", "packagers"])
@pytest.mark.parametrize("paced", [True, False])
def test_a_stream_that_fails_holds_nobody_up_and_keeps_what_was_done(pool, paced):
    world = World({"bad": constant(Fraction(60), 10), "good": constant(Fraction(25), 10)}, broken(pool, "bad", after=5))
    runs = world.run(paced=paced)
    assert late(runs) == []
    assert slots(runs["good"]) == list(range(15))
    assert not runs["good"].failed
    assert runs["bad"].failed
    assert runs["bad"].reason == "stream bad: it broke"
    assert slots(runs["bad"]) == list(range(5))
    assert runs["bad"].shown == sum(map(len, world.files["bad.mkv.part"])) == 200
    assert world.finished == ({"good"} if pool == "packagers" else {"good", "bad"})
    assert stream_result(runs["bad"]).status == "failed"


def test_a_file_that_breaks_off_is_written_as_far_as_it_goes():
    world = World({"bad": constant(Fraction(60), 10, breaks=150), "good": constant(Fraction(25), 10)})
    runs = world.run()
    assert runs["bad"].reason == "stream bad: it breaks off"
    assert (runs["bad"].failed, runs["bad"].shown) == (True, 150)
    assert world.finished == {"good", "bad"}
    assert late(runs) == []


def test_a_stream_whose_packets_come_late_gets_no_anchors_and_holds_nobody_up():
    world = World({"slow": constant(Fraction(60), 10), "good": constant(Fraction(60), 10)}, slow("read", 1.2, "slow"))
    runs = world.run()
    assert [name for name, _ in late(runs)] == ["slow"] * 15
    assert len(runs["good"].anchors) == pytest.approx(45, abs=3)


def test_a_stream_that_stalls_is_waited_for_once():
    """Its source gives nothing for 60 s: the others' rounds are half a slot late once, and on time from then on."""
    world = World(
        {"stalled": constant(Fraction(60), 10), "good": constant(Fraction(60), 10)}, slow("read", 60, "stalled")
    )
    runs = world.run()
    chosen = [
        span.end - epoch.arrived for epoch in runs["good"].epochs for span in epoch.spans if span.stage == "schedule"
    ]
    assert chosen[0] == pytest.approx(float(SLOT) / 2, abs=0.01)
    assert max(chosen[1:]) < 0.01
    assert not any(epoch.late for epoch in runs["good"].epochs)


def test_when_all_come_late_they_still_meet():
    world = World({name: constant(Fraction(60), 10) for name in "abc"}, slow("read", 1.2))
    runs = world.run()
    assert {frozenset(met) for met in world.rounds} == {frozenset("abc")}
    assert runs["a"].anchors or runs["b"].anchors or runs["c"].anchors
