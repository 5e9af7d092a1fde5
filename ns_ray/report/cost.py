"""What a stream costs, and how many times more streams one method serves than another."""


def cost_of_stream(price: float | None, streams: float) -> float | None:
    """Price an hour of the machine over the streams it serves; None where it has no price or serves none."""
    return price / streams if price is not None and streams > 0 else None


def times(ours: float, theirs: float) -> float | None:
    """How many times as many streams, or on one machine how many times cheaper; None where they serve none."""
    return ours / theirs if theirs > 0 else None
