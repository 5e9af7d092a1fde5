"""Where the time of an epoch went, and why it was late."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from ns_ray.report.results import EpochResult, Span


def time_by_cause(epoch: EpochResult) -> dict[str, float]:
    """Seconds from an epoch's last packet to the end of its inference, or of all work where there was none.

    Returns:
        Seconds by stage, and by `wait for <stage>` for those in which nothing was done for it. What anchors that were
        never made waited for is inference.
    """
    spans = sorted(epoch.spans, key=lambda span: span.start)
    ends = [span.end for span in spans if span.stage == "inference"]
    if ends:
        spans = [span for span in spans if span.start < max(ends)]
    spent: dict[str, float] = defaultdict(float)
    at = epoch.arrived
    for span in spans:
        if span.start > at:
            spent[f"wait for {_next(epoch, span)}"] += span.start - at
            at = span.start
        if span.end > at:
            spent[span.stage] += span.end - at
            at = span.end
    return dict(spent)


def causes(epochs: Iterable[EpochResult]) -> dict[str, int]:
    """Why epochs were late: how many for each cause (see `time_by_cause`) that took most of their time."""
    found = Counter[str]()
    for epoch in epochs:
        spent = time_by_cause(epoch) if epoch.late else {}
        if spent:
            found[max(spent, key=lambda cause: spent[cause])] += 1
    return dict(found.most_common())


def _next(epoch: EpochResult, span: Span) -> str:
    return "inference" if epoch.dropped and span.stage == "write" else span.stage


def busy_share(spans: Iterable[Span], begin: float, end: float) -> float:
    """The share of a time, 0 to 1, in which there was work; spans may be the same, or lie on one another."""
    busy, at = 0.0, begin
    for span in sorted(spans, key=lambda span: span.start):
        busy += max(0.0, min(span.end, end) - max(span.start, at))
        at = max(at, span.end)
    return busy / (end - begin) if end > begin else 0.0
