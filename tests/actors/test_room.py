"""Room for actors: what an autoscaler is known by, what is waited for, when that is given up."""

import asyncio
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply
from ray.util import placement_group_table
from rich.console import Console

from ns_ray.actors import room
from ns_ray.errors import ConfigError
from ns_ray.jobs.cli.nodes import await_nodes


@pytest.fixture
def autoscaler(monkeypatch):
    """What the two autoscalers have reported."""
    said = SimpleNamespace(first={}, second=GetClusterStatusReply(), process=0)
    tell = lambda key: json.dumps({"autoscaler_report": said.first, "monitor_pid": said.process}).encode()  # noqa: E731
    monkeypatch.setattr(room, "_internal_kv_get", tell)
    monkeypatch.setattr(room, "_second", lambda: said.second)
    return said


def test_an_autoscaler_is_one_that_starts_nodes(autoscaler):
    assert not room.grows()
    autoscaler.first = {"active_nodes": {"node_0a1b": 1}}
    assert not room.grows(), "this one mirrors nodes that were started by hand"
    autoscaler.first = {"active_nodes": {"head": 1}}
    assert room.grows()
    autoscaler.first = {}
    autoscaler.second.autoscaling_state.autoscaler_state_version = 3
    autoscaler.second.cluster_resource_state.node_states.add()
    assert not room.grows()
    autoscaler.second.cluster_resource_state.node_states.add(ray_node_type_name="headgroup")
    assert room.grows()


def test_what_is_lacking_is_what_ray_has_not_in_all(monkeypatch):
    monkeypatch.setattr(room, "offered", lambda: {"CPU": 4.0, "cpu_node": 1.0, "node:__internal_head__": 1.0})
    actors = [{"CPU": 1, "GPU": 1}] * 6 + [{"CPU": 0.5, "cpu_node": 0.01, "node:__internal_head__": 0.001}]
    assert room.lacking(actors) == {"CPU": 2.5, "GPU": 6}
    assert room.told(room.lacking(actors)) == "2.5 CPU, 6 GPU"


def test_without_an_autoscaler_gpus_are_refused_at_once(cluster):
    with pytest.raises(ConfigError, match=r"--num-gpus 2: Ray offers 0 GPUs, and has no autoscaler"):
        asyncio.run(await_nodes([{"GPU": 1}] * 2, 60, Console()))
    asyncio.run(await_nodes([{"CPU": 1, "GPU": 0}] * 99, 60, Console()))  # others are waited for where actors start


def test_room_that_is_there_is_found_and_free_again(cluster):
    asyncio.run(room.make_room([{"CPU": 1, "home": 1, "GPU": 0, "node:__internal_head__": 0.001}], 30))
    assert {group["state"] for group in placement_group_table().values()} <= {"REMOVED"}


def test_waiting_ends_and_says_why(cluster, autoscaler):
    autoscaler.first = {
        "active_nodes": {"head": 1},
        "failed_nodes": [["10.0.0.9", "gpu"]],
        "node_availability_summary": {
            "node_availabilities": {
                "gpu": {"unavailable_node_information": {"category": "VcpuLimitExceeded", "description": "ask AWS"}},
                "cpu": {"unavailable_node_information": None},
            }
        },
    }
    console = Console(record=True, width=200)
    with pytest.raises(ConfigError) as refused:
        asyncio.run(await_nodes([{"CPU": 1, "GPU": 1}], 1.5, console))
    assert "no nodes came within 1.5 s (wait_seconds): missing are 1 GPU; Ray offers " in str(refused.value)
    assert "node type gpu: VcpuLimitExceeded, ask AWS" in str(refused.value)
    assert "a node of type gpu (10.0.0.9) failed to start" in str(refused.value)
    assert "waiting for nodes with 1 GPU (for 1.5 s at most)" in console.export_text()
    assert {group["state"] for group in placement_group_table().values()} <= {"REMOVED"}


def test_more_than_all_nodes_that_may_be_started_is_refused_at_once(cluster, autoscaler, tmp_path):
    file = tmp_path / "cluster.yaml"
    types = {
        "head": {"resources": {"CPU": 0}, "max_workers": 0},
        "gpu": {"resources": {"CPU": 4, "GPU": 1}, "max_workers": 9},
        "cpu": {"resources": {"CPU": 16, "cpu_node": 1}, "max_workers": 1},
    }
    file.write_text(json.dumps({"available_node_types": types, "head_node_type": "head", "max_workers": 2}))
    words = [f"--gcs-address={cluster.address}", f"--autoscaling-config={file}"]
    with subprocess.Popen([sys.executable, "-c", "input()", *words], stdin=subprocess.PIPE) as monitor:
        autoscaler.process = monitor.pid
        with pytest.raises(ConfigError, match=r"with all it has 24 CPU, 2 GPU, 1 cpu_node: missing are 3 GPU;"):
            asyncio.run(room.make_room([{"CPU": 1, "GPU": 1}] * 3, 60))
        monitor.kill()


def test_what_the_autoscaler_cannot_have_is_refused_at_once(cluster, autoscaler, monkeypatch):
    request = autoscaler.second.autoscaling_state.infeasible_gang_resource_requests.add()
    made = room.placement_group

    def noted(bundles):
        group = made(bundles)
        request.details = f"{group.id.hex()}:PACK|PENDING"
        return group

    monkeypatch.setattr(room, "placement_group", noted)
    with pytest.raises(ConfigError, match="the autoscaler has no nodes for that"):
        asyncio.run(room.make_room([{"GPU": 1}], 60))
