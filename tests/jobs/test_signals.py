"""Signals that end a job: the first in good order, the second at once."""

import asyncio
import os
import signal
import time

import pytest

from ns_ray.errors import StoppedError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.stopping import SIGNALS, Stop
from ns_ray.whole_file import writing


def tell(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_sets_the_event_even_of_a_loop_that_sleeps(number):
    async def job():
        stop = Stop()
        with stop.listening():
            asyncio.get_running_loop().call_later(0.05, tell, number)
            await asyncio.wait_for(stop.event.wait(), 5)
        return stop.by

    before = [signal.getsignal(one) for one in SIGNALS]
    assert asyncio.run(job()) == signal.Signals(number).name
    assert [signal.getsignal(one) for one in SIGNALS] == before


@pytest.mark.parametrize(("first", "second"), [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
def test_the_second_ends_it_at_once(first, second):
    async def job():
        with Stop().listening():
            asyncio.get_running_loop().call_later(0.01, tell, first)
            asyncio.get_running_loop().call_later(0.02, tell, second)
            await asyncio.sleep(60)

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(job())
    assert time.monotonic() - begin < 30


def test_sigterm_ends_any_job_as_ctrl_c_does(tmp_path, capsys):
    def job():
        with writing(tmp_path / "film.mkv") as part:
            part.write_text("half")
            tell(signal.SIGTERM)
            time.sleep(60)

    before = signal.getsignal(signal.SIGTERM)
    assert entry.run(job) == entry.FAILED
    assert capsys.readouterr().err == "interrupted\n"
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) is before

    def joining():
        raise SystemExit(int(signal.SIGTERM))

    assert entry.run(joining) == entry.FAILED, "what Ray makes of it"


def test_work_that_is_of_no_use_any_more_is_given_up():
    cancelled = []

    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def job():
        stop = Stop()
        with stop.listening():
            asyncio.get_running_loop().call_later(0.01, tell, signal.SIGTERM)
            await stop.unless(work())

    with pytest.raises(StoppedError, match="stopped by SIGTERM before the first frame"):
        asyncio.run(job())
    assert cancelled


def test_work_that_ends_is_answered():
    async def job():
        stop = Stop()

        async def fails():
            raise ValueError("no")

        assert await stop.unless(asyncio.sleep(0.01, "done")) == "done"
        with pytest.raises(ValueError, match="no"):
            await stop.unless(fails())

    asyncio.run(job())
