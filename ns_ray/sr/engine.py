"""What every inference engine can do, whatever runs underneath."""

import statistics
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.color import chroma_size
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights

Plane = NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]
"""One frame, YUV 4:2:0, BT.709 limited range: (H, W) and twice ((H+1)//2, (W+1)//2), uint8, any strides."""

Format = Literal["rgb", "yuv"]
Begun = Callable[[], NDArray[np.uint8] | Planes]
"""A frame that is under way: waits for it, and gives its picture."""


class Engine(ABC):
    """One model at one LR size on one device, ready to run; only its weights change afterwards.

    Attributes:
        name: what reports call it.
        spec: the model.
        width, height: LR, in luma samples.
        lr_shapes: rows and columns of each plane of a frame.
        device: where it runs, as PyTorch names it (`cpu`, `cuda:0`).
        latency_ms: median time of one frame, host memory to host memory, to RGB; None before `warm_up`.
        in_flight: how many frames of `pixels` last at a time.
        under_way: frames at a time that `infer_all` has begun and not given out.
    """

    name: str
    in_flight: int = 2
    under_way: int = 2

    def __init__(self, model: ModelSpec | str, width: int, height: int, device: str = "cpu") -> None:
        """Allocates all that inference needs, but no weights.

        Raises:
            ModelError: no such model, or this engine cannot run it at that size on that device.
        """
        self.spec = ModelSpec.parse(model) if isinstance(model, str) else model
        if width < 1 or height < 1:
            raise ModelError(f"{self.spec} cannot run at {width}x{height}: both sides must be at least 1")
        self.width, self.height, self.device = width, height, device
        self.latency_ms: float | None = None
        chroma = chroma_size(height, width)
        self.lr_shapes = (height, width), chroma, chroma

    @property
    def hr_size(self) -> tuple[int, int]:
        """HR rows and columns."""
        return self.height * self.spec.scale, self.width * self.spec.scale

    def prepare(self, weights: Weights) -> Weights:
        """The same weights in the form that `load` takes fastest; keep it where streams take turns.

        Raises:
            ModelError: they are not for this model.
        """
        return weights

    @abstractmethod
    def load(self, weights: Weights) -> None:
        """Switches to these weights for every later frame; far cheaper than an inference.

        Raises:
            ModelError: they are not for this model.
        """

    @overload
    def infer(self, planes: Planes, form: Literal["rgb"] = "rgb") -> NDArray[np.uint8]: ...
    @overload
    def infer(self, planes: Planes, form: Literal["yuv"]) -> Planes: ...
    @overload
    def infer(self, planes: Planes, form: Format) -> NDArray[np.uint8] | Planes: ...
    def infer(self, planes: Planes, form: Format = "rgb") -> NDArray[np.uint8] | Planes:
        """Super-resolves one frame.

        Returns:
            `rgb`: (H * scale, W * scale, 3) uint8, full range; `yuv`: planes like those that came in, `scale`
            times the size. The arrays are the caller's to keep.

        Raises:
            ModelError: no weights are loaded, or the planes are not of this engine's size.
        """
        return self._begin(planes, form)()

    @abstractmethod
    def _begin(self, planes: Planes, form: Format) -> Begun:
        """Starts one frame; raises as `infer` does."""

    def cpu_seconds(self) -> float:
        """CPU time so far, to be subtracted, of the threads that the engine works in when it is called.

        On a CPU PyTorch has threads of its own beside the caller's, so that it is the whole process's.
        """
        return time.process_time() if self.device == "cpu" else time.thread_time()

    def pixels(self, planes: Planes) -> Tensor:
        """One frame that stays on the engine's device, to be compressed there.

        On a GPU it returns before the work is done, which the current stream then waits for.

        Returns:
            (H * scale, W * scale, 3) uint8, full range RGB, contiguous. `in_flight` calls later its memory is used
            again: by then the caller's work on it must be done.

        Raises:
            ModelError: no weights are loaded, or the planes are not of this engine's size.
        """
        return torch.from_numpy(self.infer(planes)).to(self.device)

    def begin_pixels(self, planes: Planes) -> tuple[Tensor, "torch.cuda.Event | None"]:
        """`pixels`, which on a GPU are there after an event; the current stream need not wait for them.

        Raises:
            ModelError: as `pixels`.
        """
        pixels = self.pixels(planes)
        if not pixels.is_cuda:
            return pixels, None
        ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
        ready.record(torch.cuda.current_stream(pixels.device))
        return pixels, ready

    def infer_all(self, frames: Iterable[Planes], form: Format = "rgb") -> Iterator[NDArray[np.uint8] | Planes]:
        """`infer` of many frames, in order; on a GPU one is copied while the next is computed."""
        begun: deque[Begun] = deque()
        for planes in frames:
            begun.append(self._begin(planes, form))
            if len(begun) >= self.under_way:
                yield begun.popleft()()
        while begun:
            yield begun.popleft()()

    def warm_up(self, runs: int = 3) -> float:
        """Runs once to get everything ready, then `runs` times to measure; sets and returns `latency_ms`."""
        noise = np.random.default_rng(0)
        y, u, v = (noise.integers(16, 236, shape, np.uint8) for shape in self.lr_shapes)
        self.infer((y, u, v))
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            self.infer((y, u, v))
            times.append(time.perf_counter() - start)
        self.latency_ms = statistics.median(times) * 1000
        return self.latency_ms

    def check(self, planes: Planes) -> None:
        """Refuses planes of another size or type.

        Raises:
            ModelError: they are not of this engine's size, or not uint8.
        """
        shapes = tuple(plane.shape for plane in planes)
        if shapes != self.lr_shapes:
            raise ModelError(
                f"{self.spec} at {self.width}x{self.height} got planes of {shapes} (rows, columns): "
                "use an engine of the stream's size and YUV 4:2:0"
            )
        if any(plane.dtype != np.uint8 for plane in planes):
            raise ModelError(f"{self.spec} got planes of {planes[0].dtype}: 8 bits a sample are needed")
