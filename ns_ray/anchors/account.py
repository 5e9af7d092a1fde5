"""What a stream's anchors may take: bytes by a rate, kept to over every 2 s."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

WINDOW_SECONDS = 2


class Rate(NamedTuple):
    """What anchors may take at most: so many kbit (of 1000 bits) a second, and so many bytes for one of the video's."""

    kbps: float = 0.0
    share: float = 0.0

    def earned(self, seconds: float, video: int) -> int:
        """Bytes that an epoch of so many seconds and bytes of video brings in."""
        return int(self.kbps * 125 * seconds + self.share * video)


class Booking(NamedTuple):
    """One epoch in a stream's account.

    Attributes:
        slot: its number.
        earned: bytes that it brought in.
        given: bytes that its anchors might take.
        wanted: anchors that would have been worth their bytes.
    """

    slot: int
    earned: int
    given: int
    wanted: int


class Grant(NamedTuple):
    """How many anchors an epoch may have, the most valuable ones, and the bytes that each of them may take."""

    anchors: int
    limit: int


def window_slots(slot: Fraction) -> int:
    """Slots, of so many seconds, that make up 2 s."""
    return max(1, round(WINDOW_SECONDS / slot))


def granted(
    account: Sequence[Booking], slot: int, earned: int, wanted: int, least: int, slots: int
) -> tuple[Grant, tuple[Booking, ...]]:
    """Share out an epoch's bytes.

    An epoch gets its part, by its anchors, of each 2 s that it lies in, which is what they bring in less what was given
    already; epochs to come are expected to bring in the mean of late, and to have between the mean and the most anchors
    of late. So no 2 s are given more than they bring in, and bytes that were saved go to who wants them without leaving
    the next epochs nothing. An anchor of less than `least` is not worth it: then there are fewer, and one as
    soon as 2 s have saved enough.

    It is what was given that counts, not what images took of it: so epochs need not wait for one another's images, and
    the same stream gets the same bytes again, whoever makes it.

    Args:
        account: the epochs before it, in order; those of the last 2 s count.
        slot: its number.
        earned: bytes that it brings in.
        wanted: its anchors.
        least: bytes of an anchor.
        slots: how many slots 2 s have.

    Returns:
        What it gets, and the account with it.
    """
    recent = [one for one in account if one.slot > slot - slots]
    lately = [*(one.wanted for one in recent), wanted]
    usual = (sum(lately) / len(lately) + max(lately)) / 2
    income = (sum(one.earned for one in recent) + earned) / len(lately)
    parts = []
    for later in range(slots):
        before = (one for one in recent if one.slot > slot - slots + later)
        left = earned + later * income + sum(one.earned - one.given for one in before)
        parts.append((left, left * wanted / (wanted + later * usual) if wanted else 0))
    least = max(1, min(least, slots * earned))
    part = max(min(part for _, part in parts), min(least, parts[0][0]))
    anchors = max(0, min(wanted, int(part // least)))
    grant = Grant(anchors, int(part) // anchors if anchors else 0)
    return grant, (*recent, Booking(slot, earned, anchors * grant.limit, wanted))
