"""Training material: pairs of videos, an LR one and its HR original, as patches cut on the device that trains."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import av
import numpy as np
import torch
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.color import rgb_to_uint8, yuv_to_rgb
from ns_ray.sr.engine import Plane, Planes

_LR_NAME = re.compile(r"(\d+)p_\d+kbps_(.+)\.webm")


class VideoPair(NamedTuple):
    """An LR video, its HR original (of its scale or larger), and the collection both belong to."""

    collection: str
    lr: Path
    hr: Path


class Batch(NamedTuple):
    """Patches: LR (N, 3, P, P) and HR (N, 3, P * scale, P * scale), float32 in 0..1, channels-last."""

    lr: Tensor
    hr: Tensor


def find_pairs(data_dir: Path, scale: int, part: str = "train") -> list[VideoPair]:
    """All pairs under a directory, named as the published data set names them.

    `720p_4125kbps_d60_train.webm` pairs with `2160p_d60_train.webm` beside it; without an HR video of exactly `scale`
    times the rows the next larger one is taken, and scaled down when it is read. Only names that end in `part` count.

    Raises:
        ModelError: there is none.
    """
    pairs = []
    for lr in sorted(data_dir.rglob(f"*kbps*_{part}.webm")):
        match = _LR_NAME.fullmatch(lr.name)
        if match is None:
            continue
        originals = {int(path.name.partition("p_")[0]): path for path in lr.parent.glob(f"*[0-9]p_{match[2]}.webm")}
        rows = [height for height in sorted(originals) if height >= int(match[1]) * scale]
        if rows:
            pairs.append(VideoPair(lr.relative_to(data_dir).parts[0], lr, originals[rows[0]]))
    if not pairs:
        raise ModelError(
            f"no pairs of videos for {part} under {data_dir}: put <LR>p_<rate>kbps_<name>_{part}.webm and its "
            f"{scale} times larger <HR>p_<name>_{part}.webm there, or make some with jobs/prepare_stills.py"
        )
    return pairs


def read_pair(pair: VideoPair, scale: int, every: int = 1) -> Iterator[tuple[Planes, Planes]]:
    """The frames that both videos have, LR and HR planes, at least `every` LR frames apart.

    Frames are matched by their times; HR is scaled down to `scale` times LR if it is larger (swscale, bicubic).

    Raises:
        ModelError: a video cannot be read.
    """
    try:
        with av.open(pair.lr) as low, av.open(pair.hr) as high:
            for container in (low, high):
                container.streams.video[0].thread_type = "AUTO"
            yield from _matched(low.decode(video=0), high.decode(video=0), scale, every)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ModelError(f"{pair.lr} or {pair.hr} cannot be read ({error}): make the pair again") from error


def _matched(
    low: Iterator[av.VideoFrame], high: Iterator[av.VideoFrame], scale: int, every: int
) -> Iterator[tuple[Planes, Planes]]:
    tolerance = 0.004  # seconds: containers round times to a millisecond
    index, due = 0, 0
    frame = next(low, None)
    for original in high:
        while frame and frame.time < original.time - tolerance:
            frame, index = next(low, None), index + 1
        if frame is None:
            return
        if frame.time <= original.time + tolerance and index >= due:
            due = index + every
            size = frame.width * scale, frame.height * scale
            if size != (original.width, original.height):
                original = original.reformat(*size, interpolation=Interpolation.BICUBIC)
            yield planes_of(frame), planes_of(original)


def planes_of(frame: av.VideoFrame) -> Planes:
    """Copies of a decoded picture's planes, 8 bit 4:2:0.

    Raises:
        ModelError: it is of another format.
    """
    if frame.format.name != "yuv420p":
        raise ModelError(f"a {frame.format.name} video cannot be trained on: convert it to yuv420p")
    y, u, v = map(_samples, frame.planes)
    return y, u, v


def _samples(plane: VideoPlane) -> Plane:
    rows = np.frombuffer(cast(bytes, plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].copy()


@dataclass(slots=True)
class Pool:
    """Frames of one collection and size on a device, RGB uint8: lr (N, h, w, 3), hr `scale` times the size."""

    name: str
    lr: Tensor
    hr: Tensor

    def split(self, held_out: int) -> tuple["Pool", "Pool"]:
        """The first frames and the `held_out` last ones (at most half of them)."""
        count = len(self.lr) - min(held_out, len(self.lr) // 2)
        return Pool(self.name, self.lr[:count], self.hr[:count]), Pool(self.name, self.lr[count:], self.hr[count:])


def load_pools(
    pairs: Iterable[VideoPair],
    scale: int,
    device: str = "cpu",
    every: int = 1,
    threads: int = 4,
    progress: Callable[[VideoPair], None] = lambda pair: None,
) -> list[Pool]:
    """Reads pairs into device memory, those of one collection and size together, in the order given.

    Raises:
        ModelError: a video cannot be read, or no pair has a frame in common.
    """

    def read(pair: VideoPair) -> list[tuple[Tensor, Tensor]]:
        frames = [(_to_rgb(low, device), _to_rgb(high, device)) for low, high in read_pair(pair, scale, every)]
        progress(pair)
        return frames

    pairs = list(pairs)
    groups: defaultdict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    with ThreadPoolExecutor(threads) as workers:
        for pair, frames in zip(pairs, workers.map(read, pairs), strict=True):
            for low, high in frames:
                groups[f"{pair.collection} {low.shape[0]}p"].append((low, high))
    if not groups:
        raise ModelError("the LR and HR videos have no frame of the same time in common: make the pairs again")
    return [
        Pool(name, torch.stack([low for low, _ in frames]), torch.stack([high for _, high in frames]))
        for name, frames in sorted(groups.items())
    ]


@torch.inference_mode()
def _to_rgb(planes: Planes, device: str) -> Tensor:
    y, u, v = (torch.from_numpy(plane).to(device) for plane in planes)
    return rgb_to_uint8(yuv_to_rgb(y, u, v)).clone()


class PatchSampler:
    """Draws batches of patches: pools in equal shares; frame, place, flips and quarter turns at random."""

    def __init__(self, pools: list[Pool], scale: int, patch: int, batch: int, seed: int) -> None:
        """Seeds the draw.

        Args:
            pools: where patches come from, all on one device.
            scale: HR/LR.
            patch: LR patch side.
            batch: patches a batch.
            seed: the same one draws the same batches.

        Raises:
            ModelError: a frame is smaller than a patch.
        """
        for pool in pools:
            if min(pool.lr.shape[1:3]) < patch:
                raise ModelError(f"{pool.name}: its frames are smaller than a patch of {patch}: set a smaller patch")
        self._pools, self._scale, self._patch = pools, scale, patch
        self._device = pools[0].lr.device
        self._random = torch.Generator(self._device).manual_seed(seed)
        self._counts = [len(part) for part in np.array_split(np.arange(batch), len(pools))]

    def draw(self) -> Batch:
        """The next batch."""
        parts = [self._cut(pool, count) for pool, count in zip(self._pools, self._counts, strict=True) if count]
        low, high = (
            torch.cat(side).to(torch.float32).mul_(1 / 255).permute(0, 3, 1, 2) for side in zip(*parts, strict=True)
        )
        return Batch(low, high)

    def state(self) -> Tensor:
        """Where the draw stands, for `resume`."""
        return self._random.get_state()

    def resume(self, state: Tensor) -> None:
        """Goes on where `state` was taken."""
        self._random.set_state(state.cpu())

    def _cut(self, pool: Pool, count: int) -> tuple[Tensor, Tensor]:
        frames, rows, columns = pool.lr.shape[:3]
        frame = self._integers(frames, count)
        top, left = (
            self._integers(rows - self._patch + 1, count),
            self._integers(columns - self._patch + 1, count),
        )
        flip_y, flip_x, turn = (self._integers(2, count).bool() for _ in range(3))

        def patches(pictures: Tensor, scale: int) -> Tensor:
            side = self._patch * scale
            along = torch.arange(side, device=self._device).expand(count, side)
            y = _flipped(along, flip_y)[:, :, None].expand(-1, -1, side)
            x = _flipped(along, flip_x)[:, None, :].expand(-1, side, -1)
            swap = turn[:, None, None]
            y, x = torch.where(swap, y.transpose(1, 2), y), torch.where(swap, x.transpose(1, 2), x)
            corner_y, corner_x = (top * scale)[:, None, None], (left * scale)[:, None, None]
            return pictures[frame[:, None, None], corner_y + y, corner_x + x]

        return patches(pool.lr, 1), patches(pool.hr, self._scale)

    def _integers(self, below: int, count: int) -> Tensor:
        return torch.randint(below, (count,), generator=self._random, device=self._device)


def _flipped(along: Tensor, flip: Tensor) -> Tensor:
    return torch.where(flip[:, None], along.flip(1), along)
