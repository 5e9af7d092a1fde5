"""EnhancerActor: an enhancer as a process of its own."""

import os
from collections.abc import Sequence
from typing import Any, Literal

import ray

from ns_ray.actors.messages import Anchors, Ask, Frame, Stream
from ns_ray.actors.worker import Worker, call
from ns_ray.config.actors import EnhancerPool
from ns_ray.report.results import EngineResult


class EnhancerActor(Worker):
    """See Enhancer.

    Ray has those who call an actor import its class; PyTorch, which takes seconds, they can do without.
    """

    def __init__(self, affinity: list[int], config: EnhancerPool) -> None:
        super().__init__(affinity)
        # Threads of inference that wait for one another by spinning take the cores that others need: where cores are
        # shared, a frame then takes several times as long. Said here, where OpenMP comes with PyTorch: with an
        # environment told to Ray, an actor could not have one of the processes that Ray has ready.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        from ns_ray.actors.enhancer import Enhancer

        self._enhancer = Enhancer(config, "cuda:0" if ray.get_gpu_ids() else "cpu", self.sums)

    @call
    def prepare(self, stream: Stream) -> EngineResult:
        """See Enhancer."""
        return self._enhancer.prepare(stream)

    @call
    def enhance(self, asks: Sequence[Ask], *parts: Sequence[Sequence[Frame]]) -> list[Anchors]:
        """See Enhancer."""
        return self._enhancer.enhance(asks, *parts)

    @call
    def enlarge(
        self, asks: Sequence[Ask], form: Literal["rgb", "yuv"], *parts: Sequence[Sequence[Frame]]
    ) -> tuple[Any, ...]:
        """See Enhancer."""
        return self._enhancer.enlarge(asks, form, *parts)
