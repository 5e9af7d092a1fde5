"""Room for actors: what Ray offers, and nodes that an autoscaler starts where that is too little."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import ray
import yaml
from ray.core.generated import autoscaler_pb2
from ray.experimental.internal_kv import _internal_kv_get
from ray.util.placement_group import placement_group, remove_placement_group

from ns_ray.errors import ConfigError

Reserved = Mapping[str, float]
"""What one actor reserves, by the resource's name."""

_STATUS = "__autoscaling_status"
_FILE = "--autoscaling-config="
_MIRRORED = "node_"
_LOOK_SECONDS = 1.0
_HEAD = "node:"


def offered() -> dict[str, float]:
    """Resources that Ray has in all, such as CPU and GPU."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources


def lacking(actors: Sequence[Reserved]) -> dict[str, float]:
    """By how much actors together ask for more than Ray has in all; what it has enough of is left out."""
    return _beyond(actors, offered())


def _beyond(actors: Sequence[Reserved], have: Reserved) -> dict[str, float]:
    asked: Any = Counter()  # of amounts that are no whole numbers
    for reserved in actors:
        asked.update(reserved)
    more = {name: round(amount - have.get(name, 0), 6) for name, amount in asked.items()}
    return {name: amount for name, amount in more.items() if amount > 0}


def grows() -> bool:
    """Whether an autoscaler starts nodes for who waits; one that only mirrors nodes started by hand does not.

    Ray's first autoscaler (`ray up`) leaves a report in the key-value store, its second (KubeRay) with the GCS.
    """
    types = _report()[0].get("active_nodes", {})
    if any(not name.startswith(_MIRRORED) for name in types):
        return True
    status = _second()
    reports = status.autoscaling_state.autoscaler_state_version > 0
    return reports and any(node.ray_node_type_name for node in status.cluster_resource_state.node_states)


def several_nodes() -> bool:
    """Whether there are several nodes, or an autoscaler may start some."""
    nodes: Sequence[Mapping[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return sum(node["Alive"] for node in nodes) > 1 or grows()


async def make_room(actors: Sequence[Reserved], seconds: float) -> None:
    """Have an autoscaler start the nodes that actors need, and wait until all find room at once.

    The room is reserved as a placement group, which asks for nodes as long as it waits, and is free again in the end.

    Args:
        actors: what each reserves.
        seconds: how long to wait.

    Raises:
        ConfigError: there was no room by then, or the autoscaler says that there cannot be any.
    """
    bundles = [kept for reserved in actors if (kept := _bundle(reserved))]
    if not bundles:
        return
    most = _most()
    if most is not None and _beyond(bundles, most):
        raise ConfigError(_refusal(f"the autoscaler may not start as many nodes; with all it has {told(most)}", actors))
    group = placement_group(bundles)
    try:
        async with asyncio.timeout(seconds):
            ready = asyncio.ensure_future(_ready(group))
            try:
                while not (await asyncio.wait({ready}, timeout=_LOOK_SECONDS))[0]:
                    if any(group.id.hex() in request.details for request in _infeasible()):
                        raise ConfigError(_refusal("the autoscaler has no nodes for that, or not as many", actors))
                await ready
            finally:
                ready.cancel()
    except TimeoutError:
        raise ConfigError(_refusal(f"no nodes came within {seconds:g} s (wait_seconds)", actors)) from None
    finally:
        remove_placement_group(group)


async def _ready(group: Any) -> None:
    await group.ready()


def _bundle(reserved: Reserved) -> dict[str, float]:
    """What nodes have to offer: no nothings, and not the mark of the head, which is there."""
    return {name: amount for name, amount in reserved.items() if amount and not name.startswith(_HEAD)}


def _refusal(why: str, actors: Sequence[Reserved]) -> str:
    said = "".join(f"; {trouble}" for trouble in _troubles())
    return f"{why}: missing are {told(lacking(actors))}; Ray offers {told(offered())}{said}"


def told(resources: Reserved) -> str:
    """Resources in words: `1 GPU, 3 CPU`; without memory and the marks of single nodes."""
    words = (
        f"{amount:g} {name}"
        for name, amount in sorted(resources.items())
        if not name.startswith(_HEAD) and "memory" not in name
    )
    return ", ".join(words) or "nothing"


def _troubles() -> Iterator[str]:
    """What the autoscaler says went wrong with starting nodes."""
    report, _ = _report()
    found = report.get("node_availability_summary", {}).get("node_availabilities", {})
    for name, one in found.items():
        why = one.get("unavailable_node_information")
        if why:
            yield f"node type {name}: {why['category']}, {why['description']}"
    for address, name, *_ in report.get("failed_nodes", []):
        yield f"a node of type {name} ({address}) failed to start; see monitor.log on the head"
    for failed in _second().autoscaling_state.failed_instance_requests:
        yield f"node type {failed.ray_node_type_name}: {failed.reason}"


def _report() -> tuple[dict[str, Any], int]:
    """What the first autoscaler said last, and its process on the head; empty and 0 where there is none."""
    status = json.loads(_internal_kv_get(_STATUS) or "{}")
    return status.get("autoscaler_report") or {}, status.get("monitor_pid", 0)


def _most() -> dict[str, float] | None:
    """What there is once the first autoscaler has started all nodes it may; None where its file is not to be had.

    It tells nobody what it cannot do, and would start what nodes it can. Jobs that are submitted run beside it.
    """
    try:
        words = psutil.Process(_report()[1]).cmdline()
        if f"--gcs-address={ray.get_runtime_context().gcs_address}" not in words:
            return None
        file = next(word.partition("=")[2] for word in words if word.startswith(_FILE))
        tree = yaml.safe_load(Path(file).expanduser().read_text())
    except (psutil.Error, OSError, StopIteration, yaml.YAMLError):
        return None
    most: Any = Counter()
    for name, one in tree["available_node_types"].items():
        count = 1 if name == tree["head_node_type"] else min(one.get("max_workers", 0), tree["max_workers"])
        most.update({resource: amount * count for resource, amount in one["resources"].items()})
    return dict(most)


def _infeasible() -> Sequence[Any]:
    requests: Sequence[Any] = _second().autoscaling_state.infeasible_gang_resource_requests
    return requests


def _second() -> Any:
    worker: Any = ray._private.worker.global_worker
    messages: Any = autoscaler_pb2
    return messages.GetClusterStatusReply.FromString(worker.gcs_client.get_cluster_status())
