"""Training material: frames of pairs of videos, LR and HR, in the memory of a device."""

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
import torch
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.color import rgb_to_uint8, yuv_to_rgb
from ns_ray.sr.engine import Plane, Planes
from ns_ray.sr.pairs import VideoPair
from ns_ray.sr.sparse_decode import TOLERANCE, decode_at, shown_times


def spacing(pair: VideoPair, fps: float) -> int:
    """LR frames from one to the next where `fps` of them are taken a second; 1 or more.

    Raises:
        ModelError: the LR video cannot be read.
    """
    try:
        with av.open(pair.lr) as container:
            rate = container.streams.video[0].average_rate
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ModelError(f"{pair.lr} cannot be read ({error}): make the pair again") from error
    return max(1, round(float(rate or 60) / fps))


def read_pair(pair: VideoPair, scale: int, every: int = 1, ahead: float = 0.0) -> Iterator[tuple[Planes, Planes]]:
    """The frames that both videos have, LR and HR planes, at least `every` LR frames apart.

    Frames are matched by their times; HR is scaled down to `scale` times LR if it is larger (swscale, bicubic).

    Args:
        pair: the videos.
        scale: HR/LR.
        every: LR frames from one to the next.
        ahead: seconds by which HR's times are ahead of LR's.

    Raises:
        ModelError: a video cannot be read, or HR is smaller than `scale` times LR.
    """
    try:
        times = _common(shown_times(pair.lr), [time - ahead for time in shown_times(pair.hr)], every)
        asked = {time + ahead: time for time in times}
        high_frames = ((asked[time], frame) for time, frame in decode_at(pair.hr, list(asked)))
        high_time, original = next(high_frames, (math.inf, None))
        for time, frame in decode_at(pair.lr, times):
            while high_time < time:
                high_time, original = next(high_frames, (math.inf, None))
            if original is None:
                return
            if high_time == time:
                size = frame.width * scale, frame.height * scale
                if original.width < size[0] or original.height < size[1]:
                    raise ModelError(
                        f"{pair.hr} is {original.width}x{original.height}, smaller than {size[0]}x{size[1]}, which is "
                        f"{scale} times {pair.lr}: name its HR original"
                    )
                if size != (original.width, original.height):
                    original = original.reformat(*size, interpolation=Interpolation.BICUBIC)
                yield planes_of(frame), planes_of(original)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ModelError(f"{pair.lr} or {pair.hr} cannot be read ({error}): make the pair again") from error


def _common(low: list[float], high: list[float], every: int) -> list[float]:
    """LR times that HR has, too, at least `every` LR frames apart."""
    times, due, index = [], 0, 0
    for time in high:
        while index < len(low) and low[index] < time - TOLERANCE:
            index += 1
        if index < len(low) and low[index] <= time + TOLERANCE and index >= due:
            times.append(low[index])
            due = index + every
    return times


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
    memory_gb: float = math.inf,
) -> list[Pool]:
    """Reads pairs into device memory, those of one collection and size together, in the order given.

    A 2160p frame with its 720p one takes 27.6 MB; while a pool is put together, twice its size is in use.

    Args:
        pairs: what to read.
        scale: HR/LR.
        device: where frames go.
        every: frames taken of a pair are at least so many LR frames apart.
        threads: pairs read at a time.
        progress: told each pair that was read.
        memory_gb: what all frames together may take, in 10^9 bytes.

    Raises:
        ModelError: a video cannot be read, no pair has a frame in common, or the frames take more memory than allowed.
    """
    lock, taken = threading.Lock(), 0

    def read(pair: VideoPair) -> list[tuple[Tensor, Tensor]]:
        nonlocal taken
        frames = []
        for planes in read_pair(pair, scale, every):
            low, high = (_to_rgb(side, device) for side in planes)
            frames.append((low, high))
            with lock:
                taken += low.nbytes + high.nbytes
                if taken > memory_gb * 1e9:
                    raise ModelError(
                        f"{pair.hr}: frames to train on take more than {memory_gb:g} GB: take fewer of them (a lower "
                        "frame rate, or a larger spacing), or set a higher memory_gb"
                    )
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
