"""Whether a run kept up with real time (NeuroScaler's rule, stated for each stage)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ns_ray.results import EpochResult, Rule

# A paced run may miss deadlines while it gets under way.
WARM_UP_EPOCHS = 2
# The published rule: decoding keeps 59 frames a second of a stream of 60.
SHARE = 59 / 60


@dataclass(frozen=True, slots=True)
class Pace:
    """One stream for the rule: its frames a second, seconds an epoch, and its epochs in order."""

    frame_rate: float
    epoch_seconds: float
    epochs: Sequence[EpochResult]


def rules(paces: Iterable[Pace], *, paced: bool, decoders: int = 1) -> list[Rule]:
    """Hold every stream against real time; each rule gives the worst one.

    - decoding: of a paced run, from the first epoch's end of decoding to the last's, at least 59 of 60 frames in time;
      of a run as fast as possible, as many by the decoders' working time, shared among the streams;
    - inference: a paced run misses no deadline (an epoch after its arrival; 100 ms more at the end) after the first
      two epochs, if there are more; a run as fast as possible finishes inference of at least 59/60 epochs in the time
      of one;
    - encoding: follows inference within the time of an epoch.
    """
    paces = [pace for pace in paces if pace.epochs]
    if not paces:
        return []
    if paced:
        decode = min(_rate(pace, "decode") * pace.frame_rate for pace in paces)
    else:
        decode = min(map(_decode_capacity, paces)) * min(decoders, len(paces)) / len(paces)
    frame_rate = min(pace.frame_rate for pace in paces)
    encode_lag = max((_encode_lag(epoch) for pace in paces for epoch in pace.epochs), default=0.0)
    epoch_seconds = min(pace.epoch_seconds for pace in paces)
    found = [Rule("decoding", decode, SHARE * frame_rate, "frames/s", decode >= SHARE * frame_rate)]
    if paced:
        counted = [pace.epochs[WARM_UP_EPOCHS:] or pace.epochs for pace in paces]
        missed = sum(epoch.late for epochs in counted for epoch in epochs)
        found.append(Rule("inference", missed, 0, "missed deadlines", missed == 0))
    else:
        rate = min(_rate(pace, "inference") for pace in paces)
        found.append(Rule("inference", rate, SHARE, "epochs in the time of one", rate >= SHARE))
    found.append(Rule("encoding", encode_lag, epoch_seconds, "s behind inference", encode_lag <= epoch_seconds))
    return found


def _rate(pace: Pace, stage: str) -> float:
    """Epochs that passed a stage in the time of one, after the first."""
    ends = [end for epoch in pace.epochs if (end := _end(epoch, stage)) is not None]
    if len(ends) < 2:
        # Too short to tell a rate: the one epoch's own time must do.
        spans = [s.seconds for epoch in pace.epochs for s in epoch.spans if s.stage == stage]
        return pace.epoch_seconds / max(sum(spans), 1e-9)
    return (len(ends) - 1) * pace.epoch_seconds / max(max(ends) - ends[0], 1e-9)


def _decode_capacity(pace: Pace) -> float:
    """Frames decoded in a second of decoding."""
    seconds = sum(span.seconds for epoch in pace.epochs for span in epoch.spans if span.stage == "decode")
    return len(pace.epochs) * pace.epoch_seconds * pace.frame_rate / max(seconds, 1e-9)


def _encode_lag(epoch: EpochResult) -> float:
    inferred, encoded = _end(epoch, "inference"), _end(epoch, "encode")
    return max(0.0, encoded - inferred) if inferred is not None and encoded is not None else 0.0


def _end(epoch: EpochResult, stage: str) -> float | None:
    return max((span.end for span in epoch.spans if span.stage == stage), default=None)
