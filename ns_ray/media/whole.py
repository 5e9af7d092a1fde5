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

    The video alone counts, by the number of its packets where the header tells that, else by when its track ends.
    Where only the end of the whole file is known, it is held against the latest end of all tracks that are read; if
    some are not, nothing can be said.

    Attributes:
        frames: packets of the video read so far; a reader that entered a file further on sets it.
        cut_means_end: whether a packet that is cut off means that the file is, and not just that packet.
    """

    def __init__(self, container: InputContainer, tracks: int = 1) -> None:
        """Begin.

        Args:
            container: the open file.
            tracks: how many of its tracks are read.
        """
        video = container.streams.video[0]
        self._video = video.index
        self._bases = [Fraction(stream.time_base or 0) for stream in container.streams]
        self._ends: dict[int, int] = {}  # of each track, in its ticks
        self._begin: int | None = None
        self.frames = 0
        # Others estimate it, and what IVF holds there is ticks to some writers, frames to others.
        self._promised_frames = video.frames if container.format.name.startswith("mov") else 0
        self.cut_means_end = container.format.name.startswith(("ivf", "mov"))
        self._by_length = not container.format.name.startswith("matroska")
        tag = _DURATION.match(video.metadata.get("DURATION", ""))
        self._promised_video = int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3]) if tag else None
        others = sum(stream.type in ("audio", "video", "subtitle") for stream in container.streams) > tracks
        duration = None if others or container.format.name == "ivf" else container.duration
        self._promised = Fraction(duration, av.time_base) if duration else None

    def add(self, packet: "Packet[Stream]") -> None:
        """Take account of a packet."""
        track, pts = packet.stream_index, packet.pts
        self.frames += track == self._video
        if pts is None:
            return
        self._ends[track] = max(self._ends.get(track, 0), pts + (packet.duration or 0))
        if track == self._video and (self._begin is None or pts < self._begin):
            self._begin = pts

    def missing(self, rate: Fraction) -> str:
        """What is missing, as "at ... of ..."; empty where all is there. `rate` is the video's, frames a second."""
        if self._promised_frames:
            if self.frames >= self._promised_frames - _SLACK_FRAMES:
                return ""
            return f"at {self.frames} of {self._promised_frames} frames"
        ends = {track: end * self._bases[track] for track, end in self._ends.items()}
        read, promised = ends.get(self._video, Fraction(0)), self._promised_video
        if promised is None:
            read, promised = max(ends.values(), default=Fraction(0)), self._promised
            if self._by_length and self._begin is not None:
                read -= min(self._begin, 0) * self._bases[self._video]
        if promised is None or read >= promised - _SLACK_FRAMES / rate:
            return ""
        return f"at {float(read):.2f} s of {float(promised):.2f} s"
