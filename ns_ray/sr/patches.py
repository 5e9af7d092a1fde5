"""Patches: cut at random out of frames, turned and flipped, on the device that holds the frames."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.dataset import Pool


class Batch(NamedTuple):
    """Patches: LR (N, 3, P, P) and HR (N, 3, P * scale, P * scale), float32 in 0..1, channels-last."""

    lr: Tensor
    hr: Tensor


class PatchSampler:
    """Draws batches of patches: pools in equal shares; frame, place, flips and quarter turns at random.

    A batch depends on the seed and on its step alone, so nothing has to be kept of a run to go on with it.
    """

    def __init__(self, pools: list[Pool], scale: int, patch: int, batch: int, seed: int) -> None:
        """Checks that patches can be cut.

        Args:
            pools: where patches come from, all on one device.
            scale: HR/LR.
            patch: LR patch side.
            batch: patches a batch.
            seed: the same one draws the same batches, on any device.

        Raises:
            ModelError: a frame is smaller than a patch.
        """
        for pool in pools:
            if min(pool.lr.shape[1:3]) < patch:
                raise ModelError(f"{pool.name}: its frames are smaller than a patch of {patch}: set a smaller patch")
        self._pools, self._scale, self._patch, self._batch, self._seed = pools, scale, patch, batch, seed
        self._device = pools[0].lr.device
        self._counts = [len(part) for part in np.array_split(np.arange(batch), len(pools))]

    def draw(self, step: int) -> Batch:
        """The batch of a step."""
        random = np.random.Generator(np.random.Philox(key=np.array([self._seed, step], np.uint64)))
        # Drawn on the host and moved in one piece: fewer launches than a draw of each on the device.
        chosen = torch.from_numpy(random.integers(0, 2**31, (6, self._batch))).to(self._device)
        parts = [
            self._cut(pool, share)
            for pool, share in zip(self._pools, torch.split(chosen, self._counts, 1), strict=True)
            if share.shape[1]
        ]
        low, high = (
            torch.cat(side).to(torch.float32).mul_(1 / 255).permute(0, 3, 1, 2) for side in zip(*parts, strict=True)
        )
        return Batch(low, high)

    def _cut(self, pool: Pool, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Patches (n, side, side, 3) of both sizes; `chosen`: six random numbers (6, n), 0 to 2^31 - 1."""
        frames, rows, columns = pool.lr.shape[:3]
        frame = chosen[0] % frames
        top, left = chosen[1] % (rows - self._patch + 1), chosen[2] % (columns - self._patch + 1)
        flip_y, flip_x, turn = (chosen[3:] % 2).bool()

        def patches(pictures: Tensor, scale: int) -> Tensor:
            side = self._patch * scale
            along = torch.arange(side, device=self._device).expand(chosen.shape[1], side)
            y = _flipped(along, flip_y)[:, :, None].expand(-1, -1, side)
            x = _flipped(along, flip_x)[:, None, :].expand(-1, side, -1)
            swap = turn[:, None, None]
            y, x = torch.where(swap, y.transpose(1, 2), y), torch.where(swap, x.transpose(1, 2), x)
            corner_y, corner_x = (top * scale)[:, None, None], (left * scale)[:, None, None]
            return pictures[frame[:, None, None], corner_y + y, corner_x + x]

        return patches(pool.lr, 1), patches(pool.hr, self._scale)


def _flipped(along: Tensor, flip: Tensor) -> Tensor:
    return torch.where(flip[:, None], along.flip(1), along)
