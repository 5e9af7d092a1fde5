"""Pictures and pairs of videos that the tests make themselves."""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from ns_ray.sr.color import chroma_size
from ns_ray.sr.engine import Planes


def noise(width: int, height: int, seed: int = 0) -> Planes:
    """Random planes within the limited range."""
    random = np.random.default_rng(seed)
    chroma = chroma_size(height, width)
    y, u, v = (random.integers(16, 236, size, np.uint8) for size in ((height, width), chroma, chroma))
    return y, u, v


def smooth(width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) RGB that changes slowly and reaches all primaries."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = (np.sin(3 * x + y), np.sin(2 * y - x + 1), np.cos(2 * x + 2 * y))
    return np.stack([127.5 + 120 * wave for wave in waves], axis=-1).round().astype(np.uint8)


def textured(width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) RGB with edges: rectangles of random colours."""
    random = np.random.default_rng(5)
    picture = np.full((height, width, 3), 128, np.uint8)
    for _ in range(60):
        top, left = random.integers(0, height), random.integers(0, width)
        rows, columns = random.integers(4, max(5, height // 3), 2)
        picture[top : top + rows, left : left + columns] = random.integers(0, 256, 3)
    return picture


def write_pair(directory: Path, frames: int = 8, part: str = "train") -> tuple[Path, Path]:
    """A moving picture as a 64x48 LR and a 192x144 HR video; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    whole = textured(192 + 2 * frames, 144)
    paths = directory / f"48p_50kbps_d1_{part}.webm", directory / f"144p_d1_{part}.webm"
    for path, width, height, rate in ((paths[0], 64, 48, 50_000), (paths[1], 192, 144, 4_000_000)):
        with av.open(path, "w") as container:
            stream = container.add_stream("libvpx-vp9", rate=60, options={"cpu-used": "8", "deadline": "realtime"})
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", rate
            for index in range(frames):
                window = np.ascontiguousarray(whole[:, 2 * index : 2 * index + 192])
                frame = av.VideoFrame.from_ndarray(window, "rgb24")
                frame = frame.reformat(width, height, "yuv420p", dst_colorspace="ITU709", interpolation="AREA")
                frame.pts = index
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return paths
