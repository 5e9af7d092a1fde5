"""Gives a reconstructor its largest frames until it refuses, then others; prints what memory that took at its peak."""

from pathlib import Path

import numpy as np

from ns_ray.client.reconstruct import Reconstructor
from ns_ray.codecs.motion_field import BLOCK, WEIGHTS, Prediction
from ns_ray.errors import HybridError


class Coded:
    """Intra blocks only."""

    blocks = np.zeros(0, BLOCK)
    weights = np.zeros(0, WEIGHTS)
    prediction = Prediction.VP9

    def __init__(self, width: int, height: int, refreshed: int) -> None:
        self.width, self.height, self.refreshed = width, height, refreshed


def peak() -> int:
    """The most memory that this program has held, in bytes; getrusage would count what its parent held before."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def main() -> None:
    """Begin with 7680x4320 at scale 1: eight of these would take a gigabyte."""
    before = peak()
    reconstructor = Reconstructor(1, "best")
    width, height = 7680, 4320
    grey = np.full((height, width), 128, np.uint8)
    lr = grey, grey[: height // 2, : width // 2], grey[: height // 2, : width // 2]
    taken, refusal = 0, ""
    try:
        for slot in range(8):
            reconstructor.frame(Coded(width, height, 1 << slot), lr, lr if slot == 0 else None)
            taken += 1
    except HybridError as error:
        refusal = str(error)
    assert 3 <= taken < 8, taken
    assert "MiB" in refusal, refusal
    reconstructor.frame(Coded(width, height, 255), lr)  # what it replaces makes room for it
    half = grey[: height // 4, : width // 4]
    for slot in range(8):
        reconstructor.frame(Coded(width // 2, height // 2, 1 << slot), (grey[: height // 2, : width // 2], half, half))
    print(peak() - before)


if __name__ == "__main__":
    main()
