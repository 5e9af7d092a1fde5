"""What is kept of calls: an argument like any other, and made again once, however many miss it."""

import asyncio

from actors.kept import Kept, as_refs, keep, kept_in


def making(*versions: tuple[list[str], int]) -> tuple[list[Kept], list[int]]:
    """What a call keeps whose results are those versions, one after the other; and how often it was made again."""
    made = []

    async def call():
        made.append(1)
        await asyncio.sleep(0)
        return versions[len(made)]

    return keep(versions[0], call), made


def test_arguments_hold_it_at_any_depth():
    (a, b), _ = making((["a", "b"], 0))
    arguments = (1, a, [2, (b,)], [(3, 4)])
    assert as_refs(arguments) == [1, "a", [2, ["b"]], [(3, 4)]]
    assert list(kept_in(arguments)) == [a, b]


def test_two_that_miss_it_have_it_made_once():
    (a, b), made = making((["a", "b"], 1), (["A", "B"], 2), (["AA", "BB"], 3))

    async def miss() -> None:
        await asyncio.gather(a.make_again("a"), b.make_again("b"), a.make_again("a"))
        assert (a.ref, b.ref, a.answer, len(made)) == ("A", "B", 2, 1)
        await asyncio.gather(a.make_again("A"), b.make_again("b"))
        assert (a.ref, b.ref, a.answer, len(made)) == ("AA", "BB", 3, 2)

    asyncio.run(miss())
