"""From LR frames to JPEG images, while one frame is compressed the next ones are super-resolved."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.engine import Engine, Planes
from ns_ray.sr.weights import Weights

Compress = Callable[[Tensor, int], bytes]
"""(H, W, 3) uint8 RGB on the engine's device and a JPEG quality (1 to 100) -> an image; ordered by the stream."""

_COMPRESSORS = 2  # one waits for the GPU or for the interpreter while the other works


def gpu_compressors(device: str) -> list[Compress]:
    """JPEG on the GPU itself, by several encoders that may work side by side.

    Raises:
        ModelError: the device is no GPU, or nvImageCodec is not installed or does not run on it.
    """
    if not device.startswith("cuda"):
        raise ModelError(f"no image is compressed on {device} by a GPU: use a CPU encoder")
    from ns_ray.sr.gpu_jpeg import GpuJpeg

    return [GpuJpeg(device).encode for _ in range(_COMPRESSORS)]


@dataclass(frozen=True, slots=True)
class Compressed:
    """An image, and the seconds it took to compress, waiting for the picture left out."""

    data: bytes
    seconds: float


class Enhancement:
    """An engine and compressors at work side by side: on streams of their own on a GPU, the latter in threads.

    Calls must not overlap; futures may be waited for anywhere, also while later frames are submitted.
    """

    def __init__(self, engine: Engine, compressors: Sequence[Compress]) -> None:
        self._engine = engine
        self._stream = self._new_stream()
        self._workers = ThreadPoolExecutor(len(compressors), thread_name_prefix="compress")
        self._idle: SimpleQueue[tuple[Compress, Any]] = SimpleQueue()
        for compress in compressors:
            self._idle.put((compress, self._new_stream()))
        self._flying: deque[Future[Compressed]] = deque(maxlen=engine.in_flight)

    def load(self, weights: Weights) -> None:
        """Switch to these weights for every frame submitted later; see `Engine.load`."""
        with _on(self._stream):
            self._engine.load(weights)

    def submit(self, planes: Planes, quality: int) -> Future[Compressed]:
        """Start one frame; waits where the engine cannot hold another.

        Raises:
            ModelError: as `Engine.pixels` does; the future raises what the compressor does.
        """
        if len(self._flying) == self._engine.in_flight:
            wait([self._flying[0]])  # whose memory this one gets
        with _on(self._stream):
            pixels = self._engine.pixels(planes)
            ready = None
            if self._stream:
                ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
                ready.record(self._stream)
        future = self._workers.submit(self._finish, pixels, ready, quality)
        self._flying.append(future)
        return future

    def drain(self) -> None:
        """Wait until no frame is under way: only then may the engine be used by itself."""
        wait(self._flying)

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
        compress, stream = worker = self._idle.get()
        try:
            with _on(stream):
                if ready:
                    ready.synchronize()
                start = time.perf_counter()
                image = compress(pixels, quality)
                return Compressed(image, time.perf_counter() - start)
        finally:
            self._idle.put(worker)

    def _new_stream(self) -> Any:
        on_gpu = self._engine.device.startswith("cuda")
        return torch.cuda.Stream(self._engine.device) if on_gpu else None  # type: ignore[no-untyped-call]


def _on(stream: Any) -> Any:
    return torch.cuda.stream(stream) if stream else nullcontext()
