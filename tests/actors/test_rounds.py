import asyncio

from actors.clock import WallClock
from actors.rounds import Rounds
from ns_ray.anchors.epoch import Choice, StreamEpoch, StreamState
from ns_ray.results import Span

SPAN = Span("schedule", 0.0, 0.0)


class Recorder:
    """Chooses nothing, and remembers who met."""

    def __init__(self) -> None:
        self.met: list[tuple[set[str], bool]] = []

    async def __call__(self, epochs, in_time):
        self.met.append(({epoch.stream for epoch in epochs}, in_time))
        await asyncio.sleep(0)
        return {epoch.stream: Choice((), (), StreamState()) for epoch in epochs}, SPAN


def join(rounds, number, name):
    return asyncio.ensure_future(rounds.join(number, StreamEpoch(name, [])))


def test_a_round_waits_for_all_members():
    async def run():
        choose = Recorder()
        rounds = Rounds({"a": 0, "b": 0}, choose, WallClock())
        first = join(rounds, 0, "a")
        await asyncio.sleep(0.05)
        assert not first.done()
        assert not choose.met
        results = await asyncio.gather(first, join(rounds, 0, "b"))
        assert choose.met == [({"a", "b"}, True)]
        assert all(in_time for _, _, in_time in results)

    asyncio.run(run())


def test_a_stream_that_leaves_is_not_waited_for():
    async def run():
        choose = Recorder()
        rounds = Rounds({"a": 0, "b": 0}, choose, WallClock())
        first = join(rounds, 0, "a")
        await asyncio.sleep(0)
        rounds.leave("b")
        await first
        await join(rounds, 1, "a")
        assert choose.met == [({"a"}, True), ({"a"}, True)]

    asyncio.run(run())


def test_a_late_stream_is_left_behind_and_gets_no_anchors():
    async def run():
        choose = Recorder()
        clock = WallClock()
        rounds = Rounds({"a": 0, "b": 0}, choose, clock, lambda number: clock.now() + 0.02)
        _, _, in_time = await join(rounds, 0, "a")
        assert in_time
        _, _, in_time = await join(rounds, 0, "b")
        assert not in_time
        assert choose.met == [({"a"}, True), ({"b"}, False)]
        both = await asyncio.gather(join(rounds, 1, "a"), join(rounds, 1, "b"))
        assert all(in_time for _, _, in_time in both)

    asyncio.run(run())


def test_a_stream_in_a_pause_is_not_waited_for_until_it_comes_back():
    async def run():
        choose = Recorder()
        rounds = Rounds({"a": 0, "b": 0, "later": 3}, choose, WallClock())
        first = join(rounds, 0, "a")
        await asyncio.sleep(0)
        rounds.expect("b", 2)
        await first
        await join(rounds, 1, "a")
        second = join(rounds, 2, "a")
        await asyncio.sleep(0.01)
        assert not second.done()
        await asyncio.gather(second, join(rounds, 2, "b"))
        third = [join(rounds, 3, name) for name in ("a", "b")]
        await asyncio.sleep(0.01)
        assert not any(one.done() for one in third)
        await asyncio.gather(*third, join(rounds, 3, "later"))
        assert [met for met, _ in choose.met] == [{"a"}, {"a"}, {"a", "b"}, {"a", "b", "later"}]

    asyncio.run(run())


def test_a_round_that_filled_up_is_not_closed_again():
    async def run():
        choose = Recorder()
        clock = WallClock()
        rounds = Rounds({"a": 0}, choose, clock, lambda number: clock.now() + 0.01)
        await join(rounds, 0, "a")
        await asyncio.sleep(0.03)
        assert choose.met == [({"a"}, True)]

    asyncio.run(run())
