"""Pictures that a decoder gives out in the order in which they are shown, brought back to their packets."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, cast

import av
import av.error
from av.video.codeccontext import VideoCodecContext

FARTHEST = 33
"""Packets after its own with which a picture comes at last: 16 that are shown before it, 16 that the decoder holds."""


class LatePicture(NamedTuple):
    """A picture, and how many are shown before it since decoding began."""

    frame: av.VideoFrame
    place: int


class LatePictures:
    """Feeds a decoder, and keeps what it gives out until it is asked for."""

    def __init__(self, codec: VideoCodecContext, opened: Callable[[], VideoCodecContext]) -> None:
        """Begin with an open decoder; `opened` opens another."""
        self._codec, self._opened = codec, opened
        self._pictures: dict[int, LatePicture] = {}
        self._passed = -1
        self._given = 0

    def feed(self, number: int, data: bytes) -> None:
        """Decode the next packet.

        Raises:
            av.error.FFmpegError: the decoder refuses it.
        """
        packet = av.Packet(data)
        packet.pts = packet.dts = number
        self._keep(packet)

    def end(self) -> None:
        """Have it give out what it holds; it begins anew with the next packet."""
        with suppress(av.error.FFmpegError):
            self._keep(None)
        self._codec = self._opened()

    def take(self, number: int) -> LatePicture | None:
        """The picture of a packet, if it is out."""
        return self._pictures.pop(number, None)

    def pass_by(self, number: int) -> None:
        """Let go of the pictures of all packets up to this one, those too that are still to come."""
        self._passed = number
        for earlier in [one for one in self._pictures if one <= number]:
            del self._pictures[earlier]

    def _keep(self, packet: "av.Packet[av.stream.Stream] | None") -> None:
        for frame in self._codec.decode(cast(Any, packet)):
            if frame.pts is not None and frame.pts > self._passed and frame.pts not in self._pictures:
                self._pictures[frame.pts] = LatePicture(frame, self._given)
                self._given += 1
