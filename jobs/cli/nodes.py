"""Nodes that a job waits for, where the cluster it runs on grows."""

from collections.abc import Sequence

from rich.console import Console

from ns_ray.actors import room
from ns_ray.errors import ConfigError
from ns_ray.jobs.cli.progress import waiting


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
