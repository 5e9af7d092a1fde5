"""The TensorRT engine: one plan a model and LR size, refitted with each stream's weights; pixels stay on the GPU."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ns_ray.errors import ModelError
from ns_ray.sr.buffers import PlaneBlock, plan_buffers
from ns_ray.sr.checkpoints import GENERIC
from ns_ray.sr.device import Bytes, Device, Session
from ns_ray.sr.engine import Begun, Engine, Format, Planes
from ns_ray.sr.gpus import find_gpu
from ns_ray.sr.refit import pack, refit_layout
from ns_ray.sr.refittable_plan import load_refittable_plan
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.tensorrt_package import find_tensorrt
from ns_ray.sr.tensorrt_session import TensorRtSession
from ns_ray.sr.weights import Weights, check_weights

Start = Callable[[int, int, int], Session]
"""Makes a session of the device addresses of the network's input, its output and the weights."""


@dataclass(slots=True)
class _Flight:
    """A frame on its way: host memory that copies read and write, and the event after which they are done."""

    source: Bytes
    picture: Bytes
    form: Format
    done: Any


@dataclass(slots=True)
class _Slot:
    """Device memory of one frame on its way, and the last frame that took it."""

    lr: int
    output: int
    flight: _Flight | None = None


class TensorRtEngine(Engine):
    """Float16 on an NVIDIA GPU. One frame is copied while another is computed. Not safe for threads to share."""

    name = "tensorrt"

    def __init__(
        self, model: ModelSpec | str, width: int, height: int, device: str = "cuda:0", plans: Path = GENERIC
    ) -> None:
        """Loads the plan, building it first where there is no good one, and allocates all memory.

        Args:
            model: its name or what that says.
            width: LR columns.
            height: LR rows.
            device: `cuda` or `cuda:<index>`.
            plans: the checkpoint folder that plans are kept in.

        Raises:
            ModelError: no such model or GPU, a package is missing, or TensorRT does not know the GPU.
        """
        super().__init__(model, width, height, device)
        self._loaded = False
        self._buffers = plan_buffers(self.spec, width, height)
        self._gpu, start = _open(self.spec, width, height, device, plans)
        with self._gpu.active():
            self._uploads, self._work, self._downloads = (self._gpu.stream() for _ in range(3))
            self._weights = self._gpu.allocate(refit_layout(self.spec).nbytes)
            self._lr_tensor = self._gpu.allocate(self._buffers.lr_tensor)
            self._hr_tensor = self._gpu.allocate(self._buffers.hr_tensor)
            self._slots = deque(
                _Slot(self._gpu.allocate(self._buffers.lr.nbytes), self._gpu.allocate(self._buffers.output))
                for _ in range(self.under_way)
            )
            self._session = start(self._lr_tensor, self._hr_tensor, self._weights)

    def load(self, weights: Weights) -> None:
        """Switches to these weights for every later frame; frames on their way keep the earlier ones.

        Raises:
            ModelError: they are not for this model, or do not fit into float16.
        """
        checked = check_weights(self.spec, weights, "the state dict")
        with self._gpu.active():
            source = self._gpu.pinned(refit_layout(self.spec).nbytes)
            pack(self.spec, checked, source)
            self._loaded = False
            self._gpu.upload(self._weights, source, self._work)
            self._session.refit(self._work)
            self._work.synchronize()
        self._loaded = True

    def _begin(self, planes: Planes, form: Format) -> Begun:
        return partial(self._finish, self._submit(planes, form))

    def _submit(self, planes: Planes, form: Format) -> _Flight:
        if not self._loaded:
            raise ModelError(f"{self.spec} has no weights yet: call load() first")
        self.check(planes)
        gpu, buffers = self._gpu, self._buffers
        lr, hr = (self.height, self.width), self.hr_size
        with gpu.active():
            slot = self._slots[0]
            self._slots.rotate(-1)
            if slot.flight:
                slot.flight.done.synchronize()
            source = gpu.pinned(buffers.lr.nbytes)
            for target, plane in zip(_planes_in(source, buffers.lr), planes, strict=True):
                target[...] = plane
            gpu.upload(slot.lr, source, self._uploads)
            self._work.wait_for_event(gpu.mark(self._uploads))
            gpu.launch("yuv_to_rgb", slot.lr, self._lr_tensor, lr, lr, self._work)
            self._session.run(self._work)
            if form == "rgb":
                gpu.launch("rgb_to_bytes", self._hr_tensor, slot.output, hr, hr, self._work)
            else:
                gpu.launch("rgb_to_yuv", self._hr_tensor, slot.output, hr, buffers.hr.shapes[1], self._work)
            self._downloads.wait_for_event(gpu.mark(self._work))
            picture = gpu.pinned(buffers.rgb if form == "rgb" else buffers.hr.nbytes)
            gpu.download(picture, slot.output, self._downloads)
            slot.flight = _Flight(source, picture, form, gpu.mark(self._downloads))
        return slot.flight

    def _finish(self, flight: _Flight) -> NDArray[np.uint8] | Planes:
        with self._gpu.active():
            flight.done.synchronize()
        if flight.form == "rgb":
            return flight.picture.reshape(*self.hr_size, 3)
        return _planes_in(flight.picture, self._buffers.hr)


def _open(spec: ModelSpec, width: int, height: int, device: str, plans: Path) -> tuple[Device, Start]:
    gpu = find_gpu(device)
    package = find_tensorrt()
    try:
        from ns_ray.sr.cuda_device import CudaDevice
    except ImportError as error:
        raise ModelError(f"engine tensorrt needs PyCUDA ({error}): pip install pycuda, with a CUDA toolkit") from error
    opened = CudaDevice(gpu.index)
    with opened.active():
        engine = load_refittable_plan(package, gpu, spec, width, height, plans)
    return opened, partial(TensorRtSession, package, engine, spec)


def _planes_in(block: Bytes, layout: PlaneBlock) -> Planes:
    y, u, v = (
        block[offset : offset + rows * columns].reshape(rows, columns)
        for offset, (rows, columns) in zip(layout.offsets, layout.shapes, strict=True)
    )
    return y, u, v
