"""JPEG images straight from pictures in GPU memory, by nvImageCodec, and from residuals, by nvJPEG."""

from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.picture.coding import Coding
from ns_ray.picture.fitted import fitted
from ns_ray.sr.gpu_grey_jpeg import GpuGreyJpeg

try:
    from nvidia import nvimgcodec
except ImportError as error:
    raise ModelError(f"no JPEG encoder for the GPU here ({error}): pip install 'neuroscaler-ray[gpu]'") from error


class GpuJpeg:
    """Baseline JPEG, chroma 4:2:0, Huffman tables made for each picture: as good as libjpeg's at 3 % less bytes."""

    def __init__(self, device: str) -> None:
        """Makes the encoder and tries it.

        Args:
            device: `cuda` or `cuda:<index>`.

        Raises:
            ModelError: nvImageCodec or nvJPEG does not run here.
        """
        self._device = torch.device(device)
        kinds = (nvimgcodec.BackendKind.GPU_ONLY, nvimgcodec.BackendKind.HYBRID_CPU_GPU)
        self._encoder = nvimgcodec.Encoder(
            device_id=self._device.index or 0,
            max_num_cpu_threads=1,
            backends=[nvimgcodec.Backend(kind) for kind in kinds],
        )
        self._written = nvimgcodec.CodeStream()
        self._residuals = GpuGreyJpeg(device)
        self.encode(torch.zeros(16, 16, 3, dtype=torch.uint8, device=self._device), Coding("jpeg", 90))

    def encode(self, picture: Tensor, coding: Coding) -> memoryview:
        """Compresses a picture, in the order of the current stream; returns when it is done. One call at a time.

        Args:
            picture: (H, W, 3) uint8 RGB, or one plane (H, W), contiguous, on the encoder's device.
            coding: a JPEG codec, its quality as libjpeg counts, and what the image may take.

        Raises:
            ModelError: nvImageCodec refuses, which prints why, or nvJPEG.
        """
        if not coding.residual:
            return fitted(partial(self._encoded, picture), coding)
        expected = self._residuals.expected(picture) if coding.limit else None
        return fitted(lambda tried: self._residuals.encode(picture, tried.quality), coding, expected)

    def _encoded(self, picture: Tensor, coding: Coding) -> memoryview:
        stream = torch.cuda.current_stream(self._device).cuda_stream
        # Its pinned memory is used again for every picture, as making and freeing it would stop the GPU.
        encoded = self._encoder.encode(
            nvimgcodec.as_image(picture, stream),
            "jpeg",
            code_stream_s=self._written,
            params=_parameters(coding.quality),
            cuda_stream=stream,
        )
        if encoded is None:
            raise ModelError("nvImageCodec encodes no JPEG here: install nvidia-nvjpeg, or let the encoders do it")
        # NumPy copies without Python's lock, which bytes() would hold.
        return np.array(memoryview(encoded)[: encoded.size]).data


@cache
def _parameters(quality: int) -> Any:
    return nvimgcodec.EncodeParams(
        quality_type=nvimgcodec.QualityType.QUALITY,
        quality_value=quality,
        chroma_subsampling=nvimgcodec.ChromaSubsampling.CSS_420,
        jpeg_encode_params=nvimgcodec.JpegEncodeParams(progressive=False, optimized_huffman=True),
    )
