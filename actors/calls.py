"""What a run asks of the actors: calls, whoever answers them."""

from typing import Any, Protocol

from actors.kept import Kept


class Calls(Protocol):
    """Actors of one kind that can be called; see ActorPool."""

    def __len__(self) -> int:
        """How many actors."""
        ...

    def idlest(self) -> int:
        """The actor with the fewest calls under way."""
        ...

    async def call(self, index: int, method: str, *arguments: object) -> Any:
        """Call one actor and wait for its answer."""
        ...

    async def forget(self, index: int, name: str) -> None:
        """Have one actor drop what it holds of a stream."""
        ...

    async def produce(self, index: int, method: str, *arguments: object) -> tuple[Kept[Any], Any]:
        """Call one actor whose answer is a pair: its first part, which stays there, and its second."""
        ...

    async def produce_parts(
        self, index: int, parts: int, method: str, *arguments: object
    ) -> tuple[list[Kept[Any]], Any]:
        """As `produce`, of an answer that has so many parts before its last."""
        ...


class Workers(Protocol):
    """All that a run calls."""

    @property
    def sources(self) -> Calls:
        """Read packets."""
        ...

    @property
    def decoders(self) -> Calls:
        """Decode."""
        ...

    @property
    def scheduler(self) -> Calls:
        """Chooses anchors."""
        ...

    @property
    def enhancers(self) -> Calls:
        """Super-resolve."""
        ...

    @property
    def encoders(self) -> Calls:
        """Compress."""
        ...

    @property
    def packagers(self) -> Calls:
        """Write."""
        ...
