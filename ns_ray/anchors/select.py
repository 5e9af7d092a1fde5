"""Anchor selection for all streams of an epoch in one process: a pure function, state in and state out.

Many processes do the same in three steps: hosts make offers, the scheduler awards, hosts settle.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ns_ray.anchors.award import award
from ns_ray.anchors.epoch import Choice, StreamEpoch, StreamState
from ns_ray.anchors.offer import load_of
from ns_ray.anchors.policies import Policy
from ns_ray.anchors.ranking import offer
from ns_ray.anchors.settle import settle

__all__ = ["Choice", "StreamEpoch", "StreamState", "select"]


def select(
    epochs: Sequence[StreamEpoch], states: Mapping[str, StreamState], policy: Policy, load: float | None = None
) -> dict[str, Choice]:
    """Chooses the anchors of one epoch (NeuroScaler, SIGCOMM 2022, section 5).

    The answer does not depend on the order of `epochs`: streams go by name.

    Args:
        epochs: the streams that take part, each once.
        states: what earlier answers left, by stream; streams without one start afresh, others are ignored.
        policy: see `policies` and `baselines`.
        load: as `ranking.offer` takes it; None for that of this very epoch, which only one who has all streams knows.

    Returns:
        For every stream, also those without an anchor, its choice; in order of name.

    Raises:
        SelectionError: a stream comes twice, or a frame's size does not fit 32 bits.
    """
    ordered = sorted(epochs, key=lambda epoch: epoch.stream)
    if load is None:
        costs = np.array([epoch.cost_ms for epoch in ordered], np.float64)
        load = load_of(costs, np.array([len(epoch.records) for epoch in ordered], np.int64))
    ranking, offered = offer(ordered, states, policy, load)
    (awarded,) = award([offered], policy)
    return settle(ranking, awarded)
