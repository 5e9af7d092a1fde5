"""Films in any container but Matroska."""

import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import av.error

from ns_ray.client.film_encoder import UNTIMED, FilmEncoder, FilmFormat, kept_tracks, opened, part_of, unwritten
from ns_ray.errors import MediaError
from ns_ray.hybrid.header import HDR
from ns_ray.picture.yuv import Yuv420
from ns_ray.video import matroska as m
from ns_ray.video.packets import SidePacket
from ns_ray.video.probe import VideoInfo
from ns_ray.video.tracks import entries_of

_TIMED = (".mp4", ".mov", ".m4v")
_RIGHT_ANGLE = 90.0
_KEPT_METADATA = ("language", "title")


class OtherFilm:
    """Any other container, by FFmpeg's muxer."""

    def __init__(self, path: Path, format: FilmFormat) -> None:
        self._path, self._part = path, part_of(path)
        suffix = path.suffix.lower()
        info = format.info
        options = {"fflags": "bitexact"}
        if suffix in _TIMED:
            options["video_track_timescale"] = str(info.time_base.denominator)
        try:
            self._sink = av.open(
                str(self._part), "w", format="yuv4mpegpipe" if suffix == UNTIMED else None, options=options
            )
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise MediaError(
                f"{path}: it cannot be written ({error}); is {suffix or 'no suffix'} a video's?"
            ) from error
        try:
            self._encoder = FilmEncoder(path, self._sink, format)
            container = self._sink.format.name
            kept, self.notes = kept_tracks(info, lambda stream: _holds(container, stream), suffix)
            self._copied = dict(zip(kept, self._templates(info, kept), strict=True))
        except BaseException:
            self.abandon()
            raise
        self.notes += _lost(info, self._encoder.stream, turns=suffix in _TIMED, suffix=suffix)
        self._uneven = _Uneven(info) if suffix == UNTIMED else None
        self._info = info

    def write(self, picture: Yuv420, pts: int) -> None:
        """Encode the next picture; raises MediaError where that fails."""
        if self._uneven:
            self._uneven.take(pts)
        self._mux(self._encoder.encode(picture, pts))

    def copy(self, packets: Sequence[SidePacket]) -> None:
        """Take packets of the tracks beside the video; those that the container does not hold are left out."""
        made = []
        for one in packets:
            if one.track not in self._copied:
                continue
            packet = av.Packet(one.data)
            packet.stream = self._copied[one.track]
            packet.time_base = self._info.sides[one.track].time_base
            packet.pts = packet.dts = one.pts
            packet.duration, packet.is_keyframe = one.duration, one.key
            made.append(packet)
        self._mux(made)

    def close(self) -> None:
        """End the file, which then has its name; raises MediaError where that fails."""
        self._mux(self._encoder.encode(None))
        try:
            self._sink.close()
            self._part.replace(self._path)
        except (av.error.FFmpegError, OSError) as error:
            raise unwritten(self._path, error) from error
        if self._uneven and self._uneven.found:
            self.notes.append(f"{UNTIMED} holds no times: its frames do not keep a constant rate, as it pretends")

    def abandon(self) -> None:
        """Leave nothing of the file but what already has its name."""
        with suppress(av.error.FFmpegError, OSError, ValueError):
            self._sink.close()
        self._part.unlink(missing_ok=True)

    def _templates(self, info: VideoInfo, kept: Sequence[int]) -> list[av.stream.Stream]:
        if not kept:
            return []
        with opened(info) as container:
            return [self._template(container.streams[1 + track]) for track in kept]

    def _template(self, stream: av.stream.Stream) -> av.stream.Stream:
        made = self._sink.add_stream_from_template(stream, opaque=True)
        made.metadata.update({name: value for name, value in stream.metadata.items() if name in _KEPT_METADATA})
        made.disposition = stream.disposition
        return made

    def _mux(self, packets: "Sequence[av.Packet[Any]]") -> None:
        try:
            for packet in packets:
                self._sink.mux_one(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise unwritten(self._path, error) from error


class _Uneven:
    """Notices whether pictures keep the stream's rate: whether any step is off by more than rounding."""

    def __init__(self, info: VideoInfo) -> None:
        self._step = 1 / (info.frame_rate * info.time_base)
        self._before: int | None = None
        self.found = False

    def take(self, pts: int) -> None:
        """The next picture."""
        if self._before is not None:
            self.found = self.found or abs(pts - self._before - self._step) > 1 + self._step / 50
        self._before = pts


def _holds(container: str, stream: av.stream.Stream) -> bool:
    try:
        with av.open(io.BytesIO(), "w", format=container) as sink:
            sink.add_stream_from_template(stream, opaque=True)
            sink.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _lost(info: VideoInfo, stream: av.VideoStream, *, turns: bool, suffix: str) -> list[str]:
    """Turn the stream as the source says, where the container can; notes on what it cannot hold."""
    picture = m.child(entries_of(info.header)[0], m.VIDEO) or b"" if info.header else b""
    notes = []
    roll, yaw = (m.real(m.child(picture, m.PROJECTION, name) or b"") for name in (m.PROJECTION_ROLL, m.PROJECTION_YAW))
    if (roll or yaw) and turns:
        stream.set_display_rotation(roll, vflip=abs(yaw) > _RIGHT_ANGLE)
    elif roll or yaw:
        notes.append(f"{suffix} does not tell that it is to be turned by {roll:g} degrees")
    if m.child(picture, m.STEREO_MODE) is not None:
        notes.append("that it is stereo is not told: name the output .mkv")
    if any(m.child(picture, m.COLOUR, name) is not None for name in HDR):
        notes.append("the brightness that it was mastered for (HDR) is not told: name the output .mkv")
    return notes
