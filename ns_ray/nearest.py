"""Names that may have been meant."""

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """The known names, those most like `name` first; of equally like ones in their order."""
    return sorted(known, key=lambda one: -SequenceMatcher(None, name, one).ratio())
