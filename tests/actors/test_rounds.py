"""Rounds, at a host and at the scheduler: who is waited for, and for how long."""

import asyncio

import numpy as np
from jumping import BEGAN, LoopClock, jump

from ns_ray.actors.orders import Roster
from ns_ray.actors.peers import Meeting
from ns_ray.actors.rounds import Rounds
from ns_ray.actors.scheduler import Scheduler
from ns_ray.anchors.offer import Offer
from ns_ray.anchors.policies import Fraction


class Recorder:
    """Gives back what was brought, and remembers who met."""

    def __init__(self) -> None:
        self.met = []

    async def __call__(self, number, brought):
        self.met.append((number, set(brought)))
        await asyncio.sleep(0)
        return brought


def rounds_of(*names, wait=None, first=0):
    share, clock = Recorder(), LoopClock()
    rounds = Rounds(share, clock, None if wait is None else lambda number: clock.now() + wait)
    for name in names:
        rounds.expect(name, first)
    return rounds, share


def join(rounds, number, name):
    return asyncio.ensure_future(rounds.join(number, name, f"{name}{number}"))


def test_a_round_waits_for_all_members():
    async def run():
        rounds, share = rounds_of("a", "b")
        first = join(rounds, 0, "a")
        await asyncio.sleep(100)
        assert not first.done()
        assert await asyncio.gather(first, join(rounds, 0, "b")) == ["a0", "b0"]
        assert share.met == [(0, {"a", "b"})]

    jump(run())


def test_a_member_that_leaves_is_not_waited_for():
    async def run():
        rounds, share = rounds_of("a", "b")
        first = join(rounds, 0, "a")
        await asyncio.sleep(0)
        rounds.leave("b")
        await first
        await join(rounds, 1, "a")
        assert share.met == [(0, {"a"}), (1, {"a"})]
        assert rounds.members == {"a"}

    jump(run())


def test_a_late_member_is_left_behind_once():
    async def run():
        rounds, share = rounds_of("a", "b", wait=0.25)
        assert await join(rounds, 0, "a") == "a0"
        assert asyncio.get_running_loop().time() == BEGAN + 0.25
        assert await join(rounds, 1, "a") == "a1"
        assert asyncio.get_running_loop().time() == BEGAN + 0.25, "it is not waited for again before it has come"
        assert await join(rounds, 0, "b") is None
        assert await asyncio.gather(join(rounds, 2, "a"), join(rounds, 2, "b")) == ["a2", "b2"]
        assert share.met == [(0, {"a"}), (1, {"a"}), (2, {"a", "b"})]

    jump(run())


def test_a_member_in_a_pause_is_not_waited_for_until_it_comes_back():
    async def run():
        rounds, share = rounds_of("a", "b")
        rounds.expect("later", 3)
        first = join(rounds, 0, "a")
        await asyncio.sleep(0)
        rounds.expect("b", 2)
        await first
        await join(rounds, 1, "a")
        second = join(rounds, 2, "a")
        await asyncio.sleep(1)
        assert not second.done()
        await asyncio.gather(second, join(rounds, 2, "b"))
        third = [join(rounds, 3, name) for name in ("a", "b")]
        await asyncio.sleep(1)
        assert not any(one.done() for one in third)
        await asyncio.gather(*third, join(rounds, 3, "later"))
        assert [met for _, met in share.met] == [{"a"}, {"a"}, {"a", "b"}, {"a", "b", "later"}]

    jump(run())


def test_a_round_that_filled_up_is_not_closed_again():
    async def run():
        rounds, share = rounds_of("a", wait=0.01)
        await join(rounds, 0, "a")
        await asyncio.sleep(1)
        assert share.met == [(0, {"a"})]

    jump(run())


def test_what_goes_wrong_is_told_to_all_that_met():
    async def share(number, brought):
        raise ValueError(number)

    async def run():
        rounds = Rounds(share, LoopClock())
        rounds.expect("a", 0)
        rounds.expect("b", 0)
        results = await asyncio.gather(join(rounds, 0, "a"), join(rounds, 0, "b"), return_exceptions=True)
        assert [type(result) for result in results] == [ValueError, ValueError]

    jump(run())


# The scheduler.


def offer(*names, gains=(3.0, 2.0, 1.0), shown=10, credit=0.0):
    n, k = len(names), len(gains)
    return Offer(
        tuple(names),
        np.full(n, k),
        np.full(n * k, 2, np.int8),
        np.tile(np.array(gains), n),
        np.zeros(n, np.int64),
        np.ones(n, np.bool_),
        np.full(n, shown),
        np.full(n, shown),
        np.ones(n),
        np.full(n, credit),
        np.full(n, np.nan),
    )


def meeting(host, number, hosts, version=1, wait=None, run="run"):
    return Meeting(run, number, host, Roster(version, frozenset(hosts)), Fraction(0.1), wait)


def ask(scheduler, *arguments, brings, **more):
    return asyncio.ensure_future(scheduler.choose(meeting(*arguments, **more), brings))


def given(award):
    return award.taken.tolist(), award.credits.tolist()


def test_a_repeated_choose_gets_the_same_award():
    """A host that was started again asks for some of its streams at a time, whoever has ended meanwhile."""

    async def run():
        scheduler = Scheduler(LoopClock())
        for number in range(40):
            one = ask(scheduler, "h0", number, ["h0", "h1"], brings=offer("a", "b", gains=(9.0, 1.0)))
            other = ask(scheduler, "h1", number, ["h0", "h1"], brings=offer("c", credit=0.3))
            first, second = await asyncio.gather(one, other)
        assert given(first) == ([2, 0], first.credits.tolist()) or sum(first.taken) + sum(second.taken) == 3
        again = await ask(scheduler, "h0", 39, ["h0", "h1"], brings=offer("a", "b", gains=(9.0, 1.0)))
        assert given(again) == given(first)
        alone = await ask(scheduler, "h0", 20, ["h0", "h1"], brings=offer("b", gains=(9.0, 1.0)))
        assert given(alone) == (first.taken[1:].tolist(), first.credits[1:].tolist())
        scheduler.leave("run", "h0")
        scheduler.leave("run", "h1")
        after = await ask(scheduler, "h1", 39, [], brings=offer("c", credit=0.3))
        assert given(after) == given(second)

    jump(run())


def test_a_stream_that_begins_again_where_slots_have_no_time_gets_its_anchors():
    """Its file went with a node; what was chosen then is forgotten, or was chosen without it."""

    async def run():
        scheduler = Scheduler(LoopClock())
        for number in range(40):
            first = ask(scheduler, "h0", number, ["h0", "h1"], brings=offer("a"))
            await asyncio.gather(first, ask(scheduler, "h1", number, ["h0", "h1"], brings=offer("b")))
        for number in (0, 39):
            again = await ask(scheduler, "h1", number, ["h1"], version=2, brings=offer("c", "d"))
            assert given(again)[0] == [1, 1]
        both = await ask(scheduler, "h1", 39, ["h1"], version=2, brings=offer("b", "c"))
        assert given(both)[0] == [first.result().taken[0], 1]

    jump(run())


def test_a_host_that_is_late_gets_nothing_and_keeps_its_credit():
    async def run():
        scheduler = Scheduler(LoopClock())
        await ask(scheduler, "h0", 0, ["h0", "h1"], wait=0.2, brings=offer("a"))
        assert asyncio.get_running_loop().time() == BEGAN + 0.2
        late = await ask(scheduler, "h1", 0, ["h0", "h1"], wait=0.2, brings=offer("b", credit=0.4))
        assert given(late) == ([0], [0.4])
        assert asyncio.get_running_loop().time() == BEGAN + 0.2

    jump(run())


def test_a_new_scheduler_goes_on_where_one_died():
    async def run():
        scheduler = Scheduler(LoopClock())
        one = ask(scheduler, "h0", 700, ["h0", "h1"], brings=offer("a"))
        await asyncio.sleep(1)
        assert not one.done(), "it knows from the call whom to wait for"
        await ask(scheduler, "h1", 700, ["h0", "h1"], brings=offer("b"))
        assert (await one).taken.sum() <= 2

    jump(run())


def test_the_newest_roster_counts():
    async def run():
        scheduler = Scheduler(LoopClock())
        one = ask(scheduler, "h0", 0, ["h0", "h1"], version=5, brings=offer("a"))
        await asyncio.sleep(0)
        scheduler.take_roster("run", Roster(4, frozenset({"h0"})))
        await asyncio.sleep(1)
        assert not one.done()
        scheduler.take_roster("run", Roster(6, frozenset({"h0"})))
        await one
        await ask(scheduler, "h0", 1, ["h0", "h1"], version=5, brings=offer("a"))
        scheduler.take_roster("other", Roster(7, frozenset({"h0"})))

    jump(run())


def test_plans_that_have_ended_are_forgotten():
    async def run():
        scheduler = Scheduler(LoopClock())
        for number in range(20):
            await ask(scheduler, "h0", 0, ["h0"], brings=offer("a"), run=f"run{number}")
            scheduler.take_roster(f"run{number}", Roster(2, frozenset()))
        assert len(scheduler._runs) < 10

    jump(run())
