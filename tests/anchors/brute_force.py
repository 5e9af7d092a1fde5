"""Anchor selection once more, slowly and literally, to judge the real one by. Plain Python.

A frame is (kind, size) with kind "K", "A", "N", or "E" for the show of a frame decoded before.
"""

Frame = tuple[str, int]
Ranked = tuple[int, float]


def residuals(frames: list[Frame], carry: int) -> list[int]:
    values = []
    value = carry
    for kind, size in frames:
        value = 0 if kind == "K" else value + size
        values.append(value)
    return values


def following(frames: list[Frame], chosen: list[int], position: int, end: int) -> int:
    for later in range(position + 1, len(frames)):
        if later in chosen or frames[later][0] == "K":
            return later
    return end


def wipe(values: list[int], frames: list[Frame], chosen: list[int], position: int) -> None:
    taken = values[position]
    for later in range(position, following(frames, chosen, position, len(frames))):
        values[later] -= taken


def average(sizes: list[int]) -> float:
    return sum(sizes) / len(sizes) if sum(sizes) else 1.0


def rank(frames: list[Frame], carry: int, beyond: int, mean: float) -> list[Ranked]:
    end = len(frames) + beyond
    values = residuals(frames, carry)
    ranked = [(position, 0.0) for position, (kind, _) in enumerate(frames) if kind == "K"]
    chosen = [position for position, _ in ranked]
    most = len(frames) // 5 + (1 if len(frames) % 5 else 0)
    for wanted in "AN":
        while len(ranked) < most:
            best, best_gain = -1, -1
            for position, (kind, _) in enumerate(frames):
                if kind == wanted and position not in chosen:
                    gain = values[position] * (following(frames, chosen, position, end) - position)
                    if gain > best_gain:
                        best, best_gain = position, gain
            if best < 0:
                break
            wipe(values, frames, chosen, best)
            chosen.append(best)
            ranked.append((best, best_gain / mean))
    return ranked


def left_over(frames: list[Frame], carry: int, anchors: list[int]) -> int:
    """What is left at the epoch's last frame, the anchors applied one after the other."""
    if not frames:
        return carry
    values = residuals(frames, carry)
    done: list[int] = []
    for position in anchors:
        wipe(values, frames, done, position)
        done.append(position)
    return values[-1]


class Scheduler:
    """Goes through the epochs of several streams, remembering what it needs."""

    def __init__(self) -> None:
        self.carries: dict[str, int] = {}
        self.sizes: dict[str, list[int]] = {}

    def epoch(
        self,
        streams: dict[str, tuple[list[Frame], int | None]],
        costs: dict[str, float],
        budget: float | dict[str, float],
        reach: float,
    ) -> dict[str, list[Ranked]]:
        """The anchors of each stream, from one budget for all or one each, the last serving `reach` frames more."""
        queue = []
        for name, (frames, gop_left) in streams.items():
            self.sizes[name] = (self.sizes.get(name, []) + [size for _, size in frames])[-240:]
            mean = average(self.sizes[name])
            for position, gain in rank(frames, self.carries.get(name, 0), int(min(gop_left or 0, reach)), mean):
                queue.append(("KAN".index(frames[position][0]), -gain, name, position))
        spent = dict.fromkeys(streams, 0.0)
        chosen: dict[str, list[Ranked]] = {name: [] for name in streams}
        for _, loss, name, position in sorted(queue):
            if isinstance(budget, dict):
                fits = spent[name] + costs[name] <= budget[name]
            else:
                fits = sum(spent.values()) + costs[name] <= budget
            if fits:
                spent[name] += costs[name]
                chosen[name].append((position, -loss))
        for name, (frames, _) in streams.items():
            anchors = [position for position, _ in chosen[name]]
            self.carries[name] = left_over(frames, self.carries.get(name, 0), anchors)
        return chosen
