"""Epochs are slots of time: streams of all kinds meet in the same rounds, whatever their frame rates and hosts."""

import random
from fractions import Fraction
from itertools import pairwise

import pytest
from simulated import CONFIG, Video, World, broken, constant, slow, whole

from ns_ray.actors.summary import stream_result
from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.policies import Fraction as Share
from ns_ray.config.config import Config

RATES = {"s60": Fraction(60), "s59.94": Fraction(60_000, 1001), "s50": Fraction(50), "s25": Fraction(25)}
SLOT = Fraction(2, 3)
MS = Fraction(1, 1000)
HOSTS = pytest.mark.parametrize("hosts", [1, 3])


def results(run):
    return [run.epochs[number].result for number in sorted(run.epochs)]


def anchors(run):
    return [anchor for number in sorted(run.epochs) for anchor in run.epochs[number].anchors]


def late(runs):
    return [(name, epoch.epoch) for name, run in runs.items() for epoch in results(run) if epoch.late]


def slots(run):
    return [epoch.epoch for epoch in results(run)]


def shown(run):
    return run.report.totals.shown


def offered(world):
    """Who was chosen for, slot by slot."""
    return [names for _, names in sorted(world.offered.items())]


@HOSTS
@pytest.mark.parametrize("policy", [Share(0.075), Share(0.075, "stream"), Uniform(0.075)], ids=repr)
def test_a_minute_of_60_59_94_50_and_25_frames_a_second(policy, hosts):
    world = World({name: constant(rate, 60) for name, rate in RATES.items()}, hosts=hosts)
    runs = world.run(policy=policy)
    assert late(runs) == []
    assert whole(world, RATES)
    for name, run in runs.items():
        assert not run.report.reason
        assert slots(run) == list(range(90))
        assert shown(run) == len(world.videos[name].times)
        assert run.report.totals.seconds == pytest.approx(60, abs=0.05)
        parts = [sum(part <= a.video_index / RATES[name] / 30 < part + 1 for a in anchors(run)) for part in range(2)]
        assert parts == pytest.approx([0.075 * 30 * float(RATES[name])] * 2, rel=0.15), "all the way, not at first"
        assert len(anchors(run)) == sum(run.report.totals.anchors.values())
    each = 0 if policy == Share(0.075) else 1
    total = sum(len(anchors(run)) for run in runs.values())
    assert abs(total - 0.075 * sum(map(shown, runs.values()))) <= 1 + 4 * each
    if each:
        assert all(abs(len(anchors(run)) - 0.075 * shown(run)) <= 1 for run in runs.values())
        assert not world.offered, "nobody need be asked"
    else:
        assert offered(world) == [set(RATES)] * 90, "all meet in every round"
    assert world.took == pytest.approx(60, abs=1)


@pytest.mark.parametrize("seed", range(3))
def test_the_number_of_hosts_changes_no_byte(seed):
    """As fast as possible, streams that come late, pause, and end at any time."""
    rng = random.Random(seed)
    videos = {
        f"s{i}": constant(
            rng.choice([Fraction(60), Fraction(25)]),
            rng.uniform(2, 12),
            gop=rng.choice([30, 77]),
            first=rng.choice([0, 3]),
        )
        for i in range(5)
    }
    times = constant(25, 8).times
    videos["pause"] = Video([t if t < 3 else t + 2 for t in times], tells=True)

    def outputs(**processes):
        world = World(videos, **processes)
        runs = world.run(paced=False)
        assert whole(world, videos)
        return {name: (world.bytes_of(name), anchors(run), slots(run)) for name, run in runs.items()}

    expected = outputs()
    assert any(data.endswith(b" by None") for data in expected["pause"][0])
    assert outputs(hosts=2, seed=1) == expected
    assert outputs(hosts=6, decoders=3, enhancers=2, seed=2) == expected


def test_slots_hold_40_frames_at_60_whatever_the_ticks():
    """Times rounded to ms: frame 80 is at 1333 ms, before the end of slot 1 at 1333.3, but begins slot 2."""
    world = World({"ms": constant(60, 20, base=MS), "exact": constant(60, 20)})
    world.run(paced=False)
    assert whole(world, world.videos)
    for name in world.videos:
        assert [len(written.packets) for written in world.file(name)] == [40] * 30


def test_slots_are_what_the_configuration_says():
    assert Config(epoch_seconds=0.6667).slot == Config().slot == SLOT
    assert [Config(epoch_seconds=s).slot for s in (0.5, 0.333, 0.3333, 1, 0.001)] == [
        *(Fraction(1, 2), Fraction(333, 1000), Fraction(1, 3), Fraction(1), Fraction(1, 1000))
    ]
    with pytest.raises(ValueError, match="epoch_seconds"):
        Config(epoch_seconds=0.0009)


@HOSTS
@pytest.mark.parametrize("paced", [True, False])
def test_a_paced_epoch_arrives_with_the_end_of_its_slot_and_is_due_a_slot_later(paced, hosts):
    world = World({"a": constant(60, 3), "b": constant(25, 3)}, hosts=hosts)
    for run in world.run(paced=paced).values():
        assert sum(epoch.seconds for epoch in results(run)) == pytest.approx(3, abs=1e-3)
        if not paced:
            assert [epoch.deadline for epoch in results(run)] == [None] * 5
            continue
        ends = [min((n + 1) * 2 / 3, 3) for n in range(5)]
        assert [epoch.arrived - world.plan.began for epoch in results(run)] == pytest.approx(ends, abs=1e-3)
        dues = [(n + 2) * 2 / 3 + (0.1 if n == 4 else 0) for n in range(5)]
        assert [epoch.deadline - world.plan.began for epoch in results(run)] == pytest.approx(dues)


@HOSTS
@pytest.mark.parametrize("paced", [True, False])
@pytest.mark.parametrize("tells", [True, False])
def test_a_pause_holds_nobody_up(paced, tells, hosts):
    """A stream that shows nothing for 20 s: its slots are left out, the other goes on."""
    times = [t if t < 4 else t + 20 for t in constant(25, 8).times]
    world = World({"pause": Video(times, tells=tells), "other": constant(60, 30)}, hosts=hosts)
    runs = world.run(paced=paced)
    assert late(runs) == []
    assert slots(runs["pause"]) == [*range(6), *range(36, 42)]
    assert slots(runs["other"]) == list(range(45))
    assert runs["pause"].report.totals.seconds == pytest.approx(28, abs=0.05)
    assert stream_result(runs["pause"]).lr_kbps == pytest.approx(200 * 100 * 8 / 1000 / 28, rel=0.01)
    for name, run in runs.items():
        assert len(anchors(run)) == pytest.approx(0.075 * shown(run), rel=0.2), name
    assert offered(world) == [{"pause", "other"}] * 6 + [{"other"}] * 30 + [{"pause", "other"}] * 6 + [{"other"}] * 3
    assert world.reads["pause"] == 12 + (0 if tells else 30)
    assert world.reads["other"] == 45


def test_a_pause_of_a_year_costs_a_read_where_the_next_time_is_known():
    world = World({"year": Video([Fraction(0), Fraction(1), Fraction(3 * 10**7)], tells=True)})
    run = world.run(paced=False)["year"]
    assert shown(run) == 3
    assert slots(run) == [0, 1, 45_000_000]
    assert world.reads["year"] == 3


@HOSTS
@pytest.mark.parametrize("paced", [True, False])
def test_a_stream_that_joins_later_counts_slots_as_the_others(paced, hosts):
    world = World({"early": constant(60, 20), "later": constant(25, 10, first=9)}, hosts=hosts)
    runs = world.run(paced=paced)
    assert late(runs) == []
    assert slots(runs["later"]) == list(range(9, 24))
    assert offered(world) == [{"early"}] * 9 + [{"early", "later"}] * 15 + [{"early"}] * 6
    assert runs["later"].report.totals.seconds == pytest.approx(10, abs=0.05)
    if paced:
        assert results(runs["later"])[0].arrived - world.plan.began == pytest.approx(20 / 3)


@HOSTS
def test_a_variable_rate(hosts):
    """A screen recording: from 1 to 1000 frames a second, some slots empty, one with more than is taken at once."""
    rng = random.Random(4)
    times, now = [], Fraction(0)
    while now < 60:
        times.append(now)
        now += rng.choice([Fraction(1, 60)] * 20 + [Fraction(1, 1000)] * 20 + [Fraction(1)])
    times += [60 + Fraction(i, 5000) for i in range(2500)] + [Fraction(61) + i for i in range(9)]
    world = World({"variable": Video(times), "steady": constant(60, 70)}, hosts=hosts)
    runs = world.run()
    assert late(runs) == []
    assert whole(world, world.videos)
    assert runs["variable"].report.totals.seconds == pytest.approx(70)
    assert max(len(written.packets) for written in world.file("variable")) == 1000
    assert all(one < other for one, other in pairwise(slots(runs["variable"])))
    total = sum(len(anchors(run)) for run in runs.values())
    assert total == pytest.approx(0.075 * sum(map(shown, runs.values())), abs=1)
    assert len(anchors(runs["steady"])) == pytest.approx(0.075 * 4200, rel=0.15)


@HOSTS
def test_a_stream_that_ends_early_or_in_mid_slot_leaves_the_others_alone(hosts):
    world = World({"short": constant(60, 5), "long": constant(25, 20)}, hosts=hosts)
    runs = world.run()
    assert late(runs) == []
    assert offered(world) == [{"short", "long"}] * 8 + [{"long"}] * 22
    assert whole(world, world.videos)


def test_frames_are_counted_as_asked_for():
    runs = World({"a": constant(60, 30), "b": constant(25, 30)}).run(paced=False, frames=100)
    assert [shown(run) for run in runs.values()] == [100, 100]
    assert [run.report.totals.seconds for run in runs.values()] == pytest.approx([100 / 60, 4], abs=1e-3)


def test_packets_of_other_tracks_go_into_the_file_in_a_pause_too():
    times = [t if t < 2 else t + 4 for t in constant(25, 4).times]
    world = World({"audio": Video(times, sides=3)})
    run = world.run(paced=False)["audio"]
    assert [len(written.packets) for written in world.file("audio")].count(0) == 6
    assert [len(written.sides) for written in world.file("audio")] == [3] * 12
    assert slots(run) == [0, 1, 2, 9, 10, 11]


def test_notes_are_kept_once():
    run = World({"odd": constant(25, 4, notes=("its times go back", "its times go back"))}).run()["odd"]
    result = stream_result(run)
    assert result.notes == ["a note of its probe", "its times go back"]
    assert result.status == "done"


@HOSTS
@pytest.mark.parametrize("what", ["read", "decode", "enhance", "write"])
@pytest.mark.parametrize("paced", [True, False])
def test_a_stream_that_fails_holds_nobody_up_and_keeps_what_was_done(what, paced, hosts):
    world = World({"bad": constant(60, 10), "good": constant(25, 10)}, broken(what, "bad", after=5), hosts=hosts)
    runs = world.run(paced=paced)
    assert late(runs) == []
    assert whole(world, ["good"])
    assert slots(runs["good"]) == list(range(15))
    assert runs["good"].report.state == "done"
    bad = runs["bad"].report
    assert (bad.state, bad.reason) == ("failed", "stream bad: it broke")
    assert slots(runs["bad"]) == list(range(5))
    assert bad.totals.shown == 200
    assert world.finished.keys() == {"good", "bad"}
    assert world.packets("bad")[:200] == list(range(200))
    assert stream_result(runs["bad"]).status == "failed"


def test_a_file_that_breaks_off_is_written_as_far_as_it_goes():
    world = World({"bad": constant(60, 10, breaks=150), "good": constant(25, 10)})
    runs = world.run()
    assert runs["bad"].report.reason == "stream bad: it breaks off"
    assert (runs["bad"].report.state, shown(runs["bad"])) == ("failed", 150)
    assert whole(world, world.videos)
    assert late(runs) == []


@HOSTS
def test_a_stream_whose_packets_come_late_gets_no_anchors_and_holds_nobody_up(hosts):
    world = World({"slow": constant(60, 10), "good": constant(60, 10)}, slow("read", 1.2, "slow"), hosts=hosts)
    runs = world.run()
    assert [name for name, _ in late(runs)] == ["slow"] * 15
    assert not anchors(runs["slow"])
    assert len(anchors(runs["good"])) == pytest.approx(45, abs=3)
    assert whole(world, world.videos)


@HOSTS
def test_a_stream_that_stalls_is_waited_for_once(hosts):
    """Its source gives nothing for 12 s: the others' rounds are late once, and on time from then on."""
    world = World({"stalled": constant(60, 10), "good": constant(60, 10)}, slow("read", 12, "stalled"), hosts=hosts)
    runs = world.run()
    chosen = [
        one.end - epoch.arrived for epoch in results(runs["good"]) for one in epoch.spans if one.stage == "schedule"
    ]
    assert chosen[0] == pytest.approx(float(SLOT) / 4, abs=0.01)
    assert max(chosen[1:]) < 0.01
    assert not any(epoch.late for epoch in results(runs["good"]))


@HOSTS
def test_when_all_come_late_they_still_meet(hosts):
    world = World({name: constant(60, 10) for name in "abc"}, slow("read", 1.2), hosts=hosts)
    runs = world.run()
    assert {frozenset(met) for met in offered(world)} == {frozenset("abc")}
    assert any(anchors(run) for run in runs.values())


def test_an_epoch_that_comes_too_late_for_the_ones_before_it_has_its_anchors_dropped():
    """Enhancing takes three slots: of a paced stream, two epochs are in work and the others go without anchors."""
    world = World({"a": constant(60, 20)}, slow("enhance", 2.0))
    run = world.run()["a"]
    assert run.report.totals.dropped > 0
    assert len(anchors(run)) + run.report.totals.dropped == pytest.approx(90, abs=1)
    assert whole(world, "a")
    unpaced = World({"a": constant(60, 20)}, slow("enhance", 2.0), config=CONFIG)
    run = unpaced.run(paced=False)["a"]
    assert (run.report.totals.dropped, late({"a": run})) == (0, [])


def test_anchors_that_were_begun_in_time_and_done_late_are_told_as_late():
    """Enhancing takes a little more than the slot that there is for it."""
    run = World({"a": constant(60, 8)}, slow("enhance", 0.8)).run()["a"]
    with_anchors = [one.result for one in run.epochs.values() if one.anchors]
    assert run.report.totals.dropped == 0
    assert len(with_anchors) == 12
    assert all(one.late for one in with_anchors)
