"""Which GPU each stream is on."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Literal

Group = tuple[str, ...]
"""The streams of one GPU."""
Placement = tuple[Group, ...]
"""The streams of each GPU."""
Way = Literal["alike", "spread", "random"]


def placements(streams: Sequence[str], gpus: int) -> Iterator[Placement]:
    """All ways to place streams on equal GPUs, as many on each as on the others, or one more; none if some had none."""
    base, more = divmod(len(streams), gpus)
    if base:
        yield from _split(tuple(streams), Counter({base + 1: more, base: gpus - more}))


def _split(left: Group, sizes: Counter[int]) -> Iterator[Placement]:
    if not left:
        yield ()
        return
    first, others = left[0], left[1:]
    for size in [size for size, count in sizes.items() if count]:
        for mates in combinations(others, size - 1):
            rest = tuple(stream for stream in others if stream not in mates)
            for more in _split(rest, sizes - Counter({size: 1})):
                yield (first, *mates), *more


def placed(streams: Sequence[str], gpus: int, way: Way, seed: int = 0) -> Placement:
    """One way to place streams, about equally many on each GPU.

    Args:
        streams: in an order in which neighbours are alike.
        gpus: how many, at most one a stream.
        way: `alike`: neighbours are together; `spread`: neighbours are apart; `random`, by `seed`.
        seed: what to draw by.
    """
    if way == "spread":
        return tuple(tuple(streams[gpu::gpus]) for gpu in range(gpus))
    order = random.Random(seed).sample(streams, len(streams)) if way == "random" else streams
    bounds = [round(gpu * len(order) / gpus) for gpu in range(gpus + 1)]
    return tuple(tuple(order[first:end]) for first, end in pairwise(bounds))
