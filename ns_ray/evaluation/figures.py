"""Errors of many frames as figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Self

import numpy as np

from ns_ray.metrics.psnr import PlaneErrors

LEAST_GAIN = 0.1
"""dB that SR has to gain for shares of that to be told."""


@dataclass(frozen=True, slots=True)
class Series:
    """The PSNR of each shown frame, dB, in order: of luma, and of all planes."""

    psnr_y: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)

    def add(self, errors: PlaneErrors) -> None:
        """Take the next frame."""
        self.psnr_y.append(errors.psnr_y)
        self.psnr.append(errors.psnr)

    @property
    def mean(self) -> dict[str, float]:
        """Means over the frames, to 0.0001 dB."""
        return {"psnr_y": round(fmean(self.psnr_y), 4), "psnr": round(fmean(self.psnr), 4)}

    def over(self, other: Self) -> dict[str, float]:
        """The gain: means over the frames of what this one is above another one's, dB."""
        return {key: round(value - other.mean[key], 4) for key, value in self.mean.items()}

    def first(self, count: int) -> Self:
        """That of the first `count` frames alone."""
        return type(self)(self.psnr_y[:count], self.psnr[:count])

    @property
    def frames(self) -> dict[str, list[float]]:
        """Every frame's figures, to 0.0001 dB."""
        return {"psnr_y": np.round(self.psnr_y, 4).tolist(), "psnr": np.round(self.psnr, 4).tolist()}


def by_gop(values: Sequence[float], gops: Sequence[int]) -> list[float]:
    """The means of each GOP's frames; `gops`: the number of each frame's GOP."""
    array, of = np.array(values), np.array(gops)
    return [round(float(array[of == gop].mean()), 4) for gop in np.unique(of)]


def described(series: Series, gops: Sequence[int]) -> dict[str, Any]:
    """Means, by GOP too, and every frame's, as JSON has them; those of all planes end in `all_planes`."""
    return {
        **series.mean,
        "gops": by_gop(series.psnr_y, gops),
        "gops_all_planes": by_gop(series.psnr, gops),
        "frames": np.round(series.psnr_y, 3).tolist(),
        "frames_all_planes": np.round(series.psnr, 3).tolist(),
    }


def share_kept(gain: float, best: float) -> float | None:
    """The share of SR's gain that is kept, to 0.0001; None where SR gains too little to tell."""
    return round(gain / best, 4) if best >= LEAST_GAIN else None
