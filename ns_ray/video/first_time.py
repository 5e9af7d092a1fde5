"""The time of a video's first packet where FFmpeg tells none: that of H.264 over RTSP gets lost in its parser."""

from collections.abc import Iterator
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

_MOST = 17  # packets of the video until FFmpeg, which puts up to 16 in order, tells when one is decoded


def with_first_time(packets: "Iterator[Packet[Stream]]", video: int, interval: Fraction) -> "Iterator[Packet[Stream]]":
    """Packets of a source from its beginning, the video's first one with a time if any of the next ones has.

    It is taken to be shown a frame before all that follow. These wait for the first that tells when it is decoded:
    FFmpeg knows that once it has seen as many packets as may be shown before others.

    Args:
        packets: of a video whose frames may be shown in another order than they come, and of other tracks.
        video: which track the video is.
        interval: its ticks from picture to picture.
    """
    held: list[Packet[Stream]] = []
    shown: list[Packet[Stream]] = []
    for packet in packets:
        held.append(packet)
        if packet.stream_index == video:
            shown.append(packet)
            told = packet.pts if packet is shown[0] else packet.dts
            if told is not None or len(shown) == _MOST:
                break
    times = [packet.pts for packet in shown if packet.pts is not None]
    if times and shown[0].pts is None:
        shown[0].pts = min(times) - round(interval)
    yield from held
    yield from packets
