"""What is asked in one turn of the loop goes out as one call."""

import asyncio

import pytest
from jumping import jump

from ns_ray.actors.bundle import Bundler
from ns_ray.errors import ActorLostError


class Worker:
    def __init__(self, seconds=0.0, wrong=()) -> None:
        self.calls = []
        self._seconds, self._wrong = seconds, wrong

    async def __call__(self, worker, requests):
        self.calls.append((worker, list(requests)))
        await asyncio.sleep(self._seconds)
        if set(self._wrong) & set(requests):
            raise ActorLostError(f"{worker} is gone")
        return [f"{worker}:{request}" for request in requests]


def test_requests_of_one_turn_travel_together_and_answers_find_their_way():
    async def run():
        worker = Worker()
        bundler = Bundler(worker, 8)
        answers = await asyncio.gather(*(bundler.ask("ab"[i % 2], i) for i in range(6)))
        assert answers == ["a:0", "b:1", "a:2", "b:3", "a:4", "b:5"]
        assert worker.calls == [("a", [0, 2, 4]), ("b", [1, 3, 5])]
        assert await bundler.ask("a", 7) == "a:7"
        assert worker.calls[2:] == [("a", [7])]

    jump(run())


def test_a_request_of_a_later_turn_does_not_wait_for_the_bundle_before():
    async def run():
        worker = Worker(seconds=5)
        bundler = Bundler(worker, 8)
        first = asyncio.ensure_future(bundler.ask("a", 0))
        await asyncio.sleep(1)
        second = asyncio.ensure_future(bundler.ask("a", 1))
        await asyncio.sleep(0.1)
        assert [requests for _, requests in worker.calls] == [[0], [1]]
        await asyncio.gather(first, second)

    jump(run())


@pytest.mark.parametrize(("count", "sizes"), [(8, [8]), (9, [5, 4]), (24, [8, 8, 8]), (1, [1])])
def test_bundles_are_limited_and_as_equal_as_can_be(count, sizes):
    async def run():
        worker = Worker()
        bundler = Bundler(worker, 8)
        assert await asyncio.gather(*(bundler.ask("a", i) for i in range(count))) == [f"a:{i}" for i in range(count)]
        assert [len(requests) for _, requests in worker.calls] == sizes

    jump(run())


def test_an_error_is_raised_for_all_of_the_bundle_and_nobody_else():
    async def run():
        bundler = Bundler(Worker(wrong={3}), 2)
        answers = await asyncio.gather(*(bundler.ask("a", i) for i in range(4)), return_exceptions=True)
        assert [isinstance(one, ActorLostError) for one in answers] == [False, True, False, True]

    jump(run())


def test_a_request_that_was_given_up_is_not_asked_and_hurts_no_other():
    async def run():
        worker = Worker(seconds=1)
        bundler = Bundler(worker, 8)
        early = asyncio.ensure_future(bundler.ask("a", 0))
        later = [asyncio.ensure_future(bundler.ask("a", i)) for i in (1, 2)]
        asyncio.get_running_loop().call_soon(early.cancel)
        await asyncio.sleep(0.5)
        later[0].cancel()
        assert await later[1] == "a:2"
        assert early.cancelled()
        await asyncio.sleep(1)

    jump(run())
