"""A run that is told to stop ends soon, with whole files of what was done by then."""

import pytest
from simulated import CONFIG, World, constant, slow

from ns_ray.actors.summary import stream_result

# What a process was about to do when it died is never done.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
HOSTS = pytest.mark.parametrize("hosts", [1, 2])
LOOK = 0.3  # a client looks four times a second


def pair(seconds=60, **more):
    return {"a": constant(60, seconds, **more), "b": constant(25, seconds)}


def written_right(world, runs):
    """Every file is finished, and holds exactly what the results say."""
    for name, run in runs.items():
        assert world.packets(name) == list(range(run.report.totals.shown))
        assert len(world.file(name)) == len(run.epochs) == run.report.totals.epochs
        assert all(one.note is not None for one in world.file(name))
        assert run.report.totals.dropped == 0
    assert world.finished.keys() == {name for name, run in runs.items() if run.epochs}
    return True


def states(runs):
    return [run.report.state for run in runs.values()]


@HOSTS
@pytest.mark.parametrize("paced", [True, False])
def test_epochs_in_work_are_ended_and_no_more_taken_in(paced, hosts):
    world = World(pair(60 if paced else 600), slow("enhance", 0.3), hosts=hosts)
    runs = world.run(paced=paced, stop_after=10.1)
    assert 10.1 <= world.took < 11 + LOOK
    for run in runs.values():
        result = stream_result(run)
        assert result.status == "stopped"
        shown = run.report.totals.shown
        assert result.reason == f"stream {run.order.stream.name}: stopped after {shown} frames of {10**9}"
        assert len(run.epochs) == 15 if paced else len(run.epochs) > 40
    assert written_right(world, runs)


def test_what_takes_too_long_is_left_out():
    world = World(pair(), slow("enhance", 10.0, "a"), enhancers=2)
    runs = world.run(stop_after=5.0)
    assert world.took == pytest.approx(5.0 + CONFIG.stop_seconds, abs=LOOK)
    assert [len(run.epochs) for run in runs.values()] == [0, 7]
    assert states(runs) == ["stopped", "stopped"]
    assert written_right(world, runs)
    assert world.finished.keys() == {"b"}


def test_the_time_for_it_is_configured():
    world = World(pair(), slow("enhance", 10.0), config=CONFIG.model_copy(update={"stop_seconds": 0.5}))
    world.run(stop_after=5.0)
    assert world.took == pytest.approx(5.5, abs=LOOK)


def test_what_is_being_written_is_ended():
    """Five seconds a write: the one under way is waited for, those behind it are left out."""
    world = World(pair(), slow("write", 5.0))
    runs = world.run(paced=False, stop_after=6.0)
    assert world.took == pytest.approx(10.1, abs=LOOK)
    assert [len(run.epochs) for run in runs.values()] == [2, 2]
    assert written_right(world, runs)


@pytest.mark.parametrize("what", ["notes", "read", "decode", "choose"])
def test_whatever_hangs_is_not_waited_for(what):
    world = World(pair(), slow(what, 1e6))
    runs = world.run(paced=False, stop_after=3.0)
    assert world.took <= 5 + LOOK
    assert states(runs) == ["stopped", "stopped"]
    assert written_right(world, runs)


def test_streams_that_had_ended_are_done():
    world = World({"short": constant(60, 4)} | pair())
    runs = world.run(stop_after=9.0)
    assert states(runs) == ["done", "stopped", "stopped"]
    assert written_right(world, runs)


def test_a_stop_as_the_last_epoch_is_written_costs_nothing():
    world = World(pair(4), slow("enhance", 0.5))
    runs = world.run(stop_after=4.2)
    assert states(runs) == ["done", "done"]
    assert [run.report.totals.shown for run in runs.values()] == [240, 100]


def test_a_stop_before_the_first_packet():
    world = World(pair())
    runs = world.run(stop_after=0.0)
    assert [(run.report.state, run.report.totals.shown) for run in runs.values()] == [("stopped", 0)] * 2
    assert not world.finished
    assert stream_result(runs["a"]).output == ""


def test_one_stream_is_ended_and_the_others_go_on():
    async def meanwhile(world, following):
        await world.until(10)
        await following.halt(["a"])

    world = World(pair(30))
    runs = world.run(meanwhile=meanwhile)
    assert states(runs) == ["stopped", "done"]
    assert len(runs["b"].epochs) == 45
    assert not any(one.result.late for one in runs["b"].epochs.values())
    assert written_right(world, runs)


@pytest.mark.parametrize("paced", [True, False])
@pytest.mark.parametrize("when", [0.0, 1.0, 2.5, 4.0])
def test_a_stop_holds_whoever_dies(paced, when):
    """The host dies as it is told to stop, or just before or after; what is started again knows of the stop."""

    async def meanwhile(world, following):
        await world.until(10 + when)
        world.processes["host-0"].kill()
        await world.until(10.5 + when)
        world.manager.kill()

    world = World(pair(200), slow("enhance", 0.3))
    runs = world.run(paced=paced, stop_after=12.0, meanwhile=meanwhile, limit=60)
    assert states(runs) == ["stopped", "stopped"]
    for name in runs:
        assert world.packets(name) == list(range(len(world.packets(name))))
        assert name in world.finished
