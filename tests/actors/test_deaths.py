"""Whoever dies, whenever: no packet is lost, none comes twice, and nobody else notices."""

import asyncio
import random
from functools import cache
from itertools import pairwise

import pytest
from simulated import CONFIG, World, constant, slow, whole

from ns_ray.actors.orders import Change
from ns_ray.anchors.policies import Budget, Fraction

RATES = (5, 10, 15)
STUBBORN = CONFIG.model_copy(update={"retries": 10})
# What a process was about to do when it died is never done.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")


def anchors(run):
    return [anchor for number in sorted(run.epochs) for anchor in run.epochs[number].anchors]


def killer(seed, kinds, every, back=3.0):
    """Kills one process after the other, of all kinds in turn."""

    async def kill(world, following):
        rng = random.Random(seed)
        await asyncio.sleep(rng.uniform(0, every))
        for turn in range(10**6):
            if not following.running:
                return
            rng.choice(world.named(kinds[turn % len(kinds)])).kill(rng.uniform(0.1, back))
            await asyncio.sleep(rng.uniform(0.5, 1.5) * every)

    return kill


@cache
def undisturbed(seed):
    """Five videos, and what becomes of them where nobody dies."""
    rng = random.Random(seed)
    videos = {f"s{i}": constant(rng.choice(RATES), rng.uniform(20, 40), gop=rng.choice([30, 77])) for i in range(5)}
    world = World(videos, hosts=2)
    return world, world.run(paced=False)


@pytest.mark.parametrize(
    "kinds",
    [["host"], ["manager"], ["scheduler", "manager"], ["host", "decoder"], ["decoder", "enhancer"]],
    ids="-".join,
)
@pytest.mark.parametrize("seed", range(3))
def test_as_fast_as_possible_deaths_change_no_byte(kinds, seed):
    calm, expected = undisturbed(seed)
    world = World(calm.videos, slow("enhance", 0.2), STUBBORN, hosts=2, decoders=2, enhancers=2, seed=seed)
    runs = world.run(paced=False, meanwhile=killer(seed, kinds, 0.6, 1.0))
    assert sum(process.deaths for kind in kinds for process in world.named(kind)) >= 3
    for name, run in runs.items():
        assert run.report.state == "done", run.report.reason
        assert world.bytes_of(name) == calm.bytes_of(name), name
        told = sorted(run.epochs)
        assert told == sorted(expected[name].epochs)[: len(told)], name
        assert len(told) >= len(expected[name].epochs) - 6, "a host that dies tells no more of files just finished"
        for number in told:
            assert run.epochs[number].anchors == expected[name].epochs[number].anchors, (name, number)
    assert whole(world, calm.videos)


@pytest.mark.parametrize("seed", range(2))
def test_those_that_die_together_cost_other_anchors_but_no_packet(seed):
    """What the scheduler gave is known to the host and to itself, who has which stream to the manager and the hosts."""
    videos = {f"s{i}": constant(10, 30, gop=30) for i in range(5)}
    world = World(videos, slow("enhance", 0.2), STUBBORN, hosts=2, decoders=2, enhancers=2, seed=seed)
    kinds = ["host", "scheduler", "manager", "decoder", "enhancer"]
    runs = world.run(paced=False, meanwhile=killer(seed, kinds, 0.6, 1.0))
    assert all(run.report.state == "done" for run in runs.values())
    assert whole(world, videos)
    assert sum(len(anchors(run)) for run in runs.values()) == pytest.approx(0.075 * 1500, rel=0.1)


class Churn:
    """Streams join and leave, one every so often."""

    def __init__(self, seed, every, until):
        self._rng = random.Random(seed)
        self._every, self._until = every, until
        self.joined = {}
        self.ended_early = set()

    async def __call__(self, world, following):
        rng, count = self._rng, 0
        while asyncio.get_running_loop().time() - world.plan.began < self._until:
            name = f"c{count}"
            count += 1
            world.videos[name] = constant(rng.choice(RATES), rng.uniform(5, 20), gop=rng.choice([20, 50]))
            order = world.order(name, first=world.next_slot())
            await following.add([order])
            self.joined[name] = order
            if count % 3 == 0 and following.running:
                leaves = rng.choice(following.running)
                if leaves in self.joined:
                    self.ended_early.add(leaves)
                    await following.halt([leaves])
            await asyncio.sleep(self._every)


async def both(*works):
    await asyncio.gather(*works)


def test_five_minutes_of_streams_that_come_and_go_while_all_die_in_turn():
    """Two streams stay all the time. Nothing is lost; the dead cost anchors, of the time until they are back."""
    churn = Churn(1, 2.0, 300)
    kill = killer(1, ["host", "enhancer", "scheduler", "manager"], 6.0)
    videos = {name: constant(15, 300, gop=40) for name in ("stays", "stays too")}
    world = World(dict(videos), hosts=3, decoders=2, enhancers=2)
    runs = world.run(meanwhile=lambda w, f: both(churn(w, f), kill(w, f)), limit=600)
    assert world.took < 330
    assert len(churn.joined) > 80
    assert all(process.deaths for kind in ("host", "enhancer", "scheduler", "manager") for process in world.named(kind))
    assert whole(world, videos)
    for name, run in runs.items():
        packets = world.packets(name)
        assert packets == list(range(len(packets))), name
        if name not in churn.ended_early:
            assert len(packets) == world.videos[name].length, name
            assert run.report.state == "done", (name, run.report.reason)
        assert run.report.state in ("done", "stopped"), (name, run.report.reason)
        if len(packets) > 60:
            assert anchors(run), name
    for name in videos:
        assert len(anchors(runs[name])) > 0.5 * 0.075 * 4500


@pytest.mark.parametrize("kind", ["host", "manager"])
def test_paced_streams_of_other_hosts_notice_nothing(kind):
    """Streams are chosen for apart, so that what others get does not depend on who is there."""

    def run(meanwhile):
        videos = {f"s{i}": constant(15, 30, gop=40) for i in range(4)}
        world = World(videos, hosts=2, decoders=2, enhancers=2)
        runs = world.run(policy=Fraction(0.075, "stream"), meanwhile=meanwhile)
        assert whole(world, videos)
        return world, runs

    async def kill(world, following):
        await world.until(10.3)
        process = world.named(kind)[0]
        hosted.update(process.thing._sessions if kind == "host" else ())
        process.kill()

    hosted = set()
    calm, _ = run(None)
    world, runs = run(kill)
    others = runs.keys() - hosted
    assert len(others) == (2 if kind == "host" else 4)
    for name in others:
        assert world.bytes_of(name) == calm.bytes_of(name)
        assert not any(one.result.late for one in runs[name].epochs.values())


@pytest.mark.parametrize("policy", [Fraction(0.075), Budget(2, 20)])
def test_while_the_scheduler_is_away_hosts_choose_by_themselves(policy):
    async def kill(world, following):
        await world.until(10.1)
        world.named("scheduler")[0].kill(8.0)

    videos = {f"s{i}": constant(15, 30, gop=40) for i in range(5)}
    world = World(videos, hosts=2, decoders=2, enhancers=2)
    runs = world.run(policy=policy, meanwhile=kill)
    assert whole(world, videos)
    slots = {}
    for run in runs.values():
        assert not any(one.result.late for one in run.epochs.values())
        for number, one in run.epochs.items():
            slots[number] = slots.get(number, 0) + len(one.anchors)
    usual = sum(slots[number] for number in range(14)) / 14
    away = [slots[number] for number in range(16, 26)]
    assert 0.7 * usual < sum(away) / len(away) < 1.3 * usual
    if isinstance(policy, Budget):
        assert max(away) <= max(slots[number] for number in range(14))


@pytest.mark.parametrize("seed", range(3))
def test_while_a_host_is_away_the_others_wait_a_quarter_of_a_slot_once(seed):
    async def kill(world, following):
        await world.until(10.0 + 0.2 * seed)
        process = world.named("host")[0]
        hosted.update(process.thing._sessions)
        process.kill(4.0)

    hosted = set()
    world = World({f"s{i}": constant(15, 30, gop=40) for i in range(4)}, hosts=2, decoders=2)
    runs = world.run(meanwhile=kill)
    assert whole(world, world.videos)
    for name in runs.keys() - hosted:
        waited = [
            span.end - one.result.arrived
            for one in runs[name].epochs.values()
            for span in one.result.spans
            if span.stage == "schedule"
        ]
        assert sum(seconds > 0.05 for seconds in waited) <= 3
        assert max(waited) < 0.2
        assert not any(one.result.late for one in runs[name].epochs.values())
        assert len(anchors(runs[name])) >= 0.8 * 0.075 * 450
    for name in hosted:
        got = {anchor.video_index // 10 for anchor in anchors(runs[name])}
        assert max(got) >= 40, "it has anchors again"


def lacking(run, ends):
    """The longest time that a stream had no anchors, in seconds."""
    slot = float(CONFIG.slot)
    slots = [-1, *(number for number, one in sorted(run.epochs.items()) if one.anchors), round(ends / slot)]
    return max(later - sooner - 1 for sooner, later in pairwise(slots)) * slot


@pytest.mark.parametrize("kind", ["host", "decoder", "enhancer"])
def test_streams_of_the_dead_go_to_others_within_two_seconds_and_come_home(kind):
    """One of two is away for 12 s, which all hear a second later."""

    def hosted():
        return [{*process.thing._sessions} for process in world.named("host")]

    async def kill(world, following):
        await world.until(10.1)
        before["host"], before["enhancer"] = hosted(), dict(world.placed)
        world.named(kind)[0].kill(12.0)
        await world.until(18)
        away["host"], away["enhancer"] = hosted(), dict(world.placed)
        await world.until(30)
        after["host"], after["enhancer"] = hosted(), dict(world.placed)

    before, away, after = {}, {}, {}
    videos = {f"s{i}": constant(15, 40, gop=40) for i in range(4)}
    world = World(videos, hosts=2, decoders=2, enhancers=2)
    runs = world.run(policy=Fraction(0.2, "stream"), meanwhile=kill)
    assert whole(world, videos)
    assert max(lacking(run, 40) for run in runs.values()) <= 2.0
    if kind == "host":
        assert [len(its) for its in before["host"]] == [2, 2]
        assert away["host"][1] == {*videos}
    if kind == "enhancer":
        assert {*away["enhancer"].values()} == {"enhancer-1"}
    assert after == before


def test_a_stream_that_came_home_is_as_it_would_have_been():
    """As fast as possible, where nothing is dropped: hosts die, streams wander, and no byte is another."""
    videos = {f"s{i}": constant(15, 60, gop=40) for i in range(4)}
    calm = World(videos, hosts=2)
    world = World(videos, slow("enhance", 0.2), hosts=2)

    async def kill(world, following):
        for number in (0, 1, 0):
            await asyncio.sleep(4)
            world.named("host")[number].kill(2.0)

    calm.run(paced=False)
    runs = world.run(paced=False, meanwhile=kill)
    assert sum(process.deaths for process in world.named("host")) == 3 + len(world.named("host"))  # all, in the end
    assert all(run.report.state == "done" for run in runs.values())
    assert all(world.bytes_of(name) == calm.bytes_of(name) for name in videos)
    assert whole(world, videos)


@pytest.mark.parametrize("paced", [True, False])
def test_a_host_that_is_removed_hands_its_streams_on(paced):
    async def remove(world, following):
        await asyncio.sleep(10 if paced else 0.5)
        world.remove_process("host-0")

    videos = {f"s{i}": constant(15, 40, gop=40) for i in range(4)}
    world = World(videos, hosts=2, decoders=2)
    runs = world.run(paced=paced, meanwhile=remove, limit=100)
    assert whole(world, videos)
    for run in runs.values():
        assert run.report.state == "done"
        assert max(anchor.video_index for anchor in anchors(run)) > 500


@pytest.mark.parametrize("paced", [True, False])
def test_an_enhancer_that_is_removed_hands_its_streams_on(paced):
    async def remove(world, following):
        await asyncio.sleep(10 if paced else 0.5)
        world.remove_process("enhancer-0")

    videos = {f"s{i}": constant(15, 40, gop=40) for i in range(4)}
    world = World(videos, enhancers=2)
    runs = world.run(paced=paced, meanwhile=remove, limit=100)
    assert whole(world, videos)
    for run in runs.values():
        assert run.report.state == "done"
        assert max(anchor.video_index for anchor in anchors(run)) > 500
        assert run.report.totals.late <= 3


def test_a_stream_whose_weights_are_gone_when_its_enhancer_goes_fails_alone():
    async def remove(world, following):
        await world.until(5)
        world.bad_weights.add("gone.pt")
        world.remove_process("enhancer-0")
        await world.until(12)
        world.remove_process("host-0")

    videos = {f"s{i}": constant(15, 20, gop=40) for i in range(4)}
    world = World(videos, hosts=2, enhancers=2, weights={"s0": "gone.pt"})
    runs = world.run(meanwhile=remove, limit=60)
    assert [run.report.state for run in runs.values()] == ["failed", "done", "done", "done"]
    assert "gone.pt" in runs["s0"].report.reason
    assert whole(world, ["s1", "s2", "s3"])


def test_frames_that_went_with_their_node_are_decoded_again():
    videos = {f"s{i}": constant(15, 40, gop=40) for i in range(3)}
    calm, world = World(videos), World(videos, loses=0.2)
    calm.run(paced=False)
    world.run(paced=False)
    assert world.calls["decode"] > calm.calls["decode"]
    assert all(world.bytes_of(name) == calm.bytes_of(name) for name in videos)


def test_what_a_host_tells_is_bounded_and_a_client_keeps_the_latest():
    config = CONFIG.model_copy(update={"kept_epochs": 10})
    world = World({"a": constant(15, 30), "b": constant(15, 30)}, config=config)

    async def kill(world, following):
        await world.until(15)
        world.processes["host-0"].kill(1.0)

    runs = world.run(meanwhile=kill)
    for run in runs.values():
        assert sorted(run.epochs) == list(range(35, 45))
        assert run.report.totals.epochs == 45
        assert run.report.totals.shown == 450


def test_streams_are_changed_while_they_run_and_stay_so_whoever_dies():
    async def change(world, following):
        await world.until(10.0)
        await following.change("a", Change(weights="new.pt", fraction=0.2))
        await following.change("b", Change(priority=1000.0))
        await world.until(20.0)
        world.processes["host-0"].kill(1.0)
        world.manager.kill(1.0)

    videos = {name: constant(60, 40) for name in "abcd"}
    world = World(videos, weights={"a": "old.pt"})
    runs = world.run(meanwhile=change)
    for written in world.file("a"):
        first = int(written.packets[0].rstrip(b"\0")) / 60
        by = {data.rpartition(b" ")[2] for data in written.anchors}
        assert by <= ({b"old.pt"} if first < 9 else {b"new.pt"} if first > 10.7 else {b"old.pt", b"new.pt"})

    def share(name, begin, end):
        return sum(begin <= anchor.video_index / 60 < end for anchor in anchors(runs[name])) / 60 / (end - begin)

    assert share("a", 0, 9) < 0.12
    for begin, end in ((11, 19), (26, 40)):
        assert share("a", begin, end) == pytest.approx(0.2, abs=0.01)
        assert share("b", begin, end) > 2 * max(share("c", begin, end), share("d", begin, end))
    assert whole(world, videos)


def test_streams_go_to_the_faster_enhancer_by_its_speed():
    videos = {f"s{i}": constant(15, 4) for i in range(9)}
    world = World(videos, enhancers=2, enhancer_ms=(1.0, 2.0))
    world.run()
    assert sorted(world.placed.values()) == ["enhancer-0"] * 6 + ["enhancer-1"] * 3


@pytest.mark.parametrize("paced", [True, False])
def test_what_goes_with_a_hosts_disk_is_made_again_and_told(paced):
    async def remove(world, following):
        await asyncio.sleep(10 if paced else 0.5)
        gone.update(world.processes["host-0"].thing._sessions)
        world.remove_process("host-0")
        for name in gone:
            world.files.pop(f"{name}.mkv.part")

    gone = set()
    videos = {f"s{i}": constant(15, 40, gop=40) for i in range(4)}
    world = World(videos, hosts=2, decoders=2, enhancers=2)
    runs = world.run(paced=paced, meanwhile=remove, limit=200)
    assert whole(world, videos)
    assert len(gone) == 2
    undisturbed = World(videos, hosts=2, decoders=2, enhancers=2).run(paced=paced, limit=200)
    for name, run in runs.items():
        assert run.report.totals.shown == 600
        assert len(run.losses) == (name in gone)
        assert all("made again" in loss for loss in run.losses)
        assert anchors(run)
        if not paced:
            assert len(anchors(run)) == pytest.approx(len(anchors(undisturbed[name])), rel=0.1)


def test_a_finished_file_that_goes_with_its_node_is_made_again():
    async def remove(world, following):
        await world.until(12)
        assert following.streams["a"].report.state == "done"
        world.remove_process(
            next(name for name in ("host-0", "host-1") if "a" in world.processes[name].thing._sessions)
        )
        del world.finished["a"]
        following.begin_again("a")

    videos = {"a": constant(15, 5), "b": constant(15, 40)}
    world = World(videos, hosts=2)
    runs = world.run(meanwhile=remove, limit=100)
    assert whole(world, videos)
    assert [run.report.state for run in runs.values()] == ["done", "done"]
    assert "75 frames that had been written went with a node" in runs["a"].losses[0]
    assert not runs["b"].losses


def test_a_stream_that_is_released_is_not_made_again_when_its_host_goes():
    async def remove(world, following):
        await world.until(12)
        await following.let_go("a")
        world.remove_process(next(name for name in ("host-0", "host-1") if name in world.processes))
        del world.finished["a"]

    world = World({"a": constant(15, 5), "b": constant(15, 40)}, hosts=2)
    runs = world.run(meanwhile=remove, limit=100)
    assert "a" not in world.finished
    assert whole(world, ["b"])
    assert runs["a"].report.totals.shown == 75
