"""Fleets that run on a Ray, as they are now, for who looks on: nothing in them is changed by it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import ray
from ray.exceptions import RayError

from ns_ray.actors.peer import Team
from ns_ray.actors.ray_crew import MANAGER, SCHEDULER, ManagerClient, RayCrew
from ns_ray.actors.reports import HostView
from ns_ray.actors.worker import Pulse
from ns_ray.errors import ActorLostError
from ns_ray.report.results import Standing

_NAMESPACE = "fleet-"
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class FleetView:
    """A fleet.

    Attributes:
        name: Ray's namespace of its actors.
        actors: how each of them is; None where it does not answer.
        hosts: what hosts tell; None where one does not answer.
        standing: how it stands with what streams ask for; None where the manager does not answer.
    """

    name: str
    actors: Mapping[str, Pulse | None]
    hosts: Mapping[str, HostView | None]
    standing: Standing | None = None


def fleets() -> list[str]:
    """The namespaces of all fleets on the Ray that this process has joined."""
    found = ray.util.list_named_actors(all_namespaces=True)
    spaces = {one["namespace"] for one in found if one["name"] == MANAGER}
    return sorted(space for space in spaces if space.startswith(_NAMESPACE))


class Watching:
    """Looks at one fleet."""

    def __init__(self, namespace: str) -> None:
        self._name = namespace
        team = Team(namespace, retries=0, start_seconds=0)
        self._crew, self._manager = RayCrew(team), ManagerClient(team)

    async def look(self, seconds: float) -> FleetView:
        """How it is now, and what became of epochs that arrived in the last seconds."""
        names = [MANAGER, SCHEDULER, *await self._crew.names()]
        hosts = [name for name in names if name.startswith("host-")]
        views = asyncio.gather(*(self._crew.view(host, seconds) for host in hosts))
        pulses = await asyncio.gather(*(self._crew.pulse(name) for name in names))
        told = dict(zip(hosts, await views, strict=True))
        return FleetView(self._name, dict(zip(names, pulses, strict=True)), told, await self._standing())

    async def _standing(self) -> Standing | None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return (await self._manager.streams()).standing
        except (RayError, TimeoutError, ActorLostError):
            return None
