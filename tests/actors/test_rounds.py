import asyncio

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
        rounds = Rounds(["a", "b"], choose, None)
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
        rounds = Rounds(["a", "b"], choose, None)
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
        rounds = Rounds(["a", "b"], choose, 0.02)
        _, _, in_time = await join(rounds, 0, "a")
        assert in_time
        _, _, in_time = await join(rounds, 0, "b")
        assert not in_time
        assert choose.met == [({"a"}, True), ({"b"}, False)]
        both = await asyncio.gather(join(rounds, 1, "a"), join(rounds, 1, "b"))
        assert all(in_time for _, _, in_time in both)

    asyncio.run(run())
