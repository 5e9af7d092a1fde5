"""From LR frames to JPEG images, while one frame is compressed the next ones are super-resolved."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.weights import Weights

Compress = Callable[[Tensor, int], bytes]
"""(H, W, 3) uint8 RGB on the engine's device and a JPEG quality (1 to 100) -> an image; ordered by the stream."""


def gpu_compressor(device: str) -> Compress:
    """JPEG on the GPU itself.

    Raises:
        ModelError: the device is no GPU, or nvImageCodec is not installed or does not run on it.
    """
    if not device.startswith("cuda"):
        raise ModelError(f"no image is compressed on {device} by a GPU: use a CPU encoder")
    from ns_ray.sr.gpu_jpeg import GpuJpeg

    return GpuJpeg(device).encode


@dataclass(frozen=True, slots=True)
class Compressed:
    """An image, and the seconds it took to compress, waiting for the picture left out."""

    data: bytes
    seconds: float


class Enhancement:
    """An engine and a compressor at work side by side: on streams of their own on a GPU, the latter in a thread.

    Calls must not overlap; futures may be waited for anywhere, also while later frames are submitted.
    """

    def __init__(self, engine: Engine, compress: Compress) -> None:
        self._engine, self._compress = engine, compress
        self._cuda = engine.device.startswith("cuda")
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="compress")
        self._streams = [torch.cuda.Stream(engine.device) if self._cuda else None for _ in range(2)]  # type: ignore[no-untyped-call]
        self._free = BoundedSemaphore(engine.in_flight)

    def load(self, weights: Weights) -> None:
        """Switch to these weights for every frame submitted later; see `Engine.load`."""
        with self._on(0):
            self._engine.load(weights)

    def submit(self, planes: Planes, quality: int) -> Future[Compressed]:
        """Start one frame; waits where the engine cannot hold another.

        Raises:
            ModelError: as `Engine.pixels` does; the future raises what the compressor does.
        """
        self._free.acquire()
        try:
            with self._on(0):
                pixels = self._engine.pixels(planes)
                ready = None
                if self._cuda:
                    ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
                    ready.record(torch.cuda.current_stream(pixels.device))
            return self._workers.submit(self._finish, pixels, ready, quality)
        except BaseException:
            self._free.release()
            raise

    def drain(self) -> None:
        """Wait until no frame is under way: only then may the engine be used by itself."""
        for _ in range(self._engine.in_flight):
            self._free.acquire()
        for _ in range(self._engine.in_flight):
            self._free.release()

    def run(self, frames: Iterable[Planes], quality: int) -> Iterator[bytes]:
        """JPEG images of the frames, super-resolved, in order.

        Raises:
            ModelError: as `Engine.pixels` and the compressor do.
        """
        flying: deque[Future[Compressed]] = deque()
        try:
            for planes in frames:
                if len(flying) == self._engine.in_flight:
                    yield flying.popleft().result().data
                flying.append(self.submit(planes, quality))
            while flying:
                yield flying.popleft().result().data
        finally:
            wait(flying)

    def _finish(self, pixels: Tensor, ready: "torch.cuda.Event | None", quality: int) -> Compressed:
        try:
            with self._on(1):
                if ready:
                    ready.synchronize()
                start = time.perf_counter()
                image = self._compress(pixels, quality)
                return Compressed(image, time.perf_counter() - start)
        finally:
            self._free.release()

    def _on(self, index: int) -> Any:
        stream = self._streams[index]
        return torch.cuda.stream(stream) if stream else nullcontext()
