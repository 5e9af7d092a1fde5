"""The packets of small clips in other containers, with other times."""

import io
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg

from ns_ray.video.packets import Packet


def ivf(path: Path, datas: Sequence[bytes], times: Sequence[int], time_base: Fraction, size=(96, 64)) -> Path:
    """An IVF file by hand; times are written as they are given."""
    path.write_bytes(_ivf(datas, times, time_base, size))
    return path


def _ivf(datas, times, time_base, size) -> bytes:
    header = b"DKIF\0\0" + (32).to_bytes(2, "little") + b"VP90"
    header += b"".join(side.to_bytes(2, "little") for side in size)
    header += time_base.denominator.to_bytes(4, "little") + time_base.numerator.to_bytes(4, "little") + bytes(8)
    frames = (
        len(d).to_bytes(4, "little") + t.to_bytes(8, "little", signed=True) + d
        for d, t in zip(datas, times, strict=True)
    )
    return header + b"".join(frames)


def remux(
    path: Path,
    packets: Sequence[Packet],
    times: Sequence[int],
    time_base: Fraction,
    *,
    format: str = "matroska",
    rate: int | None = None,
    sides: Sequence[int] = (),
    options: dict[str, str] | None = None,
) -> Path:
    """Write packets by FFmpeg's muxer.

    Args:
        times: of the packets, in ticks.
        rate: what the container is told, frames a second; None for nothing.
        sides: milliseconds of the packets of an audio track beside the video; none: no such track.
    """
    with av.open(str(path), "w", format=format, options=options or {}) as sink:
        if format == "mp4":  # which tells more of the video than its size
            with av.open(io.BytesIO(_ivf([p.data for p in packets], times, time_base, (96, 64)))) as source:
                video = sink.add_stream_from_template(source.streams.video[0])
        else:
            video = sink.add_mux_stream("vp9", rate=rate or 0, width=96, height=64)
        video.time_base = time_base
        pcm = sink.add_stream("pcm_s16le", rate=8000, layout="mono") if sides else None
        units = [(t * time_base, video, p.data, t, time_base, p.key) for p, t in zip(packets, times, strict=True)]
        units += [(Fraction(t, 1000), pcm, bytes(320), t, Fraction(1, 1000), True) for t in sides]
        for _, stream, data, pts, base, key in sorted(units, key=lambda unit: unit[0]):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.pts, packet.dts, packet.is_keyframe = stream, base, pts, pts, key
            sink.mux_one(packet)
    return path


def ffmpeg(*arguments: str) -> None:
    """Run the FFmpeg that imageio-ffmpeg ships."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)
