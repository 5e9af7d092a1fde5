"""VMAF by FFmpeg's libvmaf, which runs as a tool beside us; the package imageio-ffmpeg carries one."""

import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from os import close, fdopen, pipe
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Self

from ns_ray.errors import MediaError
from ns_ray.picture.yuv import Yuv420

NEG = "vmaf_4k_v0.6.1neg"
"""The model that counts no gain of sharpening or contrast, at 4K (Netflix's VMAF NEG)."""
_HIGH_RATE = 40
_LARGE = 1440
_LEAST = 216
"""Columns or rows that libvmaf's measure of banding needs."""


def models(rows: int, frame_rate: Fraction) -> dict[str, str]:
    """libvmaf's names of the models that pictures of so many rows are judged by, by the names of our figures.

    `vmaf_v1` is VMAF version 1 as seen from 1.5 heights where there are 1440 rows or more, else from 3; above 40 frames
    a second the one for high frame rates. `vmaf_neg` is always the NEG model for 4K.
    """
    high = "hfr_" if frame_rate > _HIGH_RATE else ""
    return {"vmaf_v1": f"vmaf_v1.0.16_{high}{'1d5h_2160' if rows >= _LARGE else '3d0h'}", "vmaf_neg": NEG}


def ffmpeg() -> str:
    """The path of the FFmpeg that imageio-ffmpeg carries.

    Raises:
        MediaError: the package is missing.
    """
    try:
        import imageio_ffmpeg
    except ImportError:
        raise MediaError(
            "VMAF needs FFmpeg with libvmaf: pip install 'neuroscaler-ray[quality]', which brings imageio-ffmpeg"
        ) from None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


class Vmaf:
    """Compares pictures with their originals, pair by pair, while FFmpeg works beside; to be closed."""

    def __init__(self, size: tuple[int, int], frame_rate: Fraction, threads: int = 1) -> None:
        """Start FFmpeg.

        Args:
            size: (width, height) in luma samples.
            frame_rate: frames a second.
            threads: of libvmaf.

        Raises:
            MediaError: there is no FFmpeg, or pictures are too small for it.
        """
        if max(size) < _LEAST:
            raise MediaError(f"VMAF cannot be measured of {size[0]}x{size[1]}: {_LEAST} columns or rows are needed")
        self._models = models(size[1], frame_rate)
        self._folder = TemporaryDirectory(prefix="vmaf-")
        self._log = Path(self._folder.name) / "log.json"
        graph = "|".join(f"version={model}\\:name={name}" for name, model in self._models.items())
        graph = f"libvmaf=model='{graph}':log_fmt=json:log_path={self._log}:n_threads={threads}"
        ends = [pipe(), pipe()]
        command = [ffmpeg(), "-nostdin", "-v", "error"]
        for reading, _ in ends:
            shape = f"{size[0]}x{size[1]}"
            command += [
                "-f",
                "rawvideo",
                "-pix_fmt",
                "yuv420p",
                "-s",
                shape,
                "-r",
                str(frame_rate),
                "-i",
                f"pipe:{reading}",
            ]
        command += ["-lavfi", graph, "-f", "null", "-"]
        passed = [reading for reading, _ in ends]
        self._process = subprocess.Popen(command, pass_fds=passed, stderr=subprocess.PIPE)
        for reading in passed:
            close(reading)
        # Each pipe has a thread of its own: FFmpeg opens its inputs one after the other, and reads ahead as it likes.
        self._pipes: list[IO[bytes]] = [fdopen(writing, "wb", buffering=0) for _, writing in ends]
        self._writers = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]
        self._due: list[Future[None]] = []

    def add(self, picture: Yuv420, original: Yuv420) -> None:
        """Take the next pair, both 8 bit 4:2:0 of the size; returns once the pair before is on its way.

        Raises:
            MediaError: FFmpeg ended.
        """
        self._wait()
        for writer, target, one in zip(self._writers, self._pipes, (picture, original), strict=True):
            self._due.append(writer.submit(_write, target, one))

    def _wait(self) -> None:
        due, self._due = self._due, []
        try:
            for one in due:
                one.result()
        except OSError:
            raise self._failure() from None

    def _failure(self) -> MediaError:
        self._process.kill()
        said = self._process.communicate()[1].decode(errors="replace").strip() or "it ended early"
        return MediaError(f"VMAF cannot be measured: FFmpeg says: {said}")

    def scores(self) -> dict[str, list[float]]:
        """The scores of every pair, by the names in `models`; ends FFmpeg.

        Raises:
            MediaError: it failed.
        """
        self._wait()
        for one in self._pipes:
            one.close()
        said = self._process.communicate()[1]
        if self._process.returncode or not self._log.exists():
            raise MediaError(f"VMAF cannot be measured: FFmpeg says: {said.decode(errors='replace').strip()}")
        frames: Sequence[dict[str, dict[str, float]]] = json.loads(self._log.read_text())["frames"]
        return {name: [frame["metrics"][name] for frame in frames] for name in self._models}

    def close(self) -> None:
        """End FFmpeg, whatever it was at, and remove its file."""
        self._process.kill()
        for writer in self._writers:
            writer.shutdown(cancel_futures=True)
        for one in self._pipes:
            one.close()
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()


def _write(target: IO[bytes], picture: Yuv420) -> None:
    for plane in picture.planes:
        left = memoryview(plane.tobytes())
        while left:
            left = left[target.write(left) :]
