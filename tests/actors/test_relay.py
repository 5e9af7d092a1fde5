"""One stream's numbers and times, whatever its source does; what a host gets, and gets again."""

import asyncio
import io
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from ns_ray.actors.service import wire
from ns_ray.actors.service.feeds import Feeds
from ns_ray.actors.service.relay import Relay
from ns_ray.actors.service.relayed import is_relayed, relayed_units
from ns_ray.actors.service.wire import End, Hello, Note
from ns_ray.errors import MediaError
from ns_ray.video.packets import Mark, Packet, SidePacket
from ns_ray.video.probe import SideTrack, VideoInfo

MS = Fraction(1, 1000)
SOUND = (SideTrack("audio", "aac", MS),)
INFO = VideoInfo("rtmp://there/live", "vp9", 64, 48, Fraction(25), MS, "yuv420p", sides=SOUND, header=b"\xff\0")
GOP = 10


def packet(index: int) -> Packet:
    return Packet(index, bytes([index % 251]) * 4, index * 40, 40, index % GOP == 0)


class Coming:
    """A relay and the time: packets come when they are due, or `late` seconds later."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.relay = Relay(lambda: self.now)
        self.taken: list[Packet] = []

    def connect(self, info: VideoInfo = INFO, ticks: int = 0) -> None:
        self.relay.hello(Hello(info, True, ticks))

    def come(self, count: int, begin: int = 0, every: float = 0.04) -> None:
        for index in range(begin, begin + count):
            relayed = self.relay.take(packet(index))
            assert relayed is not None
            self.taken.append(relayed.packet)
            self.now += every


async def based(coming: Coming, count: int) -> None:
    """Packets up to a base, and beyond it."""
    waiting = asyncio.ensure_future(coming.relay.next_key())
    await asyncio.sleep(0)
    coming.come(count)
    base = await waiting
    assert base is not None
    assert base.index == 30  # the first key frame a second after the beginning
    assert base.pts == 30 * 40


async def fed(relay: Relay, index: int) -> list[wire.Message]:
    return [message async for message in relay.feed(index)]


def test_messages_survive_the_wire():
    side = SidePacket(0, b"sound", -3, 21, True)
    late = replace(packet(3), dts=80)
    messages = [Hello(INFO, True, 990), packet(0), late, side, Note("why – so"), End("")]
    file = io.BytesIO(b"".join(map(wire.packed, messages)))
    assert [wire.read(file) for _ in messages] == messages
    assert wire.read(file) is None


@pytest.mark.parametrize(
    "data", [wire.packed(packet(1))[:-1], b"\x09" + wire.packed(End(""))[1:], wire.packed(End("a"))[:-5] + b"\xff" * 5]
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(MediaError):
        wire.read(io.BytesIO(data))


def test_times_go_on_by_the_clock_after_a_loss():
    coming = Coming()
    coming.connect()
    coming.come(50)
    assert [one.pts for one in coming.taken] == [one * 40 for one in range(50)]
    coming.now += 7
    coming.connect(ticks=400)  # ten packets come at once
    coming.come(10, every=0)
    coming.come(10, begin=10)
    assert [one.video_index for one in coming.taken] == list(range(70))
    again = [one.pts for one in coming.taken[50:]]
    assert again[0] == 2000 + 7000 - 400
    assert [after - before for before, after in pairwise(again)] == [40] * 19


def test_a_source_that_comes_back_at_once_goes_on_behind_its_last_packet():
    coming = Coming()
    coming.connect()
    coming.come(50)
    coming.connect(ticks=4000)
    coming.come(3)
    assert [one.pts for one in coming.taken[49:]] == [1960, 2000, 2040, 2080]


def test_a_source_whose_clock_is_slow_is_brought_back_to_the_clock():
    coming = Coming()
    coming.connect()
    coming.come(400, every=0.05)  # 20 s for 16 s of video
    behind = 20.0 - coming.taken[-1].pts / 1000
    assert behind < 3.2
    assert len(coming.relay.notes) == 1


def test_the_last_things_to_be_said_are_kept_each_once():
    coming = Coming()
    for at in (*range(100), 99):
        coming.relay.take(Note(f"note {at}"))
    assert list(coming.relay.notes) == [f"note {at}" for at in range(68, 100)]


def test_bursts_are_no_delay():
    coming = Coming()
    coming.connect()
    for burst in range(6):  # segments of 4 s, as HLS has them
        coming.come(100, begin=100 * burst, every=0)
        coming.now += 4
    assert [one.pts for one in coming.taken] == [one * 40 for one in range(600)]


def test_a_source_that_comes_back_as_something_else_is_refused():
    coming = Coming()
    coming.connect()
    coming.come(1)
    coming.connect(replace(INFO, width=128))
    for other in (
        replace(INFO, codec="h264"),
        replace(INFO, time_base=MS / 2),
        replace(INFO, sides=()),
        replace(INFO, record=b"x"),
    ):
        with pytest.raises(MediaError, match="came back as another"):
            coming.connect(other)


def test_a_host_gets_the_stream_from_a_key_frame_on_and_again_where_it_was_lost():
    async def go() -> None:
        coming = Coming()
        coming.connect()
        sound = SidePacket(0, b"sound", 30 * 40 - 5, 21, True)
        waiting = asyncio.ensure_future(coming.relay.next_key())
        await asyncio.sleep(0)
        coming.come(30)
        coming.relay.take(sound)
        coming.come(30, begin=30)
        base = await waiting
        assert base is not None
        assert (base.index, base.pts) == (30, 1200)
        coming.relay.end()
        first = await fed(coming.relay, 0)
        assert first[0] == replace(sound, pts=-5)
        expected = [replace(packet(n), video_index=n - 30, pts=(n - 30) * 40) for n in range(30, 60)]
        assert first[1:] == [*expected, End("")]
        assert await fed(coming.relay, 15) == [*expected[10:], End("")]
        assert await fed(coming.relay, 10) == first
        assert await fed(coming.relay, 30) == [*expected[20:], End("")]

    asyncio.run(go())


def test_a_host_that_is_too_far_behind_is_told_so():
    async def go() -> None:
        coming = Coming()
        coming.connect()
        await based(coming, 40)
        coming.come(31 * 25, begin=40)
        (end,) = await fed(coming.relay, 0)
        assert isinstance(end, End)
        assert "fell behind by more than 30 s" in end.reason

    asyncio.run(go())


def test_who_waits_for_a_key_frame_is_not_left_waiting():
    async def go() -> None:
        coming = Coming()
        coming.connect()
        waiting = asyncio.ensure_future(coming.relay.next_key())
        await asyncio.sleep(0)
        coming.relay.end()
        assert await waiting is None
        assert await coming.relay.next_key() is None

    asyncio.run(go())


def test_a_host_reads_over_a_socket_by_a_secret():
    async def go() -> None:
        coming, feeds = Coming(), Feeds()
        coming.connect()
        await based(coming, 60)
        await feeds.start("127.0.0.1")
        address = feeds.publish("one", coming.relay)
        assert is_relayed(address)
        reading = asyncio.to_thread(lambda: list(relayed_units(address, Mark())))
        later = asyncio.get_running_loop().call_later(0.2, coming.relay.end)
        units = await reading
        later.cancel()
        assert [unit.packet.video_index for unit in units if unit.packet] == list(range(30))
        assert units[-1].mark == Mark(30)
        for wrong in (address.replace("@", "x@"), address.replace("/one", "/other")):
            with pytest.raises(MediaError, match="ended"):
                await asyncio.to_thread(lambda wrong=wrong: list(relayed_units(wrong, Mark())))
        feeds.stop()
        with pytest.raises(MediaError, match="cannot be reached"):
            await asyncio.to_thread(lambda: list(relayed_units(address, Mark())))

    asyncio.run(go())
