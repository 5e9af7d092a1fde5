"""Frames for the tests: traces of real VP9 streams, random ones, and their records."""

import json
import random
from pathlib import Path

from brute_force import Frame

from ns_ray.codecs.records import FrameRecord, FrameType

FILE = Path(__file__).with_suffix(".json")
TYPES = {"K": FrameType.KEY, "A": FrameType.ALTREF, "N": FrameType.NORMAL, "E": FrameType.NORMAL}


def real() -> dict[str, list[list[Frame]]]:
    """The frames of each trace, packet by packet."""
    traces = json.loads(FILE.read_text())["traces"]
    return {
        name: [[(kind[0], size) for kind, size in packet] for packet in trace["packets"]]
        for name, trace in traces.items()
    }


def flatten(packets: list[list[Frame]]) -> list[Frame]:
    return [frame for packet in packets for frame in packet]


def some(rng: random.Random, length: int, largest: int = 20000, weights: str = "KAANNNNNNNNNNNNNNE") -> list[Frame]:
    return [(rng.choice(weights), rng.randint(0, largest)) for _ in range(length)]


def records(frames: list[Frame]) -> list[FrameRecord]:
    """A shown frame ends its packet."""
    made = []
    video_index = super_index = 0
    for kind, size in frames:
        shown = kind != "A"
        made.append(FrameRecord(video_index, super_index, TYPES[kind], size, shown, existing=kind == "E"))
        video_index, super_index = (video_index + 1, 0) if shown else (video_index, super_index + 1)
    return made


def shown(frames: list[Frame]) -> int:
    return sum(kind != "A" for kind, _ in frames)
