"""A source in a process of its own: what reads media may hang or crash, and is killed without harm to others.

    python -m ns_ray.actors.service.ingest [--listen] [--unsafe]

It reads an address, a line, from standard input, where no other user of the machine sees it; opens that once; writes
what it is, its packets and its end to standard output (`wire`); and ends. It also ends when its standard input does:
with who started it.
"""

import argparse
import os
import sys
import threading
from contextlib import suppress
from fractions import Fraction

from ns_ray.actors.service.wire import End, Hello, Message, Note, packed
from ns_ray.errors import NsRayError
from ns_ray.hybrid.clock import is_steady
from ns_ray.video.arriving import Arriving, end_if_stalled

_INPUT = 0
_STALL_SECONDS = 10.0
_LEAST_TIMES = 5


def main() -> None:
    """Read a source to its end."""
    parser = argparse.ArgumentParser(prog="ingest", description=__doc__)
    parser.add_argument("--listen", action="store_true")
    parser.add_argument("--unsafe", action="store_true")
    options = parser.parse_args()
    address = _line()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _send_all(address, options.listen, options.unsafe)
    except NsRayError as error:
        _send(End(str(error)))
    except BrokenPipeError:
        os._exit(1)  # there is nobody to be told, nor anything to be flushed


def _send_all(address: str, listen: bool, unsafe: bool) -> None:
    opened = threading.Event()
    if listen:
        threading.Thread(target=end_if_stalled, args=(_STALL_SECONDS, opened, _end_stalled), daemon=True).start()
    source = Arriving(address, listen=listen, unsafe=unsafe)
    opened.set()
    times, info = sorted(source.times), source.info
    interval = 1 / (info.frame_rate * info.time_base)
    steady = len(times) >= _LEAST_TIMES and is_steady(times, interval, max(Fraction(1), interval / 10))
    _send(Hello(info, steady, times[-1] - times[0] if times else 0))
    for unit in source.units():
        for note in unit.notes:
            _send(Note(note))
        for side in unit.sides:
            _send(side)
        if unit.packet is not None:
            _send(unit.packet)
    _send(End(""))


def _send(message: Message) -> None:
    sys.stdout.buffer.write(packed(message))
    sys.stdout.buffer.flush()


def _end_stalled() -> None:
    with suppress(OSError):
        _send(End(f"a sender connected and sent nothing of use for {_STALL_SECONDS:g} s"))
    os._exit(1)


def _line() -> str:
    """A line of standard input; not by sys.stdin, which the interpreter waits for at its end."""
    line = b""
    while not line.endswith(b"\n") and (more := os.read(_INPUT, 1)):
        line += more
    return os.fsdecode(line.removesuffix(b"\n"))


def _end_with_parent() -> None:
    while os.read(_INPUT, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
