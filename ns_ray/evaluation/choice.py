"""The anchors of a whole stream, chosen before it is enhanced."""

from collections.abc import Iterator, Sequence

from ns_ray.anchors.epoch import shown_since_key
from ns_ray.anchors.policies import Policy
from ns_ray.anchors.select import StreamEpoch, StreamState, select
from ns_ray.dataset.ladder import GOP
from ns_ray.evaluation.method import Name
from ns_ray.vp9.records import FrameRecord

EPOCH = 40
"""Shown frames between two selections, as published."""


def choose(records: Sequence[FrameRecord], policy: Policy) -> frozenset[Name]:
    """The anchors by a policy; `records` are the coded frames in decode order."""
    chosen: set[Name] = set()
    state, since_key = StreamState(), 0
    for part in _epochs(records):
        since_key = shown_since_key(part, since_key)
        choice = select([StreamEpoch("", part, max(0, GOP - since_key))], {"": state}, policy)[""]
        chosen |= {(part[i].video_index, part[i].super_index) for i in choice.positions}
        state = choice.state
    return frozenset(chosen)


def _epochs(records: Sequence[FrameRecord]) -> Iterator[list[FrameRecord]]:
    """The coded frames of each epoch; the last one may be shorter."""
    for start in range(0, records[-1].video_index + 1 if records else 0, EPOCH):
        yield [record for record in records if start <= record.video_index < start + EPOCH]
