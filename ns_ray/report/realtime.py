"""Whether a run kept up with real time (NeuroScaler's rule, stated for each stage).

Video is measured by its own time, so that streams of any frame rate, variable ones too, are held to one rule.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ns_ray.report.published_logs import StreamLog, Time
from ns_ray.report.results import BenchmarkResult, EpochResult, Rule

# A paced run may miss deadlines while it gets under way.
WARM_UP_EPOCHS = 2
LEAST_EPOCHS = 5
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


def not_judged(result: BenchmarkResult) -> str:
    """Why it cannot be told whether a run was in real time; empty where it can.

    It can of a paced run that decoded frames, wanted anchors, and in which every stream that ran had five epochs.
    """
    ran = [stream for stream in result.streams if stream.frames]
    if not ran:
        return "no frame was decoded"
    if not any(sum(stream.anchors.values()) + stream.dropped_anchors for stream in ran):
        return "no anchor was made"
    if not result.paced:
        return "packets came as fast as possible; --paced has it judged"
    epochs = Counter(epoch.stream for epoch in result.epochs)
    return _too_short(min(epochs[stream.name] for stream in ran))


def published_not_judged(logs: Sequence[StreamLog]) -> str:
    """The same of logs; epochs are told apart by their deadlines."""
    if not any(log.decode for log in logs):
        return "no frame was decoded"
    inferred = [log for log in logs if log.infer]
    if not inferred:
        return "no anchor was made"
    return _too_short(max(len({*log.deadlines}) for log in inferred))


def _too_short(epochs: int) -> str:
    if epochs >= LEAST_EPOCHS:
        return ""
    return f"it takes {LEAST_EPOCHS} epochs or more, and there were {epochs}; a larger --num-frames gives more"


def rules(paces: Iterable[Pace], *, paced: bool, decoders: int = 1) -> list[Rule]:
    """Hold every stream against real time; each rule gives the worst one.

    - decoding: of a paced run, from the first epoch's end of decoding to the last's, at least 59 of 60 seconds in time;
      of a run as fast as possible, as much by the decoders' working time, shared among the streams;
    - inference: a paced run misses no deadline (an epoch after its slot; 100 ms more at the end) after the first two
      epochs, if there are more; a run as fast as possible gets through inference of at least 59/60 s of video a second;
    - encoding: follows inference within the time of an epoch.

    What did not happen, such as inference where there are no anchors, has no rule.
    """
    paces = [pace for pace in paces if pace.epochs]
    if not paces:
        return []
    decode = _slowest(paces, "decode") if paced else _decode_capacity(paces, decoders)
    lags = [lag for pace in paces for epoch in pace.epochs if (lag := _encode_lag(epoch)) is not None]
    slot_seconds = min(pace.slot_seconds for pace in paces)
    found = [] if decode is None else [Rule("decoding", decode, SHARE, _UNIT, decode >= SHARE)]
    if paced:
        counted = [pace.epochs[WARM_UP_EPOCHS:] or pace.epochs for pace in paces]
        missed = sum(epoch.late for epochs in counted for epoch in epochs)
        found.append(Rule("inference", missed, 0, "missed deadlines", missed == 0))
    elif (speed := _slowest(paces, "inference")) is not None:
        found.append(Rule("inference", speed, SHARE, _UNIT, speed >= SHARE))
    if lags:
        lag = max(lags)
        found.append(Rule("encoding", lag, slot_seconds, "s behind inference", lag <= slot_seconds))
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


def _slowest(paces: Iterable[Pace], stage: str) -> float | None:
    """The speed of the slowest stream; None where none passed that stage."""
    return min((speed for pace in paces if (speed := _speed(pace, stage)) is not None), default=None)


def _speed(pace: Pace, stage: str) -> float | None:
    """Seconds of video that passed a stage in a second, after the first epoch; None where there is no time to tell."""
    passed = [(epoch, end) for epoch in pace.epochs if (end := _end(epoch, stage)) is not None]
    if len(passed) < 2:
        # Too short to tell a speed: the one epoch's own time must do.
        worked = _worked(pace, stage)
        return sum(epoch.seconds for epoch in pace.epochs) / worked if worked > 0 else None
    (first, begin), (last, _) = passed[0], passed[-1]
    media = pace.media_end(last) - pace.media_end(first)
    took = max(end for _, end in passed) - begin
    return media / took if took > 0 else None


def _decode_capacity(paces: Sequence[Pace], decoders: int) -> float | None:
    """Seconds of every stream's video decoded in a second, by decoders that do nothing else; each stream has one."""
    works = [
        _worked(pace, "decode") / max(sum(epoch.seconds for epoch in pace.epochs), 1e-9) for pace in paces
    ]  # seconds of work for a second of video
    most = max(*works, sum(works) / decoders)
    return 1 / most if most > 0 else None


def _worked(pace: Pace, stage: str) -> float:
    return sum(span.seconds for epoch in pace.epochs for span in epoch.spans if span.stage == stage)


def _encode_lag(epoch: EpochResult) -> float | None:
    inferred, encoded = _end(epoch, "inference"), _end(epoch, "encode")
    return max(0.0, encoded - inferred) if inferred is not None and encoded is not None else None


def _end(epoch: EpochResult, stage: str) -> float | None:
    return max((span.end for span in epoch.spans if span.stage == stage), default=None)
