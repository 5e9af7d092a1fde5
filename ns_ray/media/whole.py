"""Whether all of a file was read: what its header promises of the video against what came."""

import re
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

_SLACK_FRAMES = 4  # files round their duration, and leave out that of the last frame
_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)$")


class Reading:
    """Keeps account of the packets read of one open file.

    Attributes:
        frames: packets of the video read so far; a reader that entered a file further on sets it.
        cut_means_end: whether a packet that is cut off means that the file is, and not just that packet.

    The video alone counts, by the number of its packets where the header tells that, else by when its track ends.
    Where only the end of the whole file is known, it is held against the latest end of all tracks that are read; if
    some are not, nothing can be said.
    """

    def __init__(self, container: InputContainer, tracks: int = 1) -> None:
        """Begin.

        Args:
            container: the open file.
            tracks: how many of its tracks are read.
        """
        video = container.streams.video[0]
        self._video = video.index
        self.frames = 0
        self._promised_frames = video.frames
        self._end = self._video_end = Fraction(0)
        self._begin: Fraction | None = None
        self.cut_means_end = container.format.name.startswith(("ivf", "mov"))
        self._by_length = not container.format.name.startswith("matroska")
        tag = _DURATION.match(video.metadata.get("DURATION", ""))
        self._promised_video = int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3]) if tag else None
        others = sum(stream.type in ("audio", "video", "subtitle") for stream in container.streams) > tracks
        duration = None if others or container.format.name == "ivf" else container.duration
        self._promised = Fraction(duration, av.time_base) if duration else None

    def add(self, packet: "Packet[Stream]") -> None:
        """Take account of a packet."""
        video = packet.stream_index == self._video
        self.frames += video
        if packet.pts is None or packet.time_base is None:
            return
        begin = packet.pts * packet.time_base
        end = begin + (packet.duration or 0) * packet.time_base
        self._end = max(self._end, end)
        if video:
            self._video_end = max(self._video_end, end)
            self._begin = begin if self._begin is None else min(self._begin, begin)

    def missing(self, rate: Fraction) -> str:
        """What is missing, as "at ... of ..."; empty where all is there. `rate` is the video's, frames a second."""
        if self._promised_frames:
            if self.frames >= self._promised_frames - _SLACK_FRAMES:
                return ""
            return f"at {self.frames} of {self._promised_frames} frames"
        start = min(self._begin or Fraction(0), Fraction(0)) if self._by_length else Fraction(0)
        read, promised = self._video_end, self._promised_video
        if promised is None:
            read, promised = self._end - start, self._promised
        if promised is None or read >= promised - _SLACK_FRAMES / rate:
            return ""
        return f"at {float(read):.2f} s of {float(promised):.2f} s"
