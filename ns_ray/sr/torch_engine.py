"""The reference engine: PyTorch, on a CPU or an NVIDIA GPU."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.color import rgb_to_uint8, rgb_to_yuv, yuv_to_rgb
from ns_ray.sr.download import download
from ns_ray.sr.engine import Begun, Engine, Format, Planes
from ns_ray.sr.models import Edsr
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.strips import StripRunner
from ns_ray.sr.weights import Weights, check_weights


class TorchEngine(Engine):
    """Runs `Edsr`; on a GPU channels-last with pinned, asynchronous copies, on a CPU in strips.

    The same planes and weights give the same bytes every time on one machine. Not safe for threads to share.
    """

    name = "torch"

    def __init__(
        self,
        model: ModelSpec | str,
        width: int,
        height: int,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> None:
        """Allocates the network.

        Args:
            model: its name or what that says.
            width: LR columns.
            height: LR rows.
            device: `cpu`, `cuda` or `cuda:<index>`.
            dtype: float16 or float32; left out, float16 on a GPU and float32 on a CPU (float16 is slow).

        Raises:
            ModelError: no such model, no such device, or a type that the device does not run.
        """
        super().__init__(model, width, height, device)
        self._cuda = device.startswith("cuda")
        if self._cuda and not torch.cuda.is_available():
            raise ModelError(f"{self.spec} cannot run on {device}: PyTorch finds no GPU here; use the device cpu")
        self.dtype = dtype or (torch.float16 if self._cuda else torch.float32)
        if self.dtype not in (torch.float32, torch.float16) or (self.dtype != torch.float32 and not self._cuda):
            raise ModelError(f"{self.spec} cannot run as {self.dtype} on {device}: use float32, or float16 on a GPU")
        self._loaded = False
        self.under_way = 2 if self._cuda else 1
        self._strips: StripRunner | None = None
        self._network: Edsr | None = None
        if not self._cuda and len(self.spec.upsampling) == 1:
            self._strips = StripRunner(self.spec, width, height)
        else:
            network = Edsr(self.spec).to(torch.device(device), self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._network = network.eval().requires_grad_(False)

    def load(self, weights: Weights) -> None:
        """Switches to these weights for every later frame.

        Raises:
            ModelError: they are not for this model.
        """
        checked = check_weights(self.spec, weights, "the state dict")
        if self._strips:
            self._strips.load(checked)
        if self._network:
            self._network.load_state_dict(checked)
        self._loaded = True

    @torch.inference_mode()
    def infer_device(self, planes: Planes) -> Tensor:
        """One frame that stays on the engine's device: RGB (1, 3, H * scale, W * scale) in 0..1, not clamped.

        On a GPU it returns before the work is done: use it on the current stream, to compress it there, say.

        Raises:
            ModelError: no weights are loaded, or the planes are not of this engine's size.
        """
        rgb = self._rgb(planes)
        if self._strips:
            rows, columns = self.hr_size
            out = torch.empty(1, 3, rows, columns).contiguous(memory_format=torch.channels_last)
            for part, strip in self._strips.run(rgb):
                out[:, :, part] = strip
            return out
        assert self._network
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            result: Tensor = self._network(rgb)
        return result

    @torch.inference_mode()
    def pixels(self, planes: Planes) -> Tensor:
        """One frame that stays on the engine's device; see `Engine.pixels`."""
        if not self._strips:
            return rgb_to_uint8(self.infer_device(planes)).contiguous()
        out = torch.empty(*self.hr_size, 3, dtype=torch.uint8)
        for rows, strip in self._strips.run(self._rgb(planes)):
            out[rows] = rgb_to_uint8(strip)
        return out

    @torch.inference_mode()
    def _begin(self, planes: Planes, form: Format) -> Begun:
        if form == "rgb" and self._strips:
            return self.pixels(planes).numpy
        picture = self.infer_device(planes)
        parts = [rgb_to_uint8(picture)] if form == "rgb" else list(rgb_to_yuv(picture))
        return download(parts)

    def _rgb(self, planes: Planes) -> Tensor:
        if not self._loaded:
            raise ModelError(f"{self.spec} has no weights yet: call load() first")
        self.check(planes)
        y, u, v = map(self._upload, planes)
        return yuv_to_rgb(y, u, v, self.dtype)

    def _upload(self, plane: NDArray[np.uint8]) -> Tensor:
        host = torch.empty(plane.shape, dtype=torch.uint8, pin_memory=self._cuda)
        host.numpy()[...] = plane
        return host.to(self.device, non_blocking=True)
