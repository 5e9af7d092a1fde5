"""From LR frames to JPEG images, while one frame is compressed the next ones are super-resolved."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.engine import Engine, Planes

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


class Enhancement:
    """An engine and a compressor at work side by side: on streams of their own on a GPU, the latter in a thread.

    Attributes:
        compress_seconds: time spent compressing so far, waiting for the picture left out.
    """

    def __init__(self, engine: Engine, compress: Compress) -> None:
        self._engine, self._compress = engine, compress
        self._cuda = engine.device.startswith("cuda")
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="compress")
        self._streams = [torch.cuda.Stream(engine.device) if self._cuda else None for _ in range(2)]  # type: ignore[no-untyped-call]
        self.compress_seconds = 0.0

    def run(self, frames: Iterable[Planes], quality: int) -> Iterator[bytes]:
        """JPEG images of the frames, super-resolved, in order.

        Raises:
            ModelError: as `Engine.pixels` and the compressor do.
        """
        flying: deque[Future[bytes]] = deque()
        try:
            for planes in frames:
                if len(flying) == self._engine.in_flight:
                    yield flying.popleft().result()
                flying.append(self._submit(planes, quality))
            while flying:
                yield flying.popleft().result()
        finally:
            wait(flying)

    def _submit(self, planes: Planes, quality: int) -> Future[bytes]:
        with self._on(0):
            pixels = self._engine.pixels(planes)
            ready = None
            if self._cuda:
                ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
                ready.record(torch.cuda.current_stream(pixels.device))
        return self._workers.submit(self._finish, pixels, ready, quality)

    def _finish(self, pixels: Tensor, ready: "torch.cuda.Event | None", quality: int) -> bytes:
        with self._on(1):
            if ready:
                ready.synchronize()
            start = time.perf_counter()
            image = self._compress(pixels, quality)
            self.compress_seconds += time.perf_counter() - start
        return image

    def _on(self, index: int) -> Any:
        stream = self._streams[index]
        return torch.cuda.stream(stream) if stream else nullcontext()
