"""Entries come back as they were; bytes that are none bring nothing to life."""

import os
import pickle
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from ns_ray.actors.journal import Entry, Position, pack, unpack
from ns_ray.actors.reports import EpochReport, Totals
from ns_ray.anchors.epoch import StreamState
from ns_ray.report.results import AnchorResult, EpochResult, Span
from ns_ray.video.packets import Mark, read_units
from ns_ray.video.probe import probe

REPORT = EpochReport(
    EpochResult("s", 4, 1.5, 2.5, [Span("read", 0.0, 1.0)], 2, True, 0.5), (AnchorResult("s", 3, 1, "ALTREF", 2.5, 99),)
)
TOTALS = Totals(1.0, 40, 3, anchors={"KEY": 2}, reasons=("frame 3",), cpu_seconds={"write": 0.1})
STATE = StreamState(77, np.arange(200, dtype=np.uint32), 0.25, 9)


def test_an_entry_comes_back():
    position = Position("run", 5, Mark(160), True, "it broke off", ("a note",), 40, 4, STATE, TOTALS)
    for entry in (Entry(position, REPORT), Entry(position, None), Entry(Position("run", 0), None)):
        assert unpack(pack(entry)) == entry


def test_it_is_small_and_does_not_grow_with_time():
    position = Position("run", 5, Mark(160), state=STATE, totals=TOTALS)
    sizes = [len(pack(Entry(replace(position, number=n, mark=Mark(40 * n)), REPORT))) for n in (5, 5_000_000)]
    assert sizes[0] < 4000
    assert sizes[1] - sizes[0] < 50


def test_marks_of_real_sources_come_back(plain_video):
    units = read_units(probe(str(plain_video)), loop=True)
    for _, unit in zip(range(100), units, strict=False):
        entry = Entry(Position("run", 1, unit.mark), None)
        assert unpack(pack(entry)) == entry


class Evil:
    def __init__(self, what):
        self._what = what

    def __reduce__(self):
        return self._what


@pytest.mark.parametrize("by", ["system", "subclass", "partial", "getattr"])
def test_foreign_pickles_run_nothing(tmp_path, by):
    made = tmp_path / "made"
    evil = {
        "system": Evil((os.system, (f"touch {made}",))),
        "subclass": Evil((exec, (f"open({str(made)!r}, 'w')",))),
        "partial": Evil((partial(os.mkdir, str(made)), ())),
        "getattr": Evil((getattr, (Fraction(1), "limit_denominator"))),
    }[by]
    assert unpack(pickle.dumps(evil)) is None
    assert unpack(pickle.dumps(Entry(Position(evil, 1), None))) is None
    assert not made.exists()


def test_what_is_no_entry_is_none():
    whole = pack(Entry(Position("run", 5), REPORT))
    for data in (b"", b"\x80", bytes(100), whole[:-1], whole[:100], pickle.dumps([1]), pickle.dumps(TOTALS)):
        assert unpack(data) is None
