"""From LR frames to images, while one frame is compressed the next ones are super-resolved."""

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
from ns_ray.picture.coding import Coding
from ns_ray.sr.compressible import compressible
from ns_ray.sr.engine import Engine, Planes

Image = bytes | memoryview
Compress = Callable[[Tensor, Coding], Image]
"""What `compressible` makes of a picture, on the engine's device, and the codec -> an image that keeps to its limit;
ordered by the stream."""
_GPU_ENCODERS = 3


def gpu_encoders(device: str) -> list[Compress]:
    """JPEG on the GPU itself, of pictures or residuals, as many encoders as it takes to keep it busy.

    Raises:
        ModelError: the device is no GPU, or nvImageCodec is not installed or does not run on it.
    """
    if not device.startswith("cuda"):
        raise ModelError(f"no image is compressed on {device} by a GPU: use a CPU encoder")
    from ns_ray.sr.gpu_jpeg import GpuJpeg

    return [GpuJpeg(device).encode for _ in range(_GPU_ENCODERS)]


@dataclass(frozen=True, slots=True)
class Compressed:
    """An image, and the work it took.

    Attributes:
        data: the image.
        begin, end: from when to when frames were at work of which it was the first, on the wall clock: these times of
            all images of one `Compressor` do not overlap.
        seconds: compressing, waiting for the picture left out.
        cpu_seconds: CPU time of the threads that submitted and compressed it; see `Engine.cpu_seconds`.
    """

    data: Image
    begin: float
    end: float
    seconds: float
    cpu_seconds: float


class Flight:
    """A frame on its way from an engine to an image."""

    __slots__ = ("_coding", "_cpu_seconds", "_done", "_lr", "_outcome", "_pixels", "_ready", "_submitted")

    def __init__(
        self,
        pixels: Tensor,
        ready: "torch.cuda.Event | None",
        lr: Planes,
        coding: Coding,
        submitted: float,
        cpu_seconds: float,
    ) -> None:
        self._pixels: Tensor | None = pixels
        self._ready, self._lr, self._coding = ready, lr, coding
        self._submitted, self._cpu_seconds = submitted, cpu_seconds
        self._outcome: Compressed | BaseException | None = None
        self._done = Lock()
        self._done.acquire()

    def wait(self) -> None:
        """Wait until its picture is of no use any more, whatever came of it."""
        with self._done:
            return

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

    def finish(self, compress: Compress, busy: "_Busy") -> None:
        """Compress the picture, by a compressor's thread."""
        cpu = time.thread_time()
        try:
            assert self._pixels is not None
            if self._ready:
                self._ready.synchronize()
            start = time.perf_counter()
            picture = compressible(self._pixels, self._lr, self._coding)
            image = compress(picture, self._coding)
            seconds = time.perf_counter() - start
            begin, end = busy.claim(self._submitted, time.time())
            cpu = time.thread_time() - cpu + self._cpu_seconds
            self._outcome = Compressed(image, begin, end, seconds, cpu)
        except BaseException as error:
            self._outcome = error
        finally:
            self._pixels = None
            self._done.release()


class Compressor:
    """Compresses pictures of all engines on a device, in threads, and on a GPU on streams of their own.

    One encoder leaves the GPU idle while it waits for what it has counted and written; others fill that time.
    """

    def __init__(self, *encoders: Compress, device: str = "cpu") -> None:
        """Set up a compressor.

        Args:
            encoders: each is called by one thread at a time.
            device: where the pictures are.
        """
        self._flights: SimpleQueue[Flight | None] = SimpleQueue()
        busy = _Busy()
        for encode in encoders:
            Thread(target=_work, args=(self._flights, encode, device, busy), name="compress", daemon=True).start()
        weakref.finalize(self, _end, self._flights, len(encoders))

    def take(self, flight: Flight) -> None:
        """Have a picture compressed."""
        self._flights.put(flight)


class _Busy:
    """Until when frames were at work, so that time counts once."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lock = Lock()

    def claim(self, begin: float, end: float) -> tuple[float, float]:
        """The part of a time that no frame has claimed before."""
        with self._lock:
            begin = min(max(begin, self._until), end)
            self._until = max(self._until, end)
            return begin, end


def _end(flights: "SimpleQueue[Flight | None]", threads: int) -> None:
    for _ in range(threads):
        flights.put(None)


def _work(flights: "SimpleQueue[Flight | None]", encode: Compress, device: str, busy: _Busy) -> None:
    if device.startswith("cuda"):
        # Short kernels, for which threads wait, go before those of the network.
        torch.cuda.set_stream(torch.cuda.Stream(device, priority=-1))  # type: ignore[no-untyped-call]
    while (flight := flights.get()) is not None:
        flight.finish(encode, busy)
        del flight  # and its image, which others wait to be rid of


class Enhancement:
    """An engine and a compressor at work side by side.

    Calls must not overlap, nor those that load weights into the engine; flights may be waited for anywhere, also while
    later frames are submitted.
    """

    def __init__(self, engine: Engine, compressor: Compressor) -> None:
        self._engine, self._compressor = engine, compressor
        self._flying: deque[Flight] = deque()  # those whose pictures the engine holds

    def submit(self, planes: Planes, coding: Coding) -> Flight:
        """Start one frame; waits where the engine cannot hold another.

        Raises:
            ModelError: as `Engine.pixels` does.
        """
        if len(self._flying) == self._engine.in_flight:
            self._flying.popleft().wait()
        submitted, cpu = time.time(), self._engine.cpu_seconds()
        pixels, ready = self._engine.begin_pixels(planes)
        flight = Flight(pixels, ready, planes, coding, submitted, self._engine.cpu_seconds() - cpu)
        self._flying.append(flight)
        self._compressor.take(flight)
        return flight

    def drain(self) -> None:
        """Wait until no frame is under way: only then may the engine be used by itself."""
        while self._flying:
            self._flying.popleft().wait()

    def run(self, frames: Iterable[Planes], coding: Coding) -> Iterator[Image]:
        """Images of the frames, super-resolved, in order.

        Raises:
            ModelError: as `Engine.pixels` and the compressor do.
        """
        flying: deque[Flight] = deque()
        try:
            for planes in frames:
                if len(flying) == self._engine.in_flight:
                    yield flying.popleft().result().data
                flying.append(self.submit(planes, coding))
            while flying:
                yield flying.popleft().result().data
        finally:
            if flying:
                self.drain()
