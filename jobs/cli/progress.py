"""How far a job is: bars on a terminal; in a pipe, a log and `ray job submit` a line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Literal

from rich import progress
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

FIRST_SECONDS, SECONDS = 1.0, 5.0
"""Until the first line, and between those that follow."""
Counted = Literal["count", "bytes", "share"]
_BEGUN = "begun"
_SOON = 0.1  # seconds that tell of no rate


class Progress(progress.Progress):
    """Rich's, the same in all jobs, which prints lines where there is no terminal to draw on.

    A line tells of one task: `12:20:31 frames: 120 of 480 (25 %), 31.8/s, 11 s left`. Tasks that have not begun or are
    done have none, but for a last one of each where there were any.
    """

    def __init__(self, console: Console, counted: Counted = "count") -> None:
        """Made for a `with`.

        Args:
            console: where to draw or print.
            counted: what tasks count: things, bytes, or thousandths of the whole.
        """
        self._counted: Counted = counted
        self._drawn = console.is_terminal and not console.is_dumb_terminal
        self._ticker = Ticker(self._print)
        super().__init__(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            _Figures(counted),
            progress.TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    def add_task(
        self,
        description: str,
        start: bool = True,
        total: float | None = 100.0,
        completed: int = 0,
        visible: bool = True,
        **fields: object,
    ) -> progress.TaskID:
        """As Rich has it; `completed` counts for no rate, as it was done before."""
        fields[_BEGUN] = completed
        return super().add_task(description, start, total, completed, visible, **fields)

    def start(self) -> None:
        """Begin to draw or print."""
        if self._drawn:
            super().start()
        else:
            self._ticker.start()

    def stop(self) -> None:
        """Draw or print for the last time."""
        if self._drawn:
            super().stop()
        elif self._ticker.stop():
            self._print(last=True)

    def _print(self, last: bool = False) -> None:
        tasks = self.tasks
        begun = [task for task in tasks if task.completed]
        for task in begun if last else [task for task in begun if not task.finished] or tasks[:1]:
            line = f"{time.strftime('%H:%M:%S')} {task.description}: {told(task, self._counted)}"
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)


class Ticker:
    """Calls something every few seconds, in a thread of its own."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._ended = Event()
        self._ticked = False
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> bool:
        """End; says whether there was a call at all."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        return self._ticked

    def _run(self) -> None:
        seconds = FIRST_SECONDS
        while not self._ended.wait(seconds):
            self._tick()
            self._ticked = True
            seconds = SECONDS


class _Figures(progress.ProgressColumn):
    def __init__(self, counted: Counted) -> None:
        super().__init__()
        self._counted: Counted = counted

    def render(self, task: progress.Task) -> Text:
        return Text(told(task, self._counted), style="progress.download")


def told(task: progress.Task, counted: Counted) -> str:
    """Done, due, mean rate and time left of a task, as far as they are known."""
    done, total = task.completed, task.total
    share = f"{done / total:.0%}".replace("%", " %") if total else ""
    words = [share]
    seconds = task.finished_time if task.finished else task.elapsed
    rate = (done - task.fields.get(_BEGUN, 0)) / seconds if seconds and seconds > _SOON else 0
    if counted != "share":
        words = [
            f"{_amount(done, counted)} of {_amount(total, counted)} ({share})" if total else _amount(done, counted)
        ]
        if rate:
            words.append(f"{_amount(rate, counted) if counted == 'bytes' or rate >= 100 else f'{rate:.3g}'}/s")
    if task.finished:
        words.append(f"done in {_seconds(seconds)}" if seconds and seconds > _SOON else "done")
    elif total and rate:
        words.append(f"{_seconds((total - done) / rate)} left")
    return ", ".join(filter(None, words))


def _amount(value: float, counted: Counted) -> str:
    return decimal(int(value)) if counted == "bytes" else f"{value:,.0f}"


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Say what is waited for while the block runs, where nobody knows how long: a spinner, or lines."""
    if console.is_terminal and not console.is_dumb_terminal:
        with console.status(what):
            yield
        return
    begun = time.monotonic()

    def say() -> None:
        passed = _seconds(time.monotonic() - begun)
        line = f"{time.strftime('%H:%M:%S')} {what}, {passed} so far"
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    ticker = Ticker(say)
    ticker.start()
    try:
        yield
    finally:
        ticker.stop()
