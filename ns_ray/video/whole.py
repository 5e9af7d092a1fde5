"""Whether all of a file was read: what its header promises of the video against what came."""

import re
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

_SLACK_FRAMES = 4  # files round their duration, and leave out that of the last frame
_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)$")


class Reading:
    """Keeps account of the packets read of one open file.

    The video alone counts, by when its track ends. Where only the end of the whole file is known, it is held against
    the latest end of all tracks that are read; if some are not, nothing can be said.

    Attributes:
        cut_means_end: whether a packet that is cut off means that the file is, and not just that packet.
        ends: when each track that was read ended so far, by its number, in its ticks.
    """

    def __init__(self, container: InputContainer, video: VideoStream, tracks: int = 1) -> None:
        """Begin.

        Args:
            container: the open file.
            video: its track that counts.
            tracks: how many of its tracks are read.
        """
        self._video = video.index
        self._bases = [Fraction(stream.time_base or 0) for stream in container.streams]
        self.ends: dict[int, int] = {}
        self.cut_means_end = container.format.name.startswith(("ivf", "mov"))
        tag = _DURATION.match(video.metadata.get("DURATION", ""))
        self._promised_video = int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3]) if tag else None
        if container.format.name.startswith("mov") and video.duration and not _is_there(video, container.size):
            self._promised_video = ((video.start_time or 0) + video.duration) * self._bases[self._video]
        others = sum(stream.type in ("audio", "video", "subtitle") for stream in container.streams) > tracks
        # Where a header has no duration FFmpeg guesses one from the bit rate, and gives it to the tracks too.
        stated = container.format.name.startswith(("matroska", "flv")) and video.duration is None
        duration = container.duration if stated and not others else None
        self._promised = Fraction(duration, av.time_base) if duration else None

    def add(self, packet: "Packet[Stream]") -> None:
        """Take account of a packet."""
        track, pts = packet.stream_index, packet.pts
        if pts is not None:
            self.ends[track] = max(self.ends.get(track, 0), pts + (packet.duration or 0))

    def missing(self, rate: Fraction) -> str:
        """What is missing, as "at ... of ..."; empty where all is there. `rate` is the video's, frames a second."""
        ends = {track: end * self._bases[track] for track, end in self.ends.items()}
        read, promised = ends.get(self._video, Fraction(0)), self._promised_video
        if promised is None:
            read, promised = max(ends.values(), default=Fraction(0)), self._promised
        if promised is None or read >= promised - _SLACK_FRAMES / rate:
            return ""
        return f"at {float(read):.2f} s of {float(promised):.2f} s"


def _is_there(video: VideoStream, size: int) -> bool:
    """Whether an MP4 file tells of all samples in its header, and has the last of them.

    Its durations may be those of more than an edit list leaves. A file of fragments tells of them one after the other.
    """
    entries = video.index_entries
    if not entries or not video.frames:
        return False
    last = entries[len(entries) - 1]
    return 0 < last.pos + last.size <= size
