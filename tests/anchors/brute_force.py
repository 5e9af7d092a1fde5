"""Anchor selection once more, slowly and literally, to judge the real one by. Plain Python.

A frame is (kind, size) with kind "K", "A", "N", or "E" for the show of a frame decoded before.
"""

import math
from collections.abc import Callable, Mapping

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


def gop_norm(before: list[Frame], frames: list[Frame], left: int, mean: float) -> float:
    """The largest sum of accumulated residuals of the GOPs that an epoch touches, the last one filled up to its end."""
    totals, total, value = [], 0, 0
    for kind, size in before + frames:
        total, value = (0, 0) if kind == "K" else (total, value + size)
        total += value
        totals.append(total)
    return max(0, *totals[len(before) :], total + left * value + mean * sum(range(1, left + 1))) or 1.0


def rank(frames: list[Frame], carry: int, beyond: int, norm: float, ranked_only: str) -> list[Ranked]:
    end = len(frames) + beyond
    values = residuals(frames, carry)
    ranked = [(position, 0.0) for position, (kind, _) in enumerate(frames) if kind == "K"]
    chosen = [position for position, _ in ranked]
    most = len(frames) // 5 + (1 if len(frames) % 5 else 0) if ranked_only == "fifth" else len(frames)
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
            ranked.append((best, best_gain / norm))
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


def waiting(frames: list[Frame], anchors: list[int], before: int) -> int:
    """Shown frames since the last anchor, after the epoch."""
    for position, (kind, _) in enumerate(frames):
        if position in anchors:
            before = 0
        elif kind != "A":
            before += 1
    return before


class Scheduler:
    """Goes through the epochs of several streams, remembering what it needs."""

    def __init__(self) -> None:
        self.carries: dict[str, int] = {}
        self.sizes: dict[str, list[int]] = {}
        self.credits: dict[str, float] = {}
        self.waited: dict[str, int] = {}
        self.since_key: dict[str, int] = {}
        self.begun: set[str] = set()

    def epoch(
        self,
        streams: dict[str, tuple[list[Frame], int | None]],
        costs: dict[str, float],
        budget: float | None,
        fraction: float,
        apart: bool,
        reach: Callable[[str], float],
        own: Mapping[str, float],
        priorities: Mapping[str, float],
        normaliser: str = "mean",
        ranked_only: str = "fifth",
    ) -> dict[str, list[Ranked]]:
        """The anchors of each stream, from a budget or as a fraction of the shown frames of all, or of each (`apart`).

        First KEY frames go first, and are had on credit; nobody gets more than four shares, or one anchor, but for what
        is left of a budget. The last anchor of an epoch serves `reach` frames more. Some have an `own` fraction, and
        share with their like.
        """
        for name in streams:
            self.credits.setdefault(name, 0.0)
            self.waited.setdefault(name, 0)
            self.since_key.setdefault(name, 0)
        queue = []
        for name, (frames, gop_left) in streams.items():
            earlier = self.sizes.get(name, [])
            self.sizes[name] = (earlier + [size for _, size in frames])[-240:]
            mean = average(self.sizes[name])
            kept = min(self.since_key[name], len(self.sizes[name]) - len(frames))
            before = [("N", size) for size in earlier[len(earlier) - kept :]]
            norm = {"mean": mean, "gop": gop_norm(before, frames, gop_left or 0, mean), "none": 1.0}[normaliser]
            beyond = int(min(gop_left or 0, reach(name)))
            ranked = rank(frames, self.carries.get(name, 0), beyond, norm, ranked_only)
            for place, (position, gain) in enumerate(ranked):
                kind = "KAN".index(frames[position][0])
                queue.append((kind, -gain * priorities.get(name, 1.0), place, -self.waited[name], name, position, gain))
        shares = {name: own.get(name, fraction) for name in streams}
        alike = [[name for name in streams if shares[name] == share] for share in sorted(set(shares.values()))]
        shown = {name: sum(kind != "A" for kind, _ in frames) for name, (frames, _) in streams.items()}
        most = {}
        for name in streams:
            share = shown[name] * shares[name]
            if budget is not None:
                time = budget * shown[name] / max(1, sum(shown.values()))
                share = time / costs[name] if costs[name] else math.inf
            most[name] = max(1, math.ceil(4 * share)) if share < math.inf else math.inf
        turns = []
        for kind, gain, place, waited, name, position, own_gain in sorted(queue):
            first = kind == 0 and place == 0 and name not in self.begun and (budget is not None or shares[name] > 0)
            if place < most[name] or budget is not None:
                turns.append((place >= most[name], not first, (kind, gain, place, waited), name, position, own_gain))
        groups = [[name] for name in streams] if apart else alike if budget is None else [list(streams)][: len(streams)]
        spent = dict.fromkeys(streams, 0.0)
        chosen: dict[str, list[Ranked]] = {name: [] for name in streams}
        for group in groups:
            owed = math.fsum(
                [sum(shown[name] for name in group) * shares[group[0]], *(self.credits[name] for name in group)]
            )
            firsts = sum(name in group and not later for _, later, _, name, _, _ in turns)
            limit = max(0, round(owed), firsts) if budget is None else budget
            for _, _, _, name, position, gain in sorted(turns):
                cost = costs[name] if budget is not None else 1
                if name in group and sum(spent[one] for one in group) + cost <= limit:
                    spent[name] += cost
                    chosen[name].append((position, gain))
            if budget is None:
                left = min(owed - sum(len(chosen[name]) for name in group), 1.0)
                self.credits.update((name, left / len(group)) for name in group)
        for name, (frames, _) in streams.items():
            anchors = [position for position, _ in chosen[name]]
            self.carries[name] = left_over(frames, self.carries.get(name, 0), anchors)
            self.waited[name] = waiting(frames, anchors, self.waited[name])
            self.begun |= {name} if anchors else set()
            for kind, _ in frames:
                self.since_key[name] = 0 if kind == "K" else self.since_key[name] + 1
        return chosen
