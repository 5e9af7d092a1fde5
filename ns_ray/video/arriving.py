"""A source that is opened once, looked at and read: what is sent to us does not come a second time."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import psutil
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from ns_ray.video.address import OPEN_SECONDS, locate, regular
from ns_ray.video.main_track import main_track
from ns_ray.video.packets import Unit, read_open
from ns_ray.video.probe import is_live, open_address, probe_open, require_supported

LISTENING: Mapping[str, Mapping[str, str]] = {
    "rtmp": {"listen": "1"},
    "rtsp": {"rtsp_flags": "listen", "listen_timeout": "86400"},  # FFmpeg takes no lack of a limit
}
"""Protocols by which others may send to us, and what FFmpeg is told for that."""
# So much that it takes in what FFmpeg holds by then, and what a source sends at once at its beginning.
_LOOK_SECONDS = 1.0
_LOOK_PACKETS = 90
_AHEAD_SECONDS = 3.0
_SEGMENTED = ("hls", "dash")
# Of what is live FFmpeg would wait 5 s for tracks that may come yet. Where no key frame comes within a second, and
# nothing else tells the size, there is need to wait: as long as 8 s, 16 MB, or `READ_SECONDS` allow.
_SOON = {"analyzeduration": "1000000"}
_PATIENTLY = {"analyzeduration": "8000000", "probesize": "16000000"}


class Arriving:
    """An open source.

    Attributes:
        info: what it is.
        times: of the packets that were looked at, in ticks.
    """

    def __init__(self, path: str, *, listen: bool = False, unsafe: bool = False) -> None:
        """Open it, and look at its first second or two: what comes in a second, or 90 packets.

        Args:
            path: a file, a pipe or a URL.
            listen: wait at this address, of a protocol in `LISTENING`, for somebody who sends; for a day at least.
            unsafe: as in `open_input`.

        Raises:
            MediaError: it cannot be opened, or not be enhanced.
        """
        address = locate(path, unsafe)
        options = dict(address.options)
        if regular(path) is None:
            options |= _SOON
        if listen:
            options |= LISTENING[path.partition(":")[0].lower()]
        seconds = None if listen else OPEN_SECONDS
        container = open_address(replace(address, options=options), path, unsafe, seconds)
        if regular(path) is None and not listen and not address.pipe and not _tells_size(container):
            container.close()
            container = open_address(replace(address, options=options | _PATIENTLY), path, unsafe, seconds)
        self._read: list[Packet[Stream]] = []
        try:
            packets = self._kept(container.demux())
            info, self.times = probe_open(container, packets, path, _LOOK_SECONDS, _LOOK_PACKETS)
            require_supported(info)
        except BaseException:
            container.close()
            raise
        self.info = replace(info, unsafe=unsafe)
        self._container = container
        paced = not is_live(path, container) or container.format.name in _SEGMENTED
        self._ahead = 0.0 if paced else _AHEAD_SECONDS

    def units(self) -> Iterator[Unit]:
        """Its packets, with times from 0 on. Raises MediaError as `read_units`.

        What could be read at any speed, and what comes in segments, is given when it is due; anything else as it comes,
        at most 3 s before.
        """
        began = time.monotonic()
        for unit in read_open(self._container, self.info, self._read):
            if unit.packet is not None:
                due = began + float(unit.packet.pts * self.info.time_base) - self._ahead
                time.sleep(max(0.0, due - time.monotonic()))
            yield unit

    def _kept(self, packets: "Iterator[Packet[Stream]]") -> "Iterator[Packet[Stream]]":
        """Packets that are looked at, and read again afterwards."""
        for packet in packets:
            self._read.append(packet)
            yield packet


def _tells_size(container: InputContainer) -> bool:
    """Whether the video's size is known, or there is no video of which more might be known later."""
    track = main_track(container)
    return track is None or track.codec_context is None or bool(track.codec_context.width)


def end_if_stalled(seconds: float, opened: threading.Event, end: Callable[[], None]) -> None:
    """While nothing is opened yet, call `end` where a sender has been connected for so long and sends nothing of use.

    A listener takes one sender at a time: one that stays silent would keep all others out.
    """
    since: float | None = None
    while not opened.wait(1.0):
        there = any(one.status == psutil.CONN_ESTABLISHED for one in psutil.Process().net_connections("tcp"))
        since = (since or time.monotonic()) if there else None
        if since is not None and time.monotonic() - since > seconds:
            end()
            return
