"""From a head alone to the running benchmark and back, by Ray's autoscaler and its nodes that are none.

    .venv/bin/python tests/cluster/from_zero.py [--port PORT]

Starts a Ray of its own whose head offers no CPU. Its autoscaler may start a node with a GPU and two CPU nodes, all of
them processes on this machine. The benchmark asks for an enhancer on a GPU node, and for a host and a decoder on CPU
nodes; the GPU is by name alone, so the DNN runs on the CPU. Prints nodes as they come and go, where actors are, and
what the job says; exits with status 1 if actors are elsewhere, the job fails or a
node stays.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
import yaml
from ray._private.state import actors

ROOT = Path(__file__).resolve().parents[2]
STORE = 128 * 2**20
IDLE_SECONDS = 12
PATIENCE = 240.0
JOB = {
    "instance": "zero",
    "inputs": ["dataset/sample/360p_700kbps_d4_test.webm"],
    "anchor_codec": "jpeg-residual",
    "wait_seconds": PATIENCE,
    "manager": {"resources": {"node:__internal_head__": 0.001}},
    "scheduler": {"resources": {"node:__internal_head__": 0.001}},
    "host": {"cpus": 0.5, "resources": {"cpu_node": 0.01}},
    "decoder": {"cpus": 0.5, "resources": {"cpu_node": 0.01}},
    "enhancer": {"cpus": 1, "engine": "torch", "resources": {"gpu_node": 1}},
}
PLACES = {
    "ManagerActor": "head",
    "SchedulerActor": "head",
    "HostActor": "cpu",
    "DecoderActor": "cpu",
    "EnhancerActor": "gpu",
}


def cluster(port: int) -> dict[str, Any]:
    """The autoscaler's configuration."""
    filled = ("file_mounts", "auth", "docker")
    empty = ("cluster_synced_files", "initialization_commands", "setup_commands", "head_setup_commands")
    empty += ("worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands")
    return {
        "cluster_name": "zero",
        "max_workers": 3,
        "upscaling_speed": 10.0,
        "idle_timeout_minutes": IDLE_SECONDS / 60,
        "provider": {
            "type": "fake_multinode",
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            "gcs_address": f"127.0.0.1:{port}",
        },
        "head_node_type": "ray.head.default",  # by which the provider knows it
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "gpu": _type({"CPU": 2, "GPU": 1, "gpu_node": 1}, 1),
            "cpu": _type({"CPU": 2, "cpu_node": 1}, 2),
        },
        **{name: {} for name in filled},
        **{name: [] for name in empty},
    }


def _type(resources: dict[str, int], most: int) -> dict[str, Any]:
    return {"resources": resources | {"object_store_memory": STORE}, "node_config": {}, "max_workers": most}


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def kinds() -> dict[str, str]:
    """Live nodes, by id: head, gpu or cpu."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    return {
        node["NodeID"]: next((k for k in ("gpu", "cpu") if f"{k}_node" in node["Resources"]), "head") for node in alive
    }


class Watch:
    """Prints nodes and places of actors where these change."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self._nodes: list[str] = []

    def look(self) -> list[str]:
        found = kinds()
        nodes = sorted(found.values())
        if nodes != self._nodes:
            say(f"nodes: {', '.join(nodes)}")
            self._nodes = nodes
        for actor in actors().values():
            name, where = actor["ActorClassName"], found.get(actor["Address"]["NodeID"])
            if name in PLACES and where and self.places.get(name) != where:
                say(f"{name} on {where}")
                self.places[name] = where
        return nodes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=23179)
    port = parser.parse_args().port
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryDirectory(prefix="zero", dir="/tmp", ignore_cleanup_errors=True) as folder:
        files = {"cluster.yaml": cluster(port), "job.yaml": JOB}
        for name, tree in files.items():
            Path(folder, name).write_text(yaml.safe_dump(tree))
        words = ["-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}", "--num-cpus=0"]
        words += ["--include-dashboard=false", f"--object-store-memory={STORE}", f"--temp-dir={folder}/ray"]
        words += [f"--autoscaling-config={folder}/cluster.yaml"]
        more = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        with Path(folder, "head.log").open("w") as log:
            # A group of its own, by which all that the head and its nodes are is ended.
            head = subprocess.Popen(
                [sys.executable, *words], env=os.environ | more, stdout=log, stderr=log, start_new_session=True
            )
        try:
            _join(port, head)
            return _watched(port, folder)
        finally:
            ray.shutdown()
            head.terminate()
            with suppress(subprocess.TimeoutExpired):
                head.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(head.pid, signal.SIGKILL)


def _join(port: int, head: subprocess.Popen[bytes]) -> None:
    """Join the head once it is there."""
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            ray.init(f"127.0.0.1:{port}", log_to_driver=False, logging_level="ERROR")
            return
        if head.poll() is not None:
            sys.exit(
                f"the head has ended with status {head.returncode}; is the machine too busy, or port {port} taken?"
            )
        time.sleep(1)


def _watched(port: int, folder: str) -> int:
    from ns_ray.actors.room import grows

    while not grows():
        time.sleep(0.5)
    watch = Watch()
    watch.look()
    job = [sys.executable, "jobs/benchmark.py", "--config", f"{folder}/job.yaml", "-v", "1", "-n", "40"]
    job += ["--result-dir", f"{folder}/result"]
    environment = os.environ | {"RAY_ADDRESS": f"127.0.0.1:{port}"}
    say("asked for two GPUs, where there can be one")
    refused = subprocess.run([*job, "-g", "2"], cwd=ROOT, env=environment).returncode
    say(f"the job has ended with status {refused}")
    running = subprocess.Popen(job, cwd=ROOT, env=environment)
    while running.poll() is None:
        watch.look()
        time.sleep(0.5)
    say(f"the job has ended with status {running.returncode}")
    until = time.monotonic() + PATIENCE
    while (nodes := watch.look()) != ["head"] and time.monotonic() < until:
        time.sleep(0.5)
    return 0 if (refused, running.returncode) == (2, 0) and watch.places == PLACES and nodes == ["head"] else 1


if __name__ == "__main__":
    sys.exit(main())
