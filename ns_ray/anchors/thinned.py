"""Anchors left out of a choice that was made: those that show nothing new, or that there are no bytes for."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from ns_ray.anchors.epoch import StreamState
from ns_ray.codecs.records import FrameRecord, FrameType

STILL = 1 / 200
"""Bytes for a luma sample of the LR frame that have to come since the last anchor for another one to show more."""
HEADER = 32
"""Bytes that a frame takes to say that it is the one before it."""


def moving(records: Sequence[FrameRecord], positions: Sequence[int], before: StreamState, samples: int) -> list[int]:
    """The anchors that show more than the last one before them does.

    These are KEY frames, which begin anew, and those before which the video has sent anything to speak of: while an
    encoder refines a picture that stands, there is more to show.

    Args:
        records: an epoch's coded frames in decode order.
        positions: its anchors, indices into `records`.
        before: what the epoch starts from.
        samples: of a frame's luma.

    Returns:
        Those of `positions`, in their order.
    """
    chosen, kept = set(positions), set()
    carry = max(0, before.carry - HEADER * before.waited)
    for position, record in enumerate(records):
        key = _resets(record)
        carry += max(0, record.size - HEADER)
        if position in chosen and (key or carry > STILL * samples):
            kept.add(position)
        if key or position in kept:
            carry = 0
    return [position for position in positions if position in kept]


def thinned(
    after: StreamState, before: StreamState, records: Sequence[FrameRecord], kept: Collection[int]
) -> StreamState:
    """What the next epoch starts from where only some anchors are kept.

    Args:
        after: what it would start from with all of them.
        before: what this epoch started from.
        records: this epoch's coded frames in decode order.
        kept: the anchors, indices into `records`.
    """
    carry, waited = before.carry, before.waited
    for position, record in enumerate(records):
        carry = 0 if _resets(record) or position in kept else carry + record.size
        waited = 0 if position in kept else waited + record.shown
    return replace(after, carry=carry, waited=waited, begun=before.begun or bool(kept))


def _resets(record: FrameRecord) -> bool:
    return record.type is FrameType.KEY and not record.existing
