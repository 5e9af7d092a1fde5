"""What an actor holds open of each of its streams, which come and go."""

from collections.abc import Iterable
from time import monotonic
from typing import Final, Generic, TypeVar

State = TypeVar("State")

IDLE_SECONDS: Final = 60.0
"""How long a stream may not be worked on before what is held of it is let go; when it comes again, it begins anew."""


class OpenStreams(Generic[State]):
    """States of streams by name. Several threads may use it, each for other streams."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, State | None]] = {}  # when it was last used; None while it is taken

    def __len__(self) -> int:
        """How many streams there are, those too whose state is taken."""
        return len(self._held)

    def take(self, name: str) -> State | None:
        """A stream's state, which is not held until it is put back: work that breaks off leaves none behind."""
        _, state = self._held.get(name, (0.0, None))
        self._held[name] = monotonic(), None
        return state

    def put(self, name: str, state: State) -> None:
        """Hold a stream's state."""
        self._held[name] = monotonic(), state

    def forget(self, names: Iterable[str] = ()) -> list[State]:
        """Let go of streams that have ended, and of those idle for IDLE_SECONDS; returns what was held of them."""
        begin = monotonic() - IDLE_SECONDS
        gone = {*names, *(name for name, (used, _) in list(self._held.items()) if used < begin)}
        states = [self._held.pop(name, (0.0, None))[1] for name in gone]
        return [state for state in states if state is not None]
