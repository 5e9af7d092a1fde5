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
    for part in epochs(records):
        since_key = shown_since_key(part, since_key)
        choice = select([StreamEpoch("", part, max(0, GOP - since_key))], {"": state}, policy)[""]
        chosen |= {_name(part[i]) for i in choice.positions}
        state = choice.state
    return frozenset(chosen)


def spaced(records: Sequence[FrameRecord], anchors: int) -> frozenset[Name]:
    """So many equally spaced anchors of each epoch's *coded* frames, hidden ones included (published step 5).

    Frame i x (coded frames // anchors) of an epoch is one, for i from 0 on. Frames that only show what was decoded
    before are not coded, and hidden ones that nothing can refer to are not decoded.
    """
    chosen: set[Name] = set()
    for part in epochs(records):
        coded = [
            record
            for record in part
            if not record.existing and not record.lower_layer and (record.shown or record.refreshed)
        ]
        step = max(1, len(coded) // anchors)
        chosen |= {_name(record) for record in coded[: step * anchors : step]}
    return frozenset(chosen)


def epochs(records: Sequence[FrameRecord]) -> Iterator[list[FrameRecord]]:
    """The coded frames of each epoch; the last one may be shorter."""
    for start in range(0, records[-1].video_index + 1 if records else 0, EPOCH):
        yield [record for record in records if start <= record.video_index < start + EPOCH]


def _name(record: FrameRecord) -> Name:
    return record.video_index, record.super_index
