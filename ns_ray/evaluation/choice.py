"""The anchors of whole streams, chosen before they are enhanced."""

from collections.abc import Iterator, Mapping, Sequence

from ns_ray.anchors.epoch import shown_since_key
from ns_ray.anchors.policies import Policy
from ns_ray.anchors.select import StreamEpoch, StreamState, select
from ns_ray.codecs.records import FrameRecord
from ns_ray.dataset.ladder import GOP
from ns_ray.evaluation.method import Name

EPOCH = 40
"""Shown frames between two selections, as published."""


def choose(records: Sequence[FrameRecord], policy: Policy) -> frozenset[Name]:
    """The anchors of one stream by a policy; `records` are its coded frames in decode order."""
    return choose_together({"": records}, policy)[""]


def choose_together(streams: Mapping[str, Sequence[FrameRecord]], policy: Policy) -> dict[str, frozenset[Name]]:
    """The anchors of streams that begin together, chosen for all of them at once, epoch by epoch.

    They go on frame by frame, whatever their frame rates. One that has ended takes no further part.

    Args:
        streams: the coded frames of each in decode order, by name.
        policy: by which streams compete, or do not.
    """
    chosen: dict[str, set[Name]] = {name: set() for name in streams}
    states: dict[str, StreamState] = {}
    since_keys = dict.fromkeys(streams, 0)
    left = {name: _epochs(records) for name, records in streams.items()}
    while parts := {name: part for name, epochs in left.items() if (part := next(epochs, None)) is not None}:
        since_keys |= {name: shown_since_key(part, since_keys[name]) for name, part in parts.items()}
        asked = [StreamEpoch(name, part, max(0, GOP - since_keys[name])) for name, part in parts.items()]
        for name, choice in select(asked, states, policy).items():
            part, states[name] = parts[name], choice.state
            chosen[name] |= {(part[i].video_index, part[i].super_index) for i in choice.positions}
    return {name: frozenset(names) for name, names in chosen.items()}


def whole_epochs(records: Sequence[FrameRecord]) -> list[FrameRecord]:
    """The records without those of a last epoch that is not whole, unless it is the only one.

    So no share of anchors need be rounded, where an epoch's is whole.
    """
    packets = records[-1].video_index + 1 if records else 0
    return [one for one in records if packets < EPOCH or one.video_index < packets - packets % EPOCH]


def _epochs(records: Sequence[FrameRecord]) -> Iterator[list[FrameRecord]]:
    """The coded frames of each epoch; the last one may be shorter."""
    parts: list[list[FrameRecord]] = [[] for _ in range(0, records[-1].video_index + 1 if records else 0, EPOCH)]
    for record in records:
        parts[record.video_index // EPOCH].append(record)
    return iter(parts)
