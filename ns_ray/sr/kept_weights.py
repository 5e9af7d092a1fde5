"""Weights of many streams in memory, as many as are allowed; the others are read from their files when needed."""

from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ns_ray.sr.engine import Engine
from ns_ray.sr.weights import Weights, load_weights

Owner = tuple[str, str | None]
"""A model and the file of its weights; None for the pretrained ones."""


@dataclass(frozen=True, slots=True)
class _Set:
    """Weights, in the form that the engines of this name load fastest; as they were read where there is no name."""

    weights: Weights
    engine: str


class KeptWeights:
    """Sets of weights; those not used for longest go where there are too many. Safe for threads to share."""

    def __init__(self, limit: int) -> None:
        """Keeps as many sets as `limit` says, 1 or more."""
        self._limit = limit
        self._sets: dict[Owner, _Set] = {}  # the one used last is the last
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._sets)

    def __contains__(self, owner: Owner) -> bool:
        return owner in self._sets

    def read(self, owner: Owner) -> Weights:
        """Weights as they are kept, read from their file if they are not.

        Raises:
            ModelError: no such model, or the file is missing, damaged or for another model.
        """
        return self._set(owner).weights

    def prepared(self, owner: Owner, engine: Engine) -> Weights:
        """Weights in the form that an engine loads fastest.

        Raises:
            ModelError: as `read`, or they are not for the engine's model.
        """
        found = self._set(owner)
        if found.engine != engine.name:
            found = _Set(engine.prepare(found.weights), engine.name)
            self._keep(owner, found)
        return found.weights

    def _set(self, owner: Owner) -> _Set:
        with self._lock:
            found = self._sets.pop(owner, None)
            if found is not None:
                self._sets[owner] = found
                return found
        model, file = owner
        found = _Set(load_weights(model, Path(file) if file else None), "")
        self._keep(owner, found)
        return found

    def _keep(self, owner: Owner, found: _Set) -> None:
        with self._lock:
            self._sets.pop(owner, None)
            self._sets[owner] = found
            while len(self._sets) > self._limit:
                del self._sets[next(iter(self._sets))]
