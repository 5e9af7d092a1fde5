"""The pipeline: streams in, enhanced streams out, over the actors of one configuration."""

import asyncio
from collections.abc import Sequence

from actors.assignment import assign_decoders
from actors.calls import Workers
from actors.clock import RunClock, WallClock
from actors.messages import Stream
from actors.pools import Pools
from actors.rounds import Choices, Rounds
from actors.stream_run import Plan, Progress, StreamRun
from actors.worker import settle
from ns_ray.anchors.baselines import Nothing
from ns_ray.anchors.epoch import StreamEpoch, StreamState
from ns_ray.config import Config
from ns_ray.results import DecodersResult, EngineResult, Loss
from ns_ray.video.probe import VideoInfo


class Pipeline:
    """Streams meet once an epoch, when anchors are chosen for all of them, and are otherwise on their own.

    Attributes:
        losses: actors that died, at wall-clock times.
        decoders: what the streams that were prepared last are decoded by, by kind.
    """

    def __init__(self, config: Config, gpus: int) -> None:
        """Ask Ray for the actors; `start` waits for them.

        Args:
            config: how many of each, and where.
            gpus: enhancers with a GPU each; 0 takes `config.enhancer.actors` on the CPU.
        """
        self.losses: list[Loss] = []
        self._config = config
        self._clock = WallClock()
        self._pools = Pools(config, gpus, self.losses.append)
        self._costs: dict[str, float] = {}
        self._owners: dict[str, int] = {}
        self.decoders: dict[str, DecodersResult] = {}

    async def start(self) -> None:
        """Wait until all actors have started; raises ConfigError where Ray has no room for them."""
        await self._pools.start()

    def stop(self) -> None:
        """End all actors."""
        self._pools.stop()

    async def probe(self, path: str, unsafe: bool = False) -> VideoInfo:
        """Look at a video, `unsafe` as in `open_input`; raises MediaError if it cannot be enhanced."""
        info: VideoInfo = await self._pools.sources.call(0, "probe", path, unsafe)
        return info

    async def prepare(self, streams: Sequence[Stream]) -> dict[str, EngineResult]:
        """Get every enhancer ready for all streams, and share these out among the decoders, before the clock runs.

        Returns:
            For each `WIDTHxHEIGHT model` the engine of the slowest enhancer.

        Raises:
            ModelError: a model or its weights cannot be used.
        """
        enhancers = self._pools.enhancers
        engines: dict[str, EngineResult] = {}
        ready: set[tuple[str, str | None]] = set()
        for stream in streams:
            key = f"{stream.info.width}x{stream.info.height} {stream.model}"
            if key not in engines or (key, stream.weights) not in ready:
                calls = (enhancers.call(i, "prepare", stream) for i in range(len(enhancers)))
                replies: list[EngineResult] = await asyncio.gather(*calls)
                engines.setdefault(key, max(replies, key=lambda reply: reply.latency_ms))
                ready.add((key, stream.weights))
            self._costs[stream.name] = engines[key].latency_ms
        self._owners, self.decoders = await assign_decoders(self._pools, self._config.decoder, streams)
        return engines

    async def run(
        self, streams: Sequence[Stream], plan: Plan, progress: Progress, stop: asyncio.Event | None = None
    ) -> list[StreamRun]:
        """Enhance streams, which `prepare` has seen.

        Args:
            streams: the streams; their names differ.
            plan: what to do.
            progress: told a stream's name and how many more of its frames have been written.
            stop: ends the run early once it is set; see StreamRun.

        Returns:
            The streams' runs, in order.
        """
        stop = stop or asyncio.Event()
        await self._pools.settle()
        settle()
        runs = [
            StreamRun(
                stream,
                i,
                self._config,
                plan,
                self._pools,
                self._clock,
                decoder=self._owners[stream.name],
                cost_ms=self._costs[stream.name],
            )
            for i, stream in enumerate(streams)
        ]
        await go(runs, self._config, plan, self._pools, self._clock, progress, stop)
        if not stop.is_set():
            await self._pools.check()
        return runs


async def go(
    runs: Sequence[StreamRun],
    config: Config,
    plan: Plan,
    workers: Workers,
    clock: RunClock,
    progress: Progress,
    stop: asyncio.Event,
) -> None:
    """Take all streams from their first packet to their finished files.

    A paced round waits for streams half a slot longer than their packets take.
    """
    began = clock.now()
    slot = float(config.slot)
    states: dict[str, StreamState] = {}

    async def choose(epochs: list[StreamEpoch], in_time: bool) -> Choices:
        known = {epoch.stream: states[epoch.stream] for epoch in epochs if epoch.stream in states}
        policy = plan.policy if in_time else Nothing()
        choices: Choices = await workers.scheduler.call(0, "choose", epochs, known, policy)
        states.update((name, choice.state) for name, choice in choices[0].items())
        return choices

    def closes(number: int) -> float:
        return max(clock.now(), began + (number + 1) * slot) + slot / 2

    rounds = Rounds({run.stream.name: run.first for run in runs}, choose, clock, closes if plan.paced else None)
    await asyncio.gather(*(run.run(began, rounds, progress, stop) for run in runs))
