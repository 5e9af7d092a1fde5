"""A few frames out of a long video: what they do not depend on is not decoded."""

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:  # at run time, packets take no type argument
    from av.packet import Packet
    from av.video.stream import VideoStream

    VideoPacket = Packet[VideoStream]

TOLERANCE = 0.004
"""Seconds within which two times are the same: containers round them to a millisecond."""

# Of these, no frame refers to one before the last key frame. Others are decoded whole.
_CLOSED = {"vp8", "vp9", "libvpx-vp9", "av1", "libdav1d", "libaom-av1"}


def shown_times(path: Path) -> list[float]:
    """The times of a video's frames in seconds, in order; nothing is decoded.

    Raises:
        av.FFmpegError: it cannot be read.
    """
    with av.open(path) as container:
        packets = container.demux(container.streams.video[0])
        return sorted(float(packet.pts * packet.time_base) for packet in packets if packet.pts is not None)


def decode_at(path: Path, times: list[float]) -> Iterator[tuple[float, av.VideoFrame]]:
    """The frames of a video at `times` (seconds, in order), with the time each was asked for; some may be missing.

    Raises:
        av.FFmpegError: it cannot be read or decoded.
    """
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        base = stream.time_base
        assert base is not None

        def asked(frame: av.VideoFrame) -> float | None:
            time = float((frame.pts or 0) * base)
            index = bisect_left(times, time - TOLERANCE)
            return times[index] if index < len(times) and times[index] <= time + TOLERANCE else None

        if stream.codec_context.name not in _CLOSED:
            for frame in container.decode(stream):
                if (time := asked(frame)) is not None:
                    yield time, frame
            return
        for packets in _closed_runs(container.demux(stream)):
            ends = [float((packet.pts or 0) * base) for packet in packets]
            wanted = times[bisect_left(times, ends[0] - TOLERANCE) : bisect_left(times, ends[-1] + TOLERANCE)]
            if not wanted:
                continue
            needed = packets[: bisect_left(ends, wanted[-1] - TOLERANCE) + 1]
            for packet in [*needed, None]:
                for frame in stream.codec_context.decode(packet):
                    if (time := asked(frame)) is not None:
                        yield time, frame
            stream.codec_context.flush_buffers()


def _closed_runs(packets: "Iterator[VideoPacket]") -> "Iterator[list[VideoPacket]]":
    """A key frame and what follows it, each time."""
    run: list[VideoPacket] = []
    for packet in packets:
        if packet.pts is None:  # the end
            continue
        if packet.is_keyframe and run:
            yield run
            run = []
        run.append(packet)
    if run:
        yield run
