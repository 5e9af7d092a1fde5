"""H.264 as streamers send it: x264 as OBS Studio sets it up for live platforms."""

from dataclasses import dataclass

from ns_ray.dataset.ladder import GOP, Part, size_of


@dataclass(frozen=True, slots=True)
class StreamedEncoding:
    """Video of one height by x264: `veryfast`, High profile, 2 B frames, a key frame every 2 s, constant bitrate."""

    height: int
    kbps: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return size_of(self.height)

    @property
    def codec(self) -> str:
        """FFmpeg's name of the encoder."""
        return "libx264"

    def name(self, seconds: int, part: Part) -> str:
        """Such as `1080p_6000kbps_d8_train.mkv`."""
        return f"{self.height}p_{self.kbps}kbps_d{seconds}_{part}.mkv"

    @property
    def options(self) -> dict[str, str]:
        """x264's options by their FFmpeg names."""
        rate = f"{self.kbps}k"
        return {
            "preset": "veryfast",
            "profile": "high",
            **dict.fromkeys(("b", "maxrate", "bufsize"), rate),
            **dict.fromkeys(("g", "keyint_min"), str(GOP)),
            "bf": "2",
            "sc_threshold": "0",
        }


STREAMED = {rows: StreamedEncoding(rows, kbps) for rows, kbps in ((360, 800), (540, 1500), (720, 4000), (1080, 6000))}
"""By rows, at bitrates that platforms take at 60 frames/s."""
