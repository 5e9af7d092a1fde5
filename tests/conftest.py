"""What tests share. Ray starts once; it takes seconds."""

import logging
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import ray
import streams
from hypothesis import settings
from ray.cluster_utils import Cluster

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code's
settings.load_profile("untimed")
os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"

# Small results are kept in the object store too, as large ones are, and deaths are found out at once.
_SYSTEM = {
    "max_direct_call_object_size": 4000,
    "timeout_ms_task_wait_for_death_info": 100,
    "kill_worker_timeout_milliseconds": 100,
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}


class Done(NamedTuple):
    """What a job that has ended leaves."""

    status: int
    out: str
    err: str


Job = Callable[..., Done]
"""Runs `jobs/NAME.py ARGUMENTS`."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How tests are shared out to processes; pytest-xdist is not asked for where there is but one."""
    from shared_out import WholeFiles

    return WholeFiles(config, log)


@pytest.fixture(scope="session")
def plain_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96x64, 60 frames/s, 60 frames, a key frame every 30."""
    return streams.encode(tmp_path_factory.mktemp("video") / "plain.mkv")


@pytest.fixture(scope="session")
def layered_video() -> Path:
    """178x100, 90 frames, encoded in two passes: several layers of hidden frames, and frames that are shown again."""
    return DATA / "layers.webm"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Ray to which nodes can be added. This one offers `home`, and one `either`."""
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 4,
            "resources": {"home": 1000, "either": 1},
            "object_store_memory": 256 * 2**20,
            "include_dashboard": False,
            "include_log_monitor": False,  # nor the autoscaler's monitor: a process each, which nothing here needs
            "no_monitor": True,
            "_system_config": _SYSTEM,
        },
    )
    ray.init(address=made.address, log_to_driver=False, logging_level=logging.ERROR)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="session")
def local_ray(cluster) -> None:
    """Ray, for tests that need one node."""


@pytest.fixture(scope="session")
def shared(cluster) -> dict[str, str]:
    """The environment of a process that joins the Ray that there is, as one does that was submitted to it."""
    return os.environ | {"RAY_ADDRESS": cluster.address, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def job(cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Job:
    """A job in this process, which has imported all of it, and has a Ray already."""

    def run(name: str, *arguments: object) -> Done:
        module = import_module(f"ns_ray.jobs.{name}")
        with monkeypatch.context() as changed:
            changed.setattr(ray, "init", lambda **_: None)
            changed.setattr(ray, "shutdown", lambda: None)
            status = module.main([*map(str, arguments)])
        return Done(status, *capsys.readouterr())

    return run
