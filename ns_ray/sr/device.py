"""What the TensorRT engine asks of a GPU and of a plan that runs on it."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

KERNELS = ("yuv_to_rgb", "rgb_to_bytes", "rgb_to_yuv")
"""The functions of `pixel_kernels.cu`."""


class Stream(Protocol):
    """Work that is done in order, beside that of other streams."""

    @property
    def handle(self) -> int:
        """The CUDA stream's handle."""

    def wait_for_event(self, event: Any) -> None:
        """Later work of this stream begins when `event` has happened."""

    def synchronize(self) -> None:
        """Returns when all work so far is done."""


class Device(Protocol):
    """One GPU. Memory on it is an address. All else but `active` is called within `with active():`."""

    def active(self) -> AbstractContextManager[None]:
        """Makes the GPU the calling thread's."""

    def stream(self) -> Stream:
        """A new stream."""

    def mark(self, stream: Stream) -> Any:
        """An event that happens when the stream's work so far is done; it has `synchronize()`."""

    def allocate(self, nbytes: int) -> int:
        """Device memory that is kept as long as this object."""

    def pinned(self, nbytes: int) -> Bytes:
        """Host memory that copies reach without a detour; used again when nothing refers to it any longer."""

    def upload(self, target: int, source: Bytes, stream: Stream) -> None:
        """Copies pinned host memory to the device."""

    def download(self, target: Bytes, source: int, stream: Stream) -> None:
        """Copies device memory to pinned host memory."""

    def launch(
        self, kernel: str, source: int, target: int, size: tuple[int, int], grid: tuple[int, int], stream: Stream
    ) -> None:
        """Runs one of `pixel_kernels.cu`: `size` is the picture's rows and columns, `grid` those of its threads."""


class Session(Protocol):
    """A plan ready to run on a device, with its input and output at fixed addresses."""

    def run(self, stream: Stream) -> None:
        """Runs the network."""

    def refit(self, stream: Stream) -> None:
        """Takes over the weights from where they were bound."""
