"""Nodes that a job waits for, where the cluster it runs on grows."""

from collections.abc import Iterable, Sequence

from rich.console import Console

from ns_ray.actors import room
from ns_ray.config.config import Config
from ns_ray.errors import ConfigError
from ns_ray.jobs.cli.progress import waiting


def require_placed(config: Config, kinds: Iterable[str], gpus: int) -> None:
    """Refuse actors that reserve nothing where there are several nodes, or may be: Ray places those by chance.

    Args:
        config: how the work is laid out.
        kinds: of the actors that are to be started.
        gpus: GPUs, one for each enhancer.

    Raises:
        ConfigError: there are such actors; a text for each kind.
    """
    if not room.several_nodes():
        return
    pools = {kind: getattr(config, kind) for kind in kinds if not (kind == "enhancer" and gpus)}
    problems = [
        f"{kind}.cpus: 0 and no {kind}.resources: on a cluster, Ray would place them on any node by chance; say how "
        f"many CPUs each takes (--set {kind}.cpus=0.5), or which resource its nodes have"
        for kind, pool in pools.items()
        if not pool.cpus and not pool.resources
    ]
    if problems:
        raise ConfigError(*problems)


async def await_nodes(actors: Sequence[room.Reserved], seconds: float, console: Console) -> None:
    """Wait until there is room for a job's actors, and say what is missing meanwhile.

    Args:
        actors: what each reserves.
        seconds: how long to wait for nodes.
        console: where to say it.

    Raises:
        ConfigError: there is no autoscaler and there are too few GPUs, or there was no room in time.
    """
    lacks = room.lacking(actors)
    if room.grows():
        what = f"waiting for nodes with {room.told(lacks)}" if lacks else "waiting for room on the nodes there are"
        with waiting(console, f"{what} (for {seconds:g} s at most)"):
            await room.make_room(actors, seconds)
    elif "GPU" in lacks:
        have = room.offered().get("GPU", 0)
        gpus = have + lacks["GPU"]
        raise ConfigError(
            f"--num-gpus {gpus:g}: Ray offers {have:g} GPUs, and has no autoscaler that starts nodes; "
            "ask for fewer, or 0 for the CPU"
        )
