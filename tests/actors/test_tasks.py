"""Work as Ray tasks: all of it is done, progress comes, errors and deaths stay with their item."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from ray import cloudpickle

from ns_ray.actors.tasks import TaskLostError, run_tasks
from ns_ray.errors import MediaError

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests


def work(item):
    """What the item's folder and name ask for; leaves a mark of having been started."""
    folder, name = item
    marks = len(list(folder.glob(f"{name}.*")))
    (folder / f"{name}.{marks}").touch()
    yield 1
    if name.startswith("bad"):
        raise MediaError(f"{name} is bad")
    if name.startswith("bug"):
        raise ZeroDivisionError
    if name.startswith("dies") and (name == "dies always" or marks == 0):
        os._exit(1)
    if name.startswith("freezes") and (name == "freezes always" or marks == 0):
        time.sleep(0.5)  # until what it yielded has been sent
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(1000)  # this thread may go on for a moment
    for _ in range(6 if name.startswith("talks") else 0):
        time.sleep(0.2)
        yield 1
    if name.startswith("slow"):
        (folder / f"{name}.begin").write_text(str(time.time()))
        time.sleep(0.3)
        (folder / f"{name}.end").write_text(str(time.time()))
    yield 2


def run(folder: Path, *names: str, at_once: int = 4, retries: int = 2, task_seconds: float = 60, resources=None):
    told = []
    ended = run_tasks(
        work,
        [(folder, name) for name in names],
        at_once=at_once,
        cpus=0.1,
        resources=resources or {},
        retries=retries,
        task_seconds=task_seconds,
        on_progress=lambda item, done: told.append((item[1], done)),
    )
    return {item[1]: error for item, error in ended}, told


@pytest.mark.usefixtures("local_ray")
def test_each_item_ends_with_its_own_fate(tmp_path):
    ended, told = run(tmp_path, "good", "bad", "dies once", "other")
    assert (ended["good"], ended["dies once"], ended["other"]) == (None, None, None)
    assert isinstance(ended["bad"], MediaError)
    assert str(ended["bad"]) == "bad is bad"
    assert [done for name, done in told if name == "good"] == [1, 2]
    assert len(list(tmp_path.glob("dies once.*"))) == 2


@pytest.mark.usefixtures("local_ray")
def test_what_dies_always_is_given_up(tmp_path):
    ended, _ = run(tmp_path, "dies always", "good", retries=1)
    assert ended["good"] is None
    assert isinstance(ended["dies always"], TaskLostError)
    assert len(list(tmp_path.glob("dies always.*"))) == 2


@pytest.mark.usefixtures("local_ray")
def test_no_more_at_once_than_asked_for(tmp_path):
    names = [f"slow{i}" for i in range(4)]
    ended, _ = run(tmp_path, *names, at_once=2)
    assert set(ended) == set(names)
    spans = [tuple(float((tmp_path / f"{name}.{end}").read_text()) for end in ("begin", "end")) for name in names]
    assert max(sum(other[0] <= span[0] < other[1] for other in spans) for span in spans) <= 2


@pytest.mark.usefixtures("local_ray")
def test_a_bug_is_not_hidden(tmp_path):
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, "bug")


@pytest.mark.usefixtures("local_ray")
def test_what_freezes_is_killed_and_started_again(tmp_path):
    ended, told = run(tmp_path, "freezes once", "good", "freezes always", retries=1, task_seconds=1)
    assert (ended["freezes once"], ended["good"]) == (None, None)
    assert [done for name, done in told if name == "freezes once"] == [1, 1, 2]
    assert isinstance(ended["freezes always"], TaskLostError)
    assert "died 2 times (hung: no progress for 1 s)" in str(ended["freezes always"])
    assert len(list(tmp_path.glob("freezes *"))) == 4


@pytest.mark.usefixtures("local_ray")
def test_what_waits_for_room_does_not_hang(tmp_path):
    """One task has all of a resource for longer than a task may be quiet, and tells of progress; the other waits."""
    ended, _ = run(tmp_path, "talks a", "talks b", retries=0, task_seconds=1, resources={"either": 1})
    assert ended == {"talks a": None, "talks b": None}
