"""The published encodings of a video, and what prepared videos are called."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Part = Literal["train", "test"]

GOP = 120
PUBLISHED_HEIGHT = 2160


@dataclass(frozen=True, slots=True)
class LrEncoding:
    """How video of one height is encoded by libvpx-vp9: kbit/s, speed, log2 of the tile columns."""

    height: int
    kbps: int
    speed: int
    tile_columns: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return size_of(self.height)

    @property
    def codec(self) -> str:
        """FFmpeg's name of the encoder."""
        return "libvpx-vp9"

    def name(self, seconds: int, part: Part) -> str:
        """Such as `720p_4125kbps_d60_train.webm`."""
        return f"{self.height}p_{self.kbps}kbps_d{seconds}_{part}.webm"

    @property
    def options(self) -> dict[str, str]:
        """libvpx-vp9 options by their FFmpeg names."""
        return {
            "b": f"{self.kbps}k",
            "minrate": f"{self.kbps // 2}k",
            "maxrate": f"{self.kbps * 3 // 2}k",
            "bufsize": f"{self.kbps * 2}k",
            "keyint_min": str(GOP),
            "g": str(GOP),
            "auto-alt-ref": "1",
            "lag-in-frames": "16",
            "qmin": "4",
            "qmax": "48",
            "error-resilient": "1",
            "deadline": "realtime",
            "cpu-used": str(self.speed),
            "row-mt": "1",
            "frame-parallel": "1",
            "tile-columns": str(self.tile_columns),
            "threads": "8",
        }


LADDER = {720: LrEncoding(720, 4125, 5, 2), 360: LrEncoding(360, 700, 7, 1)}


def size_of(height: int) -> tuple[int, int]:
    """(width, height) of 16:9 video, the width rounded to an even number."""
    return round(height * 16 / 9 / 2) * 2, height


def video_folder(data_dir: Path, content: str) -> Path:
    """Where a content's prepared videos are."""
    return data_dir / content / "video"


def hr_name(height: int, seconds: int, part: Part) -> str:
    """Such as `2160p_d60_train.webm`."""
    return f"{height}p_d{seconds}_{part}.webm"
