"""Many streams made of a few: each goes through one of them over and over, from a place of its own on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ns_ray.codecs.records import FrameRecord


def looped(records: Sequence[FrameRecord], first: int, packets: int) -> list[FrameRecord]:
    """The records of a stream that shows another one from packet `first` on, and again from its beginning.

    Args:
        records: of the other one, in decode order, which begins with a KEY frame.
        first: the packet to begin with, counted from 0.
        packets: how many.
    """
    parts: list[list[FrameRecord]] = [[] for _ in range(records[-1].video_index + 1)]
    for record in records:
        parts[record.video_index].append(record)
    places = ((number, parts[(first + number) % len(parts)]) for number in range(packets))
    return [replace(record, video_index=number) for number, part in places for record in part]


def many(contents: Mapping[str, Sequence[FrameRecord]], count: int, packets: int) -> dict[str, list[FrameRecord]]:
    """`count` streams of `packets` packets, about equally many of each content, from places spread evenly over it.

    Returns:
        By name: that of the content, `@` and the first packet's number, content by content.
    """
    made: dict[str, list[FrameRecord]] = {}
    base, more = divmod(count, len(contents))
    for number, (name, records) in enumerate(contents.items()):
        mine, length = base + (number < more), records[-1].video_index + 1
        for place in range(mine):
            first = place * length // mine
            made[f"{name}@{first}" if f"{name}@{first}" not in made else f"{name}@{first}-{place}"] = looped(
                records, first, packets
            )
    return made
