"""Writing what is played: video encoded anew, with the times, tracks and tags of the stream it is made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ns_ray.client.film_encoder import FilmFormat
from ns_ray.client.matroska_film import DOC_TYPES, MatroskaFilm
from ns_ray.client.other_film import OtherFilm
from ns_ray.picture.yuv import Yuv420
from ns_ray.video.packets import SidePacket


class Film(Protocol):
    """A video file being written.

    Attributes:
        notes: what of the stream the file cannot hold; a sentence each.
    """

    notes: list[str]

    def write(self, picture: Yuv420, pts: int) -> None:
        """Encode the next picture, shown at `pts` ticks of the stream's time base."""

    def copy(self, packets: Sequence[SidePacket]) -> None:
        """Take packets of the tracks beside the video."""

    def close(self) -> None:
        """Write what is held, and the file's end; the file then has its name."""

    def abandon(self) -> None:
        """Leave nothing of the file."""


def open_film(path: Path, format: FilmFormat) -> Film:
    """Begin a video file, whose container goes by its name; where it is Matroska or MP4, its times are exact.

    Raises:
        MediaError: the encoder or container is unknown, or does not take the pictures.
    """
    return MatroskaFilm(path, format) if path.suffix.lower() in DOC_TYPES else OtherFilm(path, format)
