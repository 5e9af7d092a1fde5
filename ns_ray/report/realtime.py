"""Whether a run kept up with real time (NeuroScaler's rule, stated for each stage).

Video is measured by its own time, so that streams of any frame rate, variable ones too, are held to one rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ns_ray.report.published_logs import StreamLog, Time
from ns_ray.report.results import EpochResult, Rule

# A paced run may miss deadlines while it gets under way.
WARM_UP_EPOCHS = 2
# The published rule: decoding keeps 59 frames a second of a stream of 60.
SHARE = 59 / 60
_FRAME_RATE = 60
_GRACE_SECONDS = 0.1
_LEAST_LEAD = -1.0
_UNIT = "s of video a second"


@dataclass(frozen=True, slots=True)
class Pace:
    """One stream for the rule: seconds of a slot, and its epochs in order."""

    slot_seconds: float
    epochs: Sequence[EpochResult]

    def media_end(self, epoch: EpochResult) -> float:
        """When an epoch's video ends, in seconds since slot 0 began."""
        return epoch.epoch * self.slot_seconds + epoch.seconds


def rules(paces: Iterable[Pace], *, paced: bool, decoders: int = 1) -> list[Rule]:
    """Hold every stream against real time; each rule gives the worst one.

    - decoding: of a paced run, from the first epoch's end of decoding to the last's, at least 59 of 60 seconds in time;
      of a run as fast as possible, as much by the decoders' working time, shared among the streams;
    - inference: a paced run misses no deadline (an epoch after its slot; 100 ms more at the end) after the first two
      epochs, if there are more; a run as fast as possible gets through inference of at least 59/60 s of video a second;
    - encoding: follows inference within the time of an epoch.
    """
    paces = [pace for pace in paces if pace.epochs]
    if not paces:
        return []
    decode = min(_speed(pace, "decode") for pace in paces) if paced else _decode_capacity(paces, decoders)
    encode_lag = max((_encode_lag(epoch) for pace in paces for epoch in pace.epochs), default=0.0)
    slot_seconds = min(pace.slot_seconds for pace in paces)
    found = [Rule("decoding", decode, SHARE, _UNIT, decode >= SHARE)]
    if paced:
        counted = [pace.epochs[WARM_UP_EPOCHS:] or pace.epochs for pace in paces]
        missed = sum(epoch.late for epochs in counted for epoch in epochs)
        found.append(Rule("inference", missed, 0, "missed deadlines", missed == 0))
    else:
        speed = min(_speed(pace, "inference") for pace in paces)
        found.append(Rule("inference", speed, SHARE, _UNIT, speed >= SHARE))
    found.append(Rule("encoding", encode_lag, slot_seconds, "s behind inference", encode_lag <= slot_seconds))
    return found


def published_rules(logs: Sequence[StreamLog]) -> list[Rule]:
    """Hold logs against real time as the published check does; each rule gives the worst stream.

    - decoding: at least 59 frames a second, from the first start to the last end;
    - inference: the last anchor is there less than 0.1 s after its deadline;
    - encoding: no more than 1 frame a second slower than inference.

    It is milder than `rules` in that missed deadlines count at the end alone. Source: published-scripts.md, options.
    """
    decode = min((_frames_a_second(log.decode) for log in logs), default=0.0)
    overdue = max((log.infer[-1][1] - log.deadlines[-1] for log in logs if log.infer), default=0.0)
    lead = min((_frames_a_second(log.encode) - _frames_a_second(log.infer) for log in logs), default=0.0)
    least = SHARE * _FRAME_RATE
    return [
        Rule("decoding", decode, least, "frames a second", decode >= least),
        Rule("inference", overdue, _GRACE_SECONDS, "s after the last deadline", overdue < _GRACE_SECONDS),
        Rule("encoding", lead, _LEAST_LEAD, "frames a second ahead of inference", lead >= _LEAST_LEAD),
    ]


def _frames_a_second(times: Sequence[Time]) -> float:
    """Lines over the time from the first start to the last end; 0 where there are none."""
    if not times:
        return 0.0
    return len(times) / max(max(end for _, end in times) - min(start for start, _ in times), 1e-9)


def _speed(pace: Pace, stage: str) -> float:
    """Seconds of video that passed a stage in a second, after the first epoch."""
    passed = [(epoch, end) for epoch in pace.epochs if (end := _end(epoch, stage)) is not None]
    if len(passed) < 2:
        # Too short to tell a speed: the one epoch's own time must do.
        return sum(epoch.seconds for epoch in pace.epochs) / max(_worked(pace, stage), 1e-9)
    (first, begin), (last, _) = passed[0], passed[-1]
    media = pace.media_end(last) - pace.media_end(first)
    return media / max(max(end for _, end in passed) - begin, 1e-9)


def _decode_capacity(paces: Sequence[Pace], decoders: int) -> float:
    """Seconds of every stream's video decoded in a second, by decoders that do nothing else; each stream has one."""
    works = [
        _worked(pace, "decode") / max(sum(epoch.seconds for epoch in pace.epochs), 1e-9) for pace in paces
    ]  # seconds of work for a second of video
    return 1 / max(*works, sum(works) / decoders, 1e-9)


def _worked(pace: Pace, stage: str) -> float:
    return sum(span.seconds for epoch in pace.epochs for span in epoch.spans if span.stage == stage)


def _encode_lag(epoch: EpochResult) -> float:
    inferred, encoded = _end(epoch, "inference"), _end(epoch, "encode")
    return max(0.0, encoded - inferred) if inferred is not None and encoded is not None else 0.0


def _end(epoch: EpochResult, stage: str) -> float | None:
    return max((span.end for span in epoch.spans if span.stage == stage), default=None)
