"""All actors of one configuration."""

import asyncio
from collections.abc import Callable, Sequence

import ray

from actors.decoder import DecoderActor
from actors.encoder import EncoderActor
from actors.enhancer import GPU_CALLS, EnhancerActor
from actors.health import Watch
from actors.packager import PackagerActor
from actors.pool import ActorPool, Recovery
from actors.scheduler import SchedulerActor
from actors.source import SOURCE_CALLS, SourceActor
from actors.worker import Worker
from ns_ray.config import Config, EnhancerPool, Pool
from ns_ray.errors import ConfigError
from ns_ray.results import Loss


def offered() -> dict[str, float]:
    """Resources that Ray has in all, such as CPU and GPU."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources


def recovery(config: Config, on_loss: Callable[[Loss], None]) -> Recovery:
    """How actors go on after deaths; those that are to be watched together share it."""
    return Recovery(config.retries, config.start_seconds, Watch(config.hang_seconds), on_loss)


def enhancer_pool(config: EnhancerPool, gpus: int, recovery: Recovery) -> ActorPool:
    """Enhancers with a GPU each, or if `gpus` is 0 as many as configured on the CPU."""
    count = gpus or config.actors
    return ActorPool(
        EnhancerActor,
        config,
        [(config,)] * count,
        recovery,
        threads=[GPU_CALLS if gpus else 1] * count,
        gpus=1 if gpus else 0,
    )


class Pools:
    """One pool of each kind.

    Attributes:
        sessions: for each decoder, how many streams it decodes at a time.
    """

    def __init__(self, config: Config, gpus: int, on_loss: Callable[[Loss], None]) -> None:
        """Ask Ray for the actors; `start` waits for them.

        Args:
            config: how many of each, and where.
            gpus: enhancers with a GPU each; 0 takes `config.enhancer.actors` on the CPU.
            on_loss: told of each death.
        """
        care = recovery(config, on_loss)
        self._watch = care.watch

        def pool(
            kind: type[Worker],
            settings: Pool,
            arguments: Sequence[tuple[object, ...]],
            *,
            threads: Sequence[int] = (),
        ) -> ActorPool:
            return ActorPool(kind, settings, arguments, care, threads=threads)

        self._start_seconds = config.start_seconds
        sources = config.source.actors
        self.sources = pool(SourceActor, config.source, [()] * sources, threads=[SOURCE_CALLS] * sources)
        on_cpu, by_nvdec = config.decoder.actors, config.decoder.nvdec
        devices = ["cpu"] * on_cpu + [f"cuda:{i % max(gpus, 1)}" for i in range(by_nvdec)]
        self.sessions = [1] * on_cpu + [config.decoder.nvdec_sessions] * by_nvdec
        self.decoders = pool(
            DecoderActor,
            config.decoder,
            [(config.decoder, device) for device in devices],
            threads=self.sessions,
        )
        self.scheduler = pool(SchedulerActor, config.scheduler, [()])
        self.enhancers = enhancer_pool(config.enhancer, gpus, care)
        self.encoders = pool(EncoderActor, config.encoder, [(config.encoder,)] * config.encoder.actors)
        self.packagers = pool(PackagerActor, config.packager, [()] * config.packager.actors)
        self._all = (
            self.sources,
            self.decoders,
            self.scheduler,
            self.enhancers,
            self.encoders,
            self.packagers,
        )

    async def start(self) -> None:
        """Wait until all actors have started; raises ConfigError where Ray has no room for them."""
        try:
            async with asyncio.timeout(self._start_seconds):
                await asyncio.gather(*(pool.ready() for pool in self._all))
        except TimeoutError:
            kinds = ", ".join(f"{len(pool)} {pool.name}" for pool in self._all)
            raise ConfigError(
                f"the actors ({kinds}) did not start within {self._start_seconds:g} s; Ray offers "
                f"{offered()}: ask for fewer, or raise start_seconds where the cluster still grows"
            ) from None

    async def settle(self) -> None:
        """Have all actors ready themselves for a run; see `Worker.settle`."""
        await asyncio.gather(*(pool.call(i, "settle") for pool in self._all for i in range(len(pool))))

    async def check(self) -> None:
        """Notice deaths of actors that no call has run into."""
        await asyncio.gather(*(pool.check() for pool in self._all))

    def stop(self) -> None:
        """End all actors."""
        self._watch.end()
        for pool in self._all:
            pool.kill()
