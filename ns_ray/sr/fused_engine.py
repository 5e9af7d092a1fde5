"""The fused engine: our own CUDA kernels (kernels/edsr.cu), recorded as a graph, on NVIDIA GPUs from Turing on."""

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.color import rgb_to_yuv
from ns_ray.sr.cuda_program import CudaProgram
from ns_ray.sr.download import download
from ns_ray.sr.engine import Begun, Engine, Format, Planes
from ns_ray.sr.fused_network import SOURCE, FusedNetwork, Tiling
from ns_ray.sr.fused_weights import PackedWeights, pack
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights, check_weights

_OLDEST = (7, 5)


class _Prepared(dict[str, Tensor]):
    """Weights, and beside them the same in device memory as the kernels want them."""

    def __init__(self, spec: ModelSpec, weights: Weights, device: torch.device) -> None:
        super().__init__(check_weights(spec, weights, "the state dict"))
        self.spec = spec
        packed = pack(spec, self)
        self.packed = PackedWeights(packed.data.to(device), packed.sections)


class _Slot:
    """Memory of one frame from its upload to its compression, and the kernels in between as a graph."""

    def __init__(
        self, network: FusedNetwork, sizes: Sequence[tuple[int, int]], hr_size: tuple[int, int], device: torch.device
    ) -> None:
        size = sum(rows * columns for rows, columns in sizes)
        self.host = torch.empty(size, dtype=torch.uint8, pin_memory=True)
        self.frame = torch.zeros(size, dtype=torch.uint8, device=device)
        self.pixels = torch.empty(*hr_size, 3, dtype=torch.uint8, device=device)
        self.host_planes = [plane.numpy() for plane in _planes(self.host, sizes)]
        y, u, v = _planes(self.frame, sizes)
        self.uploaded = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self.done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        network.run((y, u, v), self.pixels)  # the driver loads kernels when they first run, which no graph may record
        torch.cuda.synchronize(device)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            network.run((y, u, v), self.pixels)


def _planes(data: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    parts = torch.split(data, [rows * columns for rows, columns in sizes])
    return [part.view(size) for part, size in zip(parts, sizes, strict=True)]


class FusedEngine(Engine):
    """Runs EDSR of 16 or 32 channels at scale 2 or 3, in float16 with float32 sums.

    The same planes and weights give the same bytes every time on one machine. Not safe for threads to share.
    """

    name = "fused"
    in_flight = 4

    def __init__(self, model: ModelSpec | str, width: int, height: int, device: str = "cuda") -> None:
        """Compiles the kernels for the GPU, allocates all memory and records the graphs.

        Raises:
            ModelError: no such model, no such device, or a model or GPU that the kernels do not run.
        """
        super().__init__(model, width, height, device)
        if not device.startswith("cuda") or not torch.cuda.is_available():
            raise ModelError(f"the fused engine needs an NVIDIA GPU, not {device}: use the engine torch")
        self._device = torch.device(device)
        properties = torch.cuda.get_device_properties(self._device)
        if (properties.major, properties.minor) < _OLDEST:
            raise ModelError(f"the fused engine needs tensor cores of 7.5 or newer, not {properties.name}: use torch")
        shared = getattr(properties, "shared_memory_per_block_optin", properties.shared_memory_per_block)
        tiling = Tiling.choose(self.spec, shared)
        with torch.cuda.device(self._device), torch.inference_mode():
            program = CudaProgram(SOURCE, tiling.macros(self.spec), self._device)
            processors = properties.multi_processor_count
            self._network = FusedNetwork(self.spec, width, height, device, program, tiling, processors)
            self._slots = deque(
                _Slot(self._network, self.lr_shapes, self.hr_size, self._device) for _ in range(self.in_flight)
            )
            self._compute, self._copies = torch.cuda.Stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._loaded = False

    def prepare(self, weights: Weights) -> Weights:
        """Puts them into device memory, in the kernels' order; see `Engine.prepare`."""
        return _Prepared(self.spec, weights, self._device)

    def load(self, weights: Weights) -> None:
        """Switches to these weights for every later frame: one copy within the device if they are prepared.

        Raises:
            ModelError: they are not for this model.
        """
        if not isinstance(weights, _Prepared) or weights.spec != self.spec:
            weights = _Prepared(self.spec, weights, self._device)
        with torch.inference_mode(), torch.cuda.stream(self._compute):
            self._network.load(weights.packed)
            weights.packed.data.record_stream(self._compute)
        self._loaded = True

    @torch.inference_mode()
    def pixels(self, planes: Planes) -> Tensor:
        """One frame that stays on the GPU; see `Engine.pixels`."""
        pixels, done = self.begin_pixels(planes)
        torch.cuda.current_stream(self._device).wait_event(done)
        return pixels

    @torch.inference_mode()
    def begin_pixels(self, planes: Planes) -> tuple[Tensor, torch.cuda.Event]:
        """One frame that stays on the GPU; see `Engine.begin_pixels`."""
        if not self._loaded:
            raise ModelError(f"{self.spec} has no weights yet: call load() first")
        self.check(planes)
        slot = self._slots[0]
        self._slots.rotate(-1)
        slot.uploaded.synchronize()
        for target, plane in zip(slot.host_planes, planes, strict=True):
            target[...] = plane
        # torch.cuda.stream() would look up the stream before each time.
        before = torch.cuda.current_stream(self._device)
        try:
            torch.cuda.set_stream(self._copies)
            self._copies.wait_event(slot.done)
            slot.frame.copy_(slot.host, non_blocking=True)
            slot.uploaded.record(self._copies)
            torch.cuda.set_stream(self._compute)
            self._compute.wait_event(slot.uploaded)
            slot.graph.replay()
            slot.done.record(self._compute)
        finally:
            torch.cuda.set_stream(before)
        return slot.pixels, slot.done

    @torch.inference_mode()
    def _begin(self, planes: Planes, form: Format) -> Begun:
        with torch.cuda.device(self._device):
            pixels = self.pixels(planes)
            if form == "rgb":
                parts = [pixels]
            else:
                parts = list(rgb_to_yuv(pixels.permute(2, 0, 1)[None].to(torch.float32).mul_(1 / 255)))
            return download(parts)
