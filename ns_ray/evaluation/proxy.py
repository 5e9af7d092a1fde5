"""Residual bytes against quality lost: what the proxy that anchors are chosen by tells of the quality really lost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ns_ray.evaluation.correlation import correlations
from ns_ray.evaluation.drift import Drift


def proxy_told(drift: Drift, lost: NDArray[np.float64], gops: Sequence[int]) -> dict[str, Any]:
    """How well accumulated residuals tell the loss of the frames that are rebuilt from an anchor.

    Anchors themselves, and frames before the first one, are left out.

    Args:
        drift: of the shown frames, (frames,).
        lost: of each: super-resolution of the frame itself less what is shown; NaN for one that does not count.
        gops: the number of each frame's GOP.

    Returns:
        `pairs`, `pearson` and `spearman` over all frames, the same by GOP under `gops`, and under `by_frames` what the
        mere number of frames since the anchor tells.
    """
    rebuilt = (drift.frames > 0) & np.isfinite(lost)
    of = np.array(gops)

    def told(by: NDArray[np.int64], which: NDArray[np.bool_]) -> dict[str, Any]:
        return correlations(by[which], lost[which])

    return told(drift.residuals, rebuilt) | {
        "gops": [told(drift.residuals, rebuilt & (of == gop)) for gop in np.unique(of)],
        "by_frames": told(drift.frames, rebuilt),
    }
