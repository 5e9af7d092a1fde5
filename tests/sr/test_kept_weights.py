"""Weights of many streams: the least recently used go, and what an engine prepares is what is kept."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ns_ray.errors import ModelError
from ns_ray.sr import kept_weights
from ns_ray.sr.kept_weights import KeptWeights, Owner
from ns_ray.sr.models import build
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.weights import Weights, load_weights, save_weights

MODEL = "EDSR_B1_F4_S3"


class Engine(TorchEngine):
    """Says what it prepared."""

    def __init__(self, name: str) -> None:
        super().__init__(MODEL, 8, 8)
        self.name = name

    def prepare(self, weights: Weights) -> Weights:
        return {**weights}


@pytest.fixture
def owners(tmp_path: Path) -> list[Owner]:
    made: list[Owner] = []
    for number in range(3):
        path = tmp_path / f"{number}.pt"
        save_weights(build(MODEL, number).state_dict(), path)
        made.append((MODEL, str(path)))
    return made


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    names: list[str] = []

    def noted(model: str, path: Path) -> Weights:
        names.append(path.stem)
        return load_weights(model, path)

    monkeypatch.setattr(kept_weights, "load_weights", noted)
    return names


def test_the_least_recently_used_goes(owners: list[Owner], read: Sequence[str]) -> None:
    kept = KeptWeights(2)
    for at in (0, 1, 0, 2, 0, 1):
        weights = kept.read(owners[at])
        assert all(weights[key].equal(value) for key, value in build(MODEL, at).state_dict().items())
    assert read == ["0", "1", "2", "1"]
    assert [owner in kept for owner in owners] == [True, True, False]
    assert len(kept) == 2


def test_what_an_engine_prepared_is_kept_for_its_kind(owners: list[Owner], read: Sequence[str]) -> None:
    kept, one, other = KeptWeights(2), Engine("one"), Engine("other")
    raw = kept.read(owners[0])
    prepared = kept.prepared(owners[0], one)
    assert prepared is not raw
    assert kept.prepared(owners[0], Engine("one")) is kept.read(owners[0]) is prepared
    assert kept.prepared(owners[0], other) is not prepared
    assert kept.prepared(owners[1], one) is kept.read(owners[1])
    assert read == ["0", "1"]


def test_weights_that_cannot_be_read_leave_nothing(tmp_path: Path) -> None:
    kept = KeptWeights(2)
    with pytest.raises(ModelError, match="no weights for EDSR_B1_F4_S3"):
        kept.read((MODEL, str(tmp_path / "absent.pt")))
    assert len(kept) == 0
