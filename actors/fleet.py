"""All actors of one configuration: started, looked after, added, removed."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import ray
from ray.exceptions import RayActorError

from ns_ray.actors.decoder import DecoderActor
from ns_ray.actors.encoder import EncoderActor
from ns_ray.actors.enhancer_actor import EnhancerActor
from ns_ray.actors.health import Watch
from ns_ray.actors.host_actor import HostActor
from ns_ray.actors.metrics import Flushing, Key, RaySink, Sums
from ns_ray.actors.peer import Team, pulse
from ns_ray.actors.ray_crew import ManagerClient, RayCrew
from ns_ray.actors.reading_trace import clear_traces
from ns_ray.actors.room import Reserved, offered
from ns_ray.actors.scheduler_actor import SchedulerActor
from ns_ray.actors.service.manager_actor import ManagerActor
from ns_ray.actors.worker import HEALTH, Pulse, Worker
from ns_ray.config.actors import GPU_CALLS, Pool
from ns_ray.config.config import Config
from ns_ray.errors import ConfigError
from ns_ray.report.results import Loss

_LOOP_CALLS = 10_000  # calls that may wait in an actor that waits for others
_STARTS = 2
_PAUSE_SECONDS = 0.2
_MOST_LOSSES = 1000


@dataclass(frozen=True, slots=True)
class _Kind:
    """How actors of a kind are made: class, what each reserves, constructor's arguments, calls at a time, GPUs."""

    make: type[Worker]
    pool: Pool
    arguments: tuple[object, ...] = ()
    calls: int = 1
    gpus: int = 0


class Fleet:
    """The actors, by name: `manager-0`, `scheduler-0`, `host-0`, `decoder-0` and so on.

    Attributes:
        losses: actors that died, at wall-clock times; the latest.
        manager: adds streams, changes and removes them.
        crew: all actors.
    """

    def __init__(self, config: Config, gpus: int) -> None:
        """Set up a fleet without actors; `start` makes them.

        Args:
            config: how many of each, and where.
            gpus: enhancers with a GPU each; 0 takes `config.enhancer.actors` on the CPU.
        """
        self.losses: list[Loss] = []
        self._config = config
        self._gpus = gpus
        self._sums = Sums()
        self._flushing: Flushing | None = None
        self._watch = Watch(config.hang_seconds, self._take_loss)
        self._actors: dict[str, Any] = {}
        self._made: Counter[str] = Counter()
        self._namespace = namespace = f"fleet-{uuid4().hex}"
        team = Team(namespace, config.retries, config.start_seconds)
        self.manager = ManagerClient(team)
        self.crew = RayCrew(team)

    def __enter__(self) -> Self:
        """Use it: whatever comes, its actors end with it."""
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def start(self, kinds: Mapping[str, int] | None = None) -> None:
        """Start as many of each kind as are configured, or as given, and wait until all are there.

        Raises:
            ConfigError: Ray has no room for them.
        """
        if self._flushing is None:
            self._flushing = Flushing(self._sums, RaySink("fleet"))
            self._flushing.levels = self._levels
            self._flushing.start()
        counts = self.configured() if kinds is None else kinds
        names = [self._make(kind) for kind, count in counts.items() for _ in range(count)]
        await self._wait_for(names)

    def configured(self) -> dict[str, int]:
        """How many actors of each kind there are to be, but for encoders, which few methods need."""
        config = self._config
        return {
            "manager": 1,
            "scheduler": 1,
            "host": config.host.actors,
            "decoder": config.decoder.actors + config.decoder.nvdec,
            "enhancer": self._gpus or config.enhancer.actors,
        }

    def reserved(self, kinds: Mapping[str, int]) -> list[Reserved]:
        """What so many of each kind reserve, an actor each."""
        hows = [self._kind(kind, number, kind) for kind, count in kinds.items() for number in range(count)]
        return [{"CPU": how.pool.cpus, "GPU": how.gpus} | how.pool.resources for how in hows]

    async def need(self, kind: str, count: int) -> None:
        """Have at least so many actors of a kind; raises as `start`."""
        await self.start({kind: max(0, count - sum(name.startswith(f"{kind}-") for name in self._actors))})

    async def add(self, kind: str) -> str:
        """Start one more; its name. Raises as `start`."""
        name = self._make(kind)
        await self._wait_for([name])
        return name

    def remove(self, name: str) -> None:
        """End one; what it did, others go on with."""
        self._watch.leave(name)
        ray.kill(self._actors.pop(name))

    def pid(self, name: str) -> int:
        """The id of an actor's process."""
        return self._watch.pid(name)

    def names(self) -> Sequence[str]:
        """All actors."""
        return list(self._actors)

    async def check(self) -> None:
        """Notice deaths at once."""
        await self._watch.check()

    def stop(self) -> None:
        """End all actors."""
        self._watch.end()
        for name in list(self._actors):
            ray.kill(self._actors.pop(name))
        if self._flushing is not None:
            self._flushing.stop()
            self._flushing = None
        clear_traces(self._namespace)

    def _levels(self) -> dict[Key, float]:
        there = Counter(name.rpartition("-")[0] for name in list(self._actors))
        return {("actors", kind): there[kind] for kind in list(self._made)}

    def _take_loss(self, loss: Loss) -> None:
        self.losses.append(loss)
        del self.losses[:-_MOST_LOSSES]
        self._sums.add({("actors_lost_total", loss.actor.partition(" ")[0]): 1})

    def _make(self, kind: str) -> str:
        number = self._made[kind]
        self._made[kind] += 1
        name = f"{kind}-{number}"
        how = self._kind(kind, number, name)
        options: dict[str, Any] = {
            "name": name,
            "namespace": self._namespace,
            "num_cpus": how.pool.cpus,
            "num_gpus": how.gpus,
            "resources": how.pool.resources,
            "max_restarts": -1,
            "max_concurrency": how.calls,
        }
        affinity = how.pool.affinity or [[]]
        make: Any = ray.remote(concurrency_groups={HEALTH: 1})  # type: ignore[call-overload]
        remote = make(how.make)
        self._actors[name] = remote.options(**options).remote(affinity[number % len(affinity)], *how.arguments)
        return name

    def _kind(self, kind: str, number: int, name: str) -> _Kind:
        config = self._config
        match kind:
            case "manager":
                return _Kind(ManagerActor, config.manager, (self._namespace, config), _LOOP_CALLS)
            case "scheduler":
                return _Kind(SchedulerActor, config.scheduler, (), _LOOP_CALLS)
            case "host":
                return _Kind(HostActor, config.host, (self._namespace, name, config), _LOOP_CALLS)
            case "decoder":
                on_cpu = number < config.decoder.actors or not config.decoder.nvdec
                device = "cpu" if on_cpu else f"cuda:{(number - config.decoder.actors) % max(self._gpus, 1)}"
                sessions = 1 if on_cpu else config.decoder.nvdec_sessions
                return _Kind(DecoderActor, config.decoder, (config.decoder, device, sessions), config.decoder.calls)
            case "enhancer":
                calls = GPU_CALLS if self._gpus else 1
                return _Kind(EnhancerActor, config.enhancer, (config.enhancer,), calls, 1 if self._gpus else 0)
            case "encoder":
                return _Kind(EncoderActor, config.encoder, (config.encoder,))
        raise ConfigError(f"there are no actors of kind {kind}")

    async def _wait_for(self, names: Sequence[str]) -> None:
        seconds = self._config.start_seconds
        try:
            async with asyncio.timeout(seconds):
                told = await asyncio.gather(*(self._started(self._actors[name]) for name in names))
        except TimeoutError:
            raise ConfigError(
                f"the actors ({', '.join(names)}) did not start within {seconds:g} s; Ray offers {offered()}: ask for "
                "fewer, or raise start_seconds where the cluster still grows"
            ) from None
        for name, pulse_of in zip(names, told, strict=True):
            kind = self._kind(name.rpartition("-")[0], 0, name)
            self._watch.over(name, self._actors[name], kind.pool.call_seconds, pulse_of)

    async def _started(self, actor: Any) -> Pulse:
        """Wait until an actor is there; one that takes half the time is started anew, as it may hang."""
        while True:
            try:
                async with asyncio.timeout(self._config.start_seconds / _STARTS):
                    while True:
                        try:
                            return await pulse(actor)
                        except RayActorError:
                            await asyncio.sleep(_PAUSE_SECONDS)
            except TimeoutError:
                ray.kill(actor, no_restart=False)
