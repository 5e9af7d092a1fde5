"""Where a stream is: kept in its own output, epoch by epoch, so that another host can go on from there."""

import io
import pickle
from dataclasses import dataclass, field
from typing import Any

from ns_ray.actors.reports import EpochReport, Totals
from ns_ray.anchors.account import Booking
from ns_ray.anchors.epoch import StreamState
from ns_ray.brief_pickle import briefly_pickled
from ns_ray.video.packets import Mark

_KNOWN = {
    "ns_ray.actors.journal": {"Entry", "Position"},
    "ns_ray.actors.reports": {"EpochReport", "Totals"},
    "ns_ray.anchors.account": {"Booking"},
    "ns_ray.anchors.epoch": {"StreamState"},
    "ns_ray.report.results": {"AnchorResult", "EpochResult", "Span"},
    "ns_ray.video.clock": {"Clock", "SideClock"},
    "ns_ray.video.packets": {"Entry", "Mark"},
    "ns_ray.video.place": {"Place"},
    "fractions": {"Fraction"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy._core.multiarray": {"_reconstruct"},
    "copyreg": {"__newobj__", "_reconstructor"},
    "builtins": {"object"},
}


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Position:
    """Where a stream is after an epoch: what it goes on from.

    Attributes:
        run: the plan's name.
        number: the slot of its next epoch, at the earliest.
        mark: where that begins in the source.
        ended: whether there is nothing more to come.
        reason: why it broke off, if it did.
        notes: what its user should know of it, so far.
        since_key: shown frames since the last key frame.
        decoded: epochs decoded.
        state: what selection remembers.
        totals: what came of it so far.
        first: the slot that it began in.
        account: what its anchors were given lately.
    """

    run: str
    number: int
    mark: Mark = field(default_factory=Mark)
    ended: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()
    since_key: int = 0
    decoded: int = 0
    state: StreamState = field(default_factory=StreamState)
    totals: Totals = field(default_factory=Totals)
    first: int = 0
    account: tuple[Booking, ...] = ()


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Entry:
    """A position, and the epoch that led there; None where only packets of other tracks did."""

    position: Position
    report: EpochReport | None


def pack(entry: Entry) -> bytes:
    """An entry as the bytes of a note."""
    return pickle.dumps(entry, protocol=5)


def unpack(data: bytes) -> Entry | None:
    """The entry in a note; None if it is no such thing. Only what entries are made of is brought to life."""
    try:
        entry = _Unpickler(io.BytesIO(data)).load()
    except Exception:  # whatever strange bytes may raise
        return None
    return entry if isinstance(entry, Entry) else None


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if global_name not in _KNOWN.get(module_name, ()):
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is no part of a journal")
        return super().find_class(module_name, global_name)
