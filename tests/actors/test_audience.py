"""Viewers: who comes late, who is slow, who goes."""

import asyncio

from ns_ray.actors.service import audience
from ns_ray.actors.service.audience import Audience, Viewer


async def seen(viewer: Viewer) -> list[bytes]:
    return [message async for message in viewer.messages()]


def gop(number: int, size: int = 4) -> list[bytes]:
    return [b"%d.%d" % (number, at) for at in range(size)]


def send(one: Audience, clusters: list[bytes]) -> None:
    for cluster in clusters:
        one.send(cluster, key=cluster.endswith(b".0"))


def test_who_comes_late_begins_with_the_last_key_frame():
    async def go() -> None:
        one = Audience()
        waiting = asyncio.ensure_future(one.join())  # before there is anything
        await asyncio.sleep(0)
        one.open(b"header")
        first = await waiting
        send(one, [b"early", *gop(1), *gop(2)[:2]])
        late = await one.join()
        send(one, gop(2)[2:])
        one.end()
        assert await seen(first) == [b"header", *gop(1), *gop(2)]
        assert await seen(late) == [b"header", *gop(2)]
        assert await seen(await one.join()) == [b"header", *gop(2)]

    asyncio.run(go())


def test_who_is_slow_goes_on_at_a_key_frame_and_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(audience, "MOST_BYTES", 40)

    async def go() -> None:
        one = Audience()
        one.open(b"header")
        slow, quick = await one.join(), await one.join()
        stream = quick.messages()
        got = [await anext(stream)]
        for number in range(5):
            for cluster in gop(number):
                send(one, [cluster])
                got.append(await anext(stream))
        one.end()
        assert got == [b"header", *(cluster for number in range(5) for cluster in gop(number))]
        assert await seen(slow) == [b"header", *gop(4)]
        assert slow.dropped == 16

    asyncio.run(go())


def test_who_goes_is_forgotten():
    async def go() -> None:
        one = Audience()
        one.open(b"header")
        gone = await one.join()
        one.leave(gone)
        one.leave(gone)
        send(one, gop(1))
        one.end()
        assert one.viewers == set()

    asyncio.run(go())
