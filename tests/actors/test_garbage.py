"""Garbage is collected in rounds, and nothing that becomes garbage is kept from it."""

import gc
import sys
import types
import weakref
from collections.abc import Iterator

import pytest

from ns_ray.actors import garbage
from ns_ray.actors.garbage import Collector


class Knot:
    """Refers to itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    """Python's own rounds are off here but for what a test does, and back afterwards."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


def _made(collector: Collector) -> Collector:
    collector.collect()  # the first round, which freezes
    return collector


def test_a_new_cycle_is_freed_by_the_next_round() -> None:
    collector = _made(Collector(memory=lambda: 100))
    knot = weakref.ref(Knot())
    assert knot() is not None
    assert collector.collect() > 0
    assert knot() is None


def test_an_old_cycle_is_freed_by_the_next_full_round() -> None:
    """It lived through rounds, the first but one included, and was not frozen."""
    collector = _made(Collector(memory=lambda: 100))
    knot = Knot()
    for _ in range(garbage._FULL_ROUNDS + 2):
        collector.collect()
    seen = weakref.ref(knot)
    del knot
    for _ in range(garbage._FULL_ROUNDS):
        collector.collect()
    assert seen() is None


def test_memory_that_grows_makes_a_full_round_due() -> None:
    memory = [100]
    collector = _made(Collector(memory=lambda: memory[0]))
    knot = Knot()
    for _ in range(3):
        collector.collect()
    seen = weakref.ref(knot)
    del knot
    collector.collect()
    assert seen() is not None  # a short round leaves old ones alone
    memory[0] = 130
    collector.collect()
    assert seen() is None


def test_programs_are_frozen_at_first_and_when_many_more_are_imported(monkeypatch) -> None:
    collector = Collector(memory=lambda: 100)
    gc.unfreeze()
    collector.collect()
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    for _ in range(garbage._FULL_ROUNDS):
        collector.collect()
    assert gc.get_freeze_count() <= frozen
    more = {f"made_up_{i}": types.ModuleType(f"made_up_{i}") for i in range(len(sys.modules) // 10)}
    monkeypatch.setattr(sys, "modules", {**sys.modules, **more})
    for _ in range(garbage._FULL_ROUNDS):
        collector.collect()
    assert gc.get_freeze_count() > frozen


def test_automatic_rounds_are_off_and_stay_off() -> None:
    gc.enable()
    collector = Collector(interval_seconds=3600)
    collector.start()
    assert not gc.isenabled()
    gc.enable()
    collector.collect()
    assert not gc.isenabled()
