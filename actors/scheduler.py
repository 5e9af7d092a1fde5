"""SchedulerActor: chooses the anchors of all streams, epoch by epoch."""

from collections.abc import Mapping, Sequence

from actors.worker import Worker, measured
from ns_ray.anchors.epoch import Choice, StreamEpoch, StreamState
from ns_ray.anchors.policies import Policy
from ns_ray.anchors.select import select
from ns_ray.results import Span


class SchedulerActor(Worker):
    """Holds nothing between calls: what selection remembers of the streams goes in and comes out."""

    def choose(
        self, epochs: Sequence[StreamEpoch], states: Mapping[str, StreamState], policy: Policy
    ) -> tuple[dict[str, Choice], Span]:
        """Choose the anchors of one epoch of all streams."""
        with measured("schedule") as clock:
            choices = select(epochs, states, policy)
        return choices, clock.span
