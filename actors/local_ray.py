"""The Ray that a job runs on."""

import logging
import os
import signal
import threading

import ray

from ns_ray.actors.ray_token import private_token


def join_ray(cpus: float, object_store_mb: int) -> None:
    """Join the Ray that this job was submitted to, or start one on this machine.

    Args:
        cpus: CPUs that the job's actors reserve; a local Ray offers at least these, as more processes than cores only
            take turns.
        object_store_mb: memory of a local Ray's object store.

    Raises:
        FileError: a local Ray's token cannot be made.
    """
    # A lost actor's calls leave answers that nobody asks for; the pipeline has dealt with them.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    answer = signal.getsignal(signal.SIGTERM)
    if "RAY_ADDRESS" in os.environ:
        ray.init(log_to_driver=False)
    else:
        if os.environ.get("RAY_AUTH_MODE", "token") == "token" and "RAY_AUTH_TOKEN" not in os.environ:
            private_token()
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(
            address="local",
            num_cpus=max(os.cpu_count() or 1, int(cpus) + 1),
            object_store_memory=object_store_mb * 2**20,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    if callable(answer) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, answer)  # Ray's own ends in an abort
