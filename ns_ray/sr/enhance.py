"""From LR frames to JPEG images, while one frame is compressed the next ones are super-resolved."""

import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread

import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.engine import Engine, Planes

Image = bytes | memoryview
Compress = Callable[[Tensor, int], Image]
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
    """An image, and the work it took.

    Attributes:
        data: the image.
        begin, end: from when to when frames were at work of which it was the first, on the wall clock: these times of
            all images of one `Compressor` do not overlap.
        seconds: compressing, waiting for the picture left out.
        cpu_seconds: CPU time of the threads that submitted and compressed it.
    """

    data: Image
    begin: float
    end: float
    seconds: float
    cpu_seconds: float


class Flight:
    """A frame on its way from an engine to an image."""

    __slots__ = ("_cpu_seconds", "_done", "_free", "_outcome", "_pixels", "_quality", "_ready", "_submitted")

    def __init__(
        self,
        pixels: Tensor,
        ready: "torch.cuda.Event | None",
        quality: int,
        free: "SimpleQueue[None]",
        submitted: float,
        cpu_seconds: float,
    ) -> None:
        self._pixels: Tensor | None = pixels
        self._ready, self._quality, self._free = ready, quality, free
        self._submitted, self._cpu_seconds = submitted, cpu_seconds
        self._outcome: Compressed | BaseException | None = None
        self._done = Lock()
        self._done.acquire()

    def result(self) -> Compressed:
        """Wait for the image.

        Raises:
            ModelError: as the compressor does.
        """
        with self._done:
            outcome = self._outcome
        if isinstance(outcome, Compressed):
            return outcome
        assert outcome is not None
        raise outcome

    def finish(self, compress: Compress, busy_until: float) -> float:
        """Compress the picture, by the compressor's thread: `busy_until` is what it returned of the frame before."""
        cpu = time.thread_time()
        try:
            assert self._pixels is not None
            if self._ready:
                self._ready.synchronize()
            start = time.perf_counter()
            image = compress(self._pixels, self._quality)
            seconds = time.perf_counter() - start
            begin, end = max(self._submitted, busy_until), time.time()
            cpu = time.thread_time() - cpu + self._cpu_seconds
            self._outcome = Compressed(image, begin, end, seconds, cpu)
            return end
        except BaseException as error:
            self._outcome = error
            return busy_until
        finally:
            self._pixels = None
            self._free.put(None)
            self._done.release()


class Compressor:
    """Compresses pictures of all engines on a device, one after the other, in a thread and on a GPU on a stream."""

    def __init__(self, compress: Compress, device: str = "cpu") -> None:
        self._flights: SimpleQueue[Flight | None] = SimpleQueue()
        work = Thread(target=_work, args=(self._flights, compress, device), name="compress", daemon=True)
        work.start()
        weakref.finalize(self, self._flights.put, None)

    def take(self, flight: Flight) -> None:
        """Have a picture compressed."""
        self._flights.put(flight)


def _work(flights: "SimpleQueue[Flight | None]", compress: Compress, device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.set_stream(torch.cuda.Stream(device))  # type: ignore[no-untyped-call]
    busy_until = 0.0
    while (flight := flights.get()) is not None:
        busy_until = flight.finish(compress, busy_until)
        del flight  # and its image, which others wait to be rid of


class Enhancement:
    """An engine and a compressor at work side by side.

    Calls must not overlap, nor those that load weights into the engine; flights may be waited for anywhere, also while
    later frames are submitted.
    """

    def __init__(self, engine: Engine, compressor: Compressor) -> None:
        self._engine, self._compressor = engine, compressor
        self._free: SimpleQueue[None] = SimpleQueue()  # as many as pictures that the engine can hold
        for _ in range(engine.in_flight):
            self._free.put(None)

    def submit(self, planes: Planes, quality: int) -> Flight:
        """Start one frame; waits where the engine cannot hold another.

        Raises:
            ModelError: as `Engine.pixels` does.
        """
        self._free.get()
        try:
            submitted, cpu = time.time(), time.thread_time()
            pixels, ready = self._engine.begin_pixels(planes)
            flight = Flight(pixels, ready, quality, self._free, submitted, time.thread_time() - cpu)
        except BaseException:
            self._free.put(None)
            raise
        self._compressor.take(flight)
        return flight

    def drain(self) -> None:
        """Wait until no frame is under way: only then may the engine be used by itself."""
        for _ in range(self._engine.in_flight):
            self._free.get()
        for _ in range(self._engine.in_flight):
            self._free.put(None)

    def run(self, frames: Iterable[Planes], quality: int) -> Iterator[Image]:
        """JPEG images of the frames, super-resolved, in order.

        Raises:
            ModelError: as `Engine.pixels` and the compressor do.
        """
        flying: deque[Flight] = deque()
        try:
            for planes in frames:
                if len(flying) == self._engine.in_flight:
                    yield flying.popleft().result().data
                flying.append(self.submit(planes, quality))
            while flying:
                yield flying.popleft().result().data
        finally:
            if flying:
                self.drain()
