"""Inter prediction in plain NumPy (ITU-T H.264, section 8.4.2), to hold parsed motion against decoded pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ns_ray.codecs.h264.layout import Weighting
from ns_ray.codecs.h264.parser import Frame

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
Samples = NDArray[np.int64]

TAPS = (1, -5, 20, 20, -5, 1)


def _patches(plane: NDArray[np.uint8], y: Samples, x: Samples, size: int) -> Samples:
    """Squares of samples from (y, x) on, [N][size][size]; the edge goes on outside."""
    rows = np.clip(y[:, None] + np.arange(size), 0, plane.shape[0] - 1)
    columns = np.clip(x[:, None] + np.arange(size), 0, plane.shape[1] - 1)
    return plane[rows[:, :, None], columns[:, None, :]].astype(np.int64)


def _filter(samples: Samples, axis: int) -> Samples:
    length = samples.shape[axis] - 5
    return sum(tap * np.take(samples, np.arange(i, i + length), axis) for i, tap in enumerate(TAPS))  # type: ignore[return-value]


def _luma(plane: NDArray[np.uint8], y: Samples, x: Samples) -> Samples:
    """4x4 predictions at positions in quarter samples, [N][4][4] (section 8.4.2.2.1; its names for samples)."""
    patch = _patches(plane, (y >> 2) - 2, (x >> 2) - 2, 9)
    across, down = _filter(patch, 2), _filter(patch, 1)
    half_across, half_down = np.clip((across + 16) >> 5, 0, 255), np.clip((down + 16) >> 5, 0, 255)
    g, right, below = patch[:, 2:6, 2:6], patch[:, 2:6, 3:7], patch[:, 3:7, 2:6]
    b, s = half_across[:, 2:6], half_across[:, 3:7]
    h, m = half_down[:, :, 2:6], half_down[:, :, 3:7]
    j = np.clip((_filter(across, 1) + 512) >> 10, 0, 255)
    pairs = [
        [(g, g), (g, b), (b, b), (b, right)],
        [(g, h), (b, h), (b, j), (b, m)],
        [(h, h), (h, j), (j, j), (j, m)],
        [(h, below), (h, s), (j, s), (m, s)],
    ]
    result = np.empty_like(g)
    for fy in range(4):
        for fx in range(4):
            chosen = ((y & 3) == fy) & ((x & 3) == fx)
            first, second = pairs[fy][fx]
            result[chosen] = (first[chosen] + second[chosen] + 1) >> 1
    return result


def _chroma(plane: NDArray[np.uint8], y: Samples, x: Samples) -> Samples:
    """2x2 predictions at positions in eighth samples, [N][2][2] (section 8.4.2.2.2)."""
    patch = _patches(plane, y >> 3, x >> 3, 3)
    fy, fx = (y & 7)[:, None, None], (x & 7)[:, None, None]
    top = (8 - fx) * patch[:, :2, :2] + fx * patch[:, :2, 1:]
    bottom = (8 - fx) * patch[:, 1:, :2] + fx * patch[:, 1:, 1:]
    return ((8 - fy) * top + fy * bottom + 32) >> 6


def _weighted(frame: Frame, plane: int, y: Samples, x: Samples, predictions: list[Samples]) -> Samples:
    """Section 8.4.2.3, for the blocks at (y, x)."""
    blocks = frame.blocks[y, x]
    info = frame.slices[frame.macroblocks["slice"][y // 4, x // 4]]
    uses = blocks["reference"] >= 0
    index = np.maximum(blocks["reference"], 0)

    def wide(values: Samples) -> Samples:
        return values.astype(np.int64)[:, None, None]

    first = uses[:, 0, None, None]
    one = np.where(first, predictions[0], predictions[1])
    two = (predictions[0] + predictions[1] + 1) >> 1

    second = wide(info["implicit_weights"][np.arange(len(y)), index[:, 0], index[:, 1]])
    by_distance = (predictions[0] * (64 - second) + predictions[1] * second + 32) >> 6
    two = np.where(wide(info["weighting"]) == Weighting.IMPLICIT, by_distance, two)

    log2 = wide(info["luma_log2"] if plane == 0 else info["chroma_log2"])
    entries = [info["explicit_weights"][np.arange(len(y)), i, index[:, i], plane] for i in (0, 1)]
    w, o = [wide(entry[:, 0]) for entry in entries], [wide(entry[:, 1]) for entry in entries]
    weight, offset = np.where(first, w[0], w[1]), np.where(first, o[0], o[1])
    explicit = wide(info["weighting"]) == Weighting.EXPLICIT
    one = np.where(explicit, (one * weight + (1 << log2 >> 1) >> log2) + offset, one)
    total = predictions[0] * w[0] + predictions[1] * w[1] + (1 << log2) >> (log2 + 1)
    two = np.where(explicit, total + ((o[0] + o[1] + 1) >> 1), two)
    return np.clip(np.where(uses.all(1)[:, None, None], two, one), 0, 255)


def predict(frame: Frame, references: Mapping[int, Planes]) -> Planes:
    """What the frame's inter blocks are predicted as; zero elsewhere. references: decoded pictures by frame number."""
    rows, columns = frame.blocks.shape
    result = [np.zeros((rows * step, columns * step), np.uint8) for step in (4, 2, 2)]
    y, x = np.nonzero(~frame.intra)
    blocks = frame.blocks[y, x]
    for plane, step in enumerate((4, 2, 2)):
        predictions = []
        for i in (0, 1):
            prediction = np.zeros((len(y), step, step), np.int64)
            for index, reference in enumerate(frame.references):
                chosen = blocks["picture"][:, i] == index
                mv = blocks["mv"][chosen, i].astype(np.int64)
                at_y, at_x = 16 * y[chosen] + mv[:, 0], 16 * x[chosen] + mv[:, 1]
                prediction[chosen] = (_luma if plane == 0 else _chroma)(references[reference][plane], at_y, at_x)
            predictions.append(prediction)
        squares = result[plane].reshape(rows, step, columns, step)
        squares[y, :, x] = _weighted(frame, plane, y, x, predictions)
    return result[0], result[1], result[2]
