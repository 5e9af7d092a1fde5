"""A stream as a host reads it: from the service's relay, which keeps its last half minute."""

import socket
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import urlsplit

from ns_ray.actors.service.wire import End, read
from ns_ray.errors import MediaError
from ns_ray.video.packets import Mark, Packet, SidePacket, Unit

SCHEME = "relay"
_CONNECT_SECONDS = 10.0


def is_relayed(path: str) -> bool:
    """Whether a path is `relay://SECRET@HOST:PORT/STREAM`."""
    return path.startswith(f"{SCHEME}://")


def relayed_units(path: str, mark: Mark) -> Iterator[Unit]:
    """A stream's packets, from the last key frame before a mark on (as `read_units`).

    Nothing is lost as long as no more than half a minute has passed since then.

    Raises:
        MediaError: the service is gone, or has no such stream any more, or not so much of it.
    """
    url = urlsplit(path)
    name = url.path.removeprefix("/")
    try:
        connection = socket.create_connection((url.hostname or "", url.port or 0), _CONNECT_SECONDS)
    except OSError as error:
        raise MediaError(f"stream {name}: the service that has it cannot be reached ({error}); is it alive?") from None
    with connection, connection.makefile("rb") as file:
        connection.sendall(f"{url.username} {name} {mark.index}\n".encode())
        connection.settimeout(None)  # a source may be away for any time; its relay says when there is no more
        yield from _units(file, name)


def _units(file: BinaryIO, name: str) -> Iterator[Unit]:
    sides: list[SidePacket] = []
    while True:
        try:
            message = read(file)
        except OSError as error:
            raise MediaError(f"stream {name}: the service that has it does not go on ({error})") from None
        match message:
            case Packet():
                yield Unit(message, tuple(sides), (), Mark(message.video_index + 1))
                sides = []
            case SidePacket():
                sides.append(message)
            case End(reason):
                if reason:
                    raise MediaError(f"stream {name}: {reason}")
                return
            case None:
                raise MediaError(f"stream {name}: the service that has it ended")
            case _:
                pass
