"""What an enhancer is counted on for, when it does not keep up: a slow controller by the anchors that were given up."""

PERIOD_SECONDS = 4.0
TOLERATED = 0.02
"""Part of the chosen anchors that may be late without anything being done."""
CALM_SECONDS = 20.0
LEAST_PART = 0.05
_DOWN, _UP = 0.9, 1.05
_LEAST_LATE = 2


class Overload:
    """Of one enhancer.

    Every `PERIOD_SECONDS` what became of its streams' anchors is looked at. Where more than `TOLERATED` (and more than
    one) were given up as they were late, what it was asked for was too much: from then on it is counted on for a tenth
    less than that. After `CALM_SECONDS` without, it is counted on for 5 % more every period, up to what was measured.
    It is never counted on for less than `LEAST_PART` of that.

    Attributes:
        part: 0..1, the part of its measured speed that counts.
    """

    __slots__ = ("_calm", "_chosen", "_late", "_since", "part")

    def __init__(self, now: float) -> None:
        """Begin at a time, in seconds."""
        self.part = 1.0
        self._since = self._calm = now
        self._chosen = self._late = 0

    def forget(self, now: float) -> None:
        """Leave out what was counted since the last period: it was away, which is no overload."""
        self._since, self._chosen, self._late = now, 0, 0

    def take(self, now: float, chosen: int, late: int, asked: float) -> None:
        """Count anchors.

        Args:
            now: seconds, on the same clock.
            chosen: anchors that were chosen since the last time.
            late: of these, those that were given up.
            asked: the part of its measured speed that its streams ask for now.
        """
        self._chosen += chosen
        self._late += late
        if now - self._since < PERIOD_SECONDS:
            return
        if self._late >= _LEAST_LATE and self._late > TOLERATED * self._chosen:
            self.part = max(LEAST_PART, _DOWN * min(self.part, asked))
            self._calm = now
        elif now - self._calm >= CALM_SECONDS:
            self.part = min(1.0, self.part * _UP)
        self.forget(now)
