"""A run that is told to stop ends soon, with whole files of what was done by then."""

from fractions import Fraction

import pytest
from simulated import CONFIG, World, constant, slow

from actors.summary import stream_result


def pair(seconds=60, **more):
    return {"a": constant(Fraction(60), seconds, **more), "b": constant(Fraction(25), seconds)}


def whole(world, runs):
    """Every file is finished, and holds exactly what the results say."""
    for name, run in runs.items():
        written = [packet for packets in world.files.get(f"{name}.mkv.part", []) for packet in packets]
        assert written == list(range(run.shown))
        assert len(world.files.get(f"{name}.mkv.part", [])) == len(run.epochs)
        assert all(epoch.dropped == 0 for epoch in run.epochs)
    assert world.finished == {name for name, run in runs.items() if run.epochs}
    return True


@pytest.mark.parametrize("paced", [True, False])
def test_epochs_in_work_are_ended_and_no_more_taken_in(paced):
    world = World(pair(600), slow("enhance", 0.3))
    runs = world.run(paced=paced, stop_after=10.1)
    assert 10.1 <= world.took < 11
    for run in runs.values():
        result = stream_result(run)
        assert (result.status, run.failed) == ("stopped", False)
        assert result.reason == f"stream {run.stream.name}: stopped after {run.shown} frames of {10**9}"
        assert len(run.epochs) == (15 if paced else 59)
    assert whole(world, runs)


def test_what_takes_too_long_is_left_out():
    world = World(pair(), slow("enhance", 10.0, "a"))
    runs = world.run(stop_after=5.0)
    assert world.took == pytest.approx(5.0 + CONFIG.stop_seconds, abs=0.01)
    assert [len(run.epochs) for run in runs.values()] == [0, 7]
    assert all(run.stopped for run in runs.values())
    assert whole(world, runs)
    assert world.finished == {"b"}


def test_the_time_for_it_is_configured():
    world = World(pair(), slow("enhance", 10.0))
    world.run(stop_after=5.0, config=CONFIG.model_copy(update={"stop_seconds": 0.5}))
    assert world.took == pytest.approx(5.5, abs=0.01)


def test_what_is_being_written_is_ended():
    """Five seconds a write: the one under way is waited for, those behind it are left out."""
    world = World(pair(), slow("write", 5.0, ""))
    runs = world.run(paced=False, stop_after=6.0)
    assert world.took == pytest.approx(10.1, abs=0.2)
    assert [len(run.epochs) for run in runs.values()] == [2, 2]
    assert whole(world, runs)


@pytest.mark.parametrize("method", ["read", "decode", "choose"])
def test_whatever_hangs_is_not_waited_for(method):
    world = World(pair(), slow(method, 1e6))
    runs = world.run(paced=False, stop_after=3.0)
    assert world.took <= 5.01
    assert all(run.stopped for run in runs.values())
    assert whole(world, runs)


def test_streams_that_had_ended_are_done():
    world = World({"short": constant(Fraction(60), 4)} | pair())
    runs = world.run(stop_after=9.0)
    assert [stream_result(run).status for run in runs.values()] == ["done", "stopped", "stopped"]
    assert whole(world, runs)


def test_a_stop_as_the_last_epoch_is_written_costs_nothing():
    world = World(pair(4), slow("enhance", 0.5))
    runs = world.run(stop_after=4.2)
    assert [stream_result(run).status for run in runs.values()] == ["done", "done"]
    assert [run.shown for run in runs.values()] == [240, 100]


def test_a_stop_before_the_first_packet():
    world = World(pair())
    runs = world.run(stop_after=0.0)
    assert [(run.stopped, run.shown) for run in runs.values()] == [(True, 0)] * 2
    assert world.finished == set()
    assert stream_result(runs["a"]).output == ""
