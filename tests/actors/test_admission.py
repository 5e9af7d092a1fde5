"""More streams than there is time for: what is refused, what fractions come to, and that nothing piles up."""

import json
from dataclasses import replace
from fractions import Fraction
from io import StringIO

import pytest
from simulated import World, constant, whole

from ns_ray.actors.event_log import EventLog
from ns_ray.actors.orders import Change
from ns_ray.anchors.capacity import FULL
from ns_ray.config.admission import Admission
from ns_ray.report.results import Standing

SECONDS = 0.16
"""An anchor; at 15 frames a second and 7.5 %, a stream asks for 1.125 a second: one enhancer carries five."""
REFUSE, DEGRADE = Admission(mode="refuse"), Admission(mode="degrade", floor=0.02)


def world(count, seconds=14, measured=SECONDS, **more):
    videos = {f"s{i}": constant(15, seconds, gop=40, told_rate=Fraction(15)) for i in range(count)}
    return World(videos, anchor_seconds=SECONDS, measured_seconds=measured, **more)


def anchors_a_second(runs, begin, end):
    """Of all streams together, between these seconds of the run."""
    made = (anchor for run in runs.values() for one in run.epochs.values() for anchor in one.anchors)
    return sum(begin <= anchor.video_index / 15 < end for anchor in made) / (end - begin)


def states(runs):
    return [run.report.state for run in runs.values()]


def dropped(runs, begin=3, end=10**9):
    """Anchors given up, in these slots; in the first ones all streams have KEY frames."""
    epochs = (one.result for run in runs.values() for one in run.epochs.values())
    return sum(one.dropped for one in epochs if begin <= one.epoch < end)


def test_without_a_rule_overload_shows_as_dropped_anchors_and_queues_stay_bounded():
    many = world(8)
    runs = many.run()
    assert states(runs) == ["done"] * 8
    assert dropped(runs) > 20
    assert many.most_waiting <= 8 * many.config.in_flight_epochs
    assert whole(many, many.videos)


def test_streams_beyond_what_was_measured_are_refused_and_others_lose_nothing():
    many = world(8)
    runs = many.run(admission=REFUSE)
    assert states(runs) == ["done"] * 5 + ["refused"] * 3
    reason = runs["s7"].report.reason
    assert reason.startswith("stream s7 is refused: it asks for 1.12 anchors a second, others for 5.62")
    assert dropped(runs) == 0
    assert whole(many, [f"s{i}" for i in range(5)])
    assert not many.file("s7")
    first = many.standings[0]
    assert (first.factor, first.streams, first.refused) == (1, 5, 3)
    assert first.asked <= first.capacity == pytest.approx(FULL / SECONDS)


def test_or_all_get_less_in_proportion():
    many = world(8)
    runs = many.run(admission=DEGRADE)
    assert states(runs) == ["done"] * 8
    assert dropped(runs) == 0
    assert whole(many, many.videos)
    (first, *_) = many.standings
    assert first.factor == 0.62  # 5.625 of 9
    epochs = [one.result for run in runs.values() for one in run.epochs.values()]
    assert {one.factor for one in epochs} == {0.62}
    made = sum(len(one.anchors) for run in runs.values() for one in run.epochs.values())
    assert made == pytest.approx(8 * 15 * 14 * 0.075 * 0.62, rel=0.06)


def test_down_to_the_floor_then_streams_are_refused():
    """5.6 anchors a second: at 2 % of 15 frames, 18 streams."""
    many = world(24, seconds=6)
    runs = many.run(admission=DEGRADE)
    assert states(runs) == ["done"] * 18 + ["refused"] * 6
    assert "(at the floor 0.3)" in runs["s23"].report.reason
    assert "admission.floor" in runs["s23"].report.reason
    assert dropped(runs) == 0


def test_streams_that_leave_make_room():
    async def end_some(world, following):
        await world.until(8)
        await following.halt(["s0", "s1", "s2"])

    many = world(8)
    many.run(admission=DEGRADE, meanwhile=end_some)
    assert [(one.streams, one.factor, one.cause) for one in many.standings][:2] == [
        (8, 0.62, "streams"),
        (5, 1.0, "streams"),
    ]


def test_fractions_follow_enhancers_that_go_and_come():
    async def go_and_come(world, following):
        await world.until(10)
        world.remove_process("enhancer-1")
        await world.until(25)
        world.add_process("enhancer-2")

    patient = world(8, seconds=48, enhancers=2)
    runs = patient.run(admission=DEGRADE, meanwhile=go_and_come)
    assert states(runs) == ["done"] * 8
    assert whole(patient, patient.videos)
    assert patient.standings[0].factor == 1
    assert min(one.factor for one in patient.standings) == 0.62
    assert patient.standings[-1].factor == 1
    assert anchors_a_second(runs, 13, 25) == pytest.approx(0.62 * 9, rel=0.15)
    assert anchors_a_second(runs, 36, 48) == pytest.approx(9, rel=0.1)
    assert {"enhancer-0", "enhancer-2"} == set(patient.placed.values())


def test_what_was_measured_too_well_is_found_out():
    """Anchors take three times what measuring found: more and more of them are given up, until fewer are asked for."""
    many = world(8, seconds=60, measured=SECONDS / 3)
    runs = many.run(admission=DEGRADE)
    assert states(runs) == ["done"] * 8
    assert many.standings[0].factor == 1
    assert {one.cause for one in many.standings} == {"streams", "overload"}
    assert dropped(runs, 3, 20) > 10
    assert dropped(runs, 45) / 45 < dropped(runs, 3, 20) / 17 / 3, "a slot"
    assert many.most_waiting <= 8 * many.config.in_flight_epochs
    assert 0.4 < runs["s0"].epochs[85].result.factor < 0.75


def test_a_manager_that_dies_refuses_no_stream_that_runs_and_knows_again():
    async def kill(world, following):
        await world.until(6)
        world.manager.kill(2.0)
        await world.until(10)
        await following.change("s0", Change(fraction=0.02))

    many = world(8)
    runs = many.run(admission=DEGRADE, meanwhile=kill)
    assert states(runs) == ["done"] * 8
    factors = [one.result.factor for one in runs["s1"].epochs.values()]
    assert factors[0] == 0.62
    assert factors[-1] > 0.62, "another asks for less"


def test_what_happens_is_written_down():
    out = StringIO()
    log = EventLog("manager-0", "streams", out)
    log.refused(7.0, "s1", 3, "there is no room")
    log.fractions(8.0, 4, Standing(8.0, "overload", 0.5, 9.0, 5.0, 2, 1, 0.25))
    refused, lowered = map(json.loads, out.getvalue().splitlines())
    assert (refused["event"], refused["stream"], refused["slot"]) == ("refused", "s1", 3)
    figures = [lowered[name] for name in ("event", "stream", "factor", "cause")]
    assert figures == ["fractions", "*", 0.5, "overload"]


def test_a_method_that_cannot_enhance_a_codec_refuses_its_streams():
    async def add(world, following):
        world.videos["h264"] = world.videos["vp9"]
        order = world.order("h264")
        stream = replace(order.stream, info=replace(order.stream.info, codec="h264"))
        await following.add([replace(order, stream=stream, plan=replace(order.plan, run="anew", method="per-frame"))])

    runs = World({"vp9": constant(30, 4)}).run(meanwhile=add)
    assert [run.report.state for run in runs.values()] == ["done", "refused"]
    assert runs["h264"].report.reason.startswith("stream h264 is refused: H.264 frames are shown in another order")
