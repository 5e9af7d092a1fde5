"""A source that is kept up, whatever becomes of its process; and what its process gives."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction

import pytest
import streams
from jumping import jump

from ns_ray.actors.service import wire
from ns_ray.actors.service.source import BackOff, Source, SourceAddress
from ns_ray.actors.service.wire import End, Hello, Message
from ns_ray.errors import MediaError
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import VideoInfo, probe

HELLO = Hello(VideoInfo("there", "vp9", 64, 48, Fraction(25), Fraction(1, 1000), "yuv420p"), True, 0)
PACKET = Packet(0, b"packet", 0, 40, True)
LIVE = SourceAddress("rtmp://there/live")
SILENCE = object()
DEATH = object()


class Process:
    """A source's process as its script has it: messages, then silence or death."""

    def __init__(self, script: Sequence[object]) -> None:
        self.stdout = asyncio.StreamReader()
        self.killed = False
        for one in script:
            if isinstance(one, Message):
                self.stdout.feed_data(wire.packed(one))
        if SILENCE not in script:
            self.stdout.feed_eof()

    def kill(self) -> None:
        self.killed = True

    async def wait(self) -> int:
        return 0


class Script:
    """What the processes of a source do, one after the other, and what came of it."""

    def __init__(self, *processes: Sequence[object]) -> None:
        self.left = list(processes)
        self.processes: list[Process] = []
        self.taken: list[Message] = []
        self.waits: list[tuple[str, float]] = []
        self.begun: list[float] = []

    async def start(self, address: SourceAddress) -> Process:
        if not self.left:
            await asyncio.get_running_loop().create_future()
        self.begun.append(asyncio.get_running_loop().time() - 1000)
        self.processes.append(Process(self.left.pop(0)))
        return self.processes[-1]

    def run(self, address: SourceAddress = LIVE, take=None) -> "Script":
        async def go() -> None:
            source = Source(address, self.start)
            running = asyncio.ensure_future(
                source.run(take or self.taken.append, lambda *told: self.waits.append(told))
            )
            while self.left and not running.done():
                await asyncio.sleep(1)
            await asyncio.sleep(40)
            assert running.done() or not self.left
            running.cancel()

        jump(go())
        return self


def test_a_source_that_hangs_dies_or_ends_is_opened_again():
    came = Script([HELLO, PACKET, SILENCE], [HELLO, DEATH], [HELLO, PACKET, End("")], [End("nobody is there")]).run()
    assert came.taken == [HELLO, PACKET, HELLO, HELLO, PACKET]
    assert [reason for reason, _ in came.waits] == [
        "nothing came from it for 15 s",
        "its process died",
        "the source ended",
        "nobody is there",
    ]
    assert all(process.killed for process in came.processes)


def test_it_is_waited_longer_each_time_but_never_for_more_than_half_a_minute():
    came = Script(*[[End("nobody is there")]] * 9).run()
    assert [seconds for _, seconds in came.waits] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert came.begun[1:4] == [0.5, 1.5, 3.5]
    back_off = BackOff()
    assert [back_off.after(lasted) for lasted in (0, 0, 9.9, 10, 0)] == [0.5, 1, 2, 0.5, 1]


def test_one_that_does_not_open_is_given_up_but_who_listens_waits():
    never = Script([SILENCE], [End("")]).run()
    assert never.waits[0] == ("nothing came from it for 30 s", 0.5)
    listening = Script([SILENCE]).run(SourceAddress("rtmp://here/live", listen=True))
    assert not listening.waits


def test_what_is_refused_ends_the_connection():
    def refuse(message: Message) -> None:
        raise MediaError("it is another")

    came = Script([HELLO, PACKET, SILENCE], [HELLO, SILENCE]).run(take=refuse)
    assert [reason for reason, _ in came.waits] == ["it is another"] * 2


def test_a_file_ends_or_begins_again(tmp_path):
    path = tmp_path / "film.mkv"
    path.touch()
    once = Script([HELLO, PACKET, End("")], [HELLO, End("")]).run(SourceAddress(str(path)))
    assert len(once.left) == 1
    assert not once.waits
    again = Script([HELLO, PACKET, End("")], [HELLO, End("it is damaged")]).run(SourceAddress(str(path), repeat=True))
    assert [reason for reason, _ in again.waits][-1] == "it is damaged"
    assert not again.left


@pytest.mark.parametrize(
    ("url", "listen", "shown"),
    [
        ("rtsp://me:secret@cam:554/one?token=abc", False, "rtsp://cam:554/one"),
        ("rtmp://0.0.0.0:1935/live/key", True, "rtmp://0.0.0.0:1935/live/..."),
        ("/films/one.mkv", False, "/films/one.mkv"),
    ],
)
def test_addresses_are_shown_without_what_is_secret(url, listen, shown):
    assert SourceAddress(url, listen).shown == shown


def test_why_it_is_waited_for_tells_no_secrets():
    address = SourceAddress("rtsp://me:secret@cam:554/one?token=abc")
    came = Script([End(f"{address.url}: it broke off")], [End("")]).run(address)
    assert came.waits[0][0] == "rtsp://cam:554/one: it broke off"


def test_its_process_gives_what_the_source_holds(tmp_path):
    clip = streams.encode(tmp_path / "clip.mkv", size=(64, 48), frames=30, rate=Fraction(60))
    command = (sys.executable, "-m", "ns_ray.actors.service.ingest")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdin.write(f"{clip}\n".encode())
        process.stdin.flush()
        came = []
        while (message := wire.read(process.stdout)) is not None:
            came.append(message)
    info = probe(str(clip))
    hello = came[0]
    assert isinstance(hello, Hello)
    assert (hello.info.width, hello.info.header, hello.info.time_base) == (64, info.header, info.time_base)
    assert hello.steady
    assert came[1:-1] == list(read_packets(info))
    assert came[-1] == End("")
