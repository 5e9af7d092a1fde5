"""How anchors are compressed on a device: by its own encoders where it has some, else on the CPU."""

import logging

from torch import Tensor

from ns_ray.errors import ConfigError, HybridError, ModelError
from ns_ray.hybrid.anchor_picture import encode_image
from ns_ray.picture.coding import Coding
from ns_ray.sr.enhance import Compress, gpu_encoders

_LOG = logging.getLogger(__name__)


def encoders_on(device: str) -> list[Compress]:
    """JPEG on the GPU, or where that cannot be on the CPU; AV1 always there, and HEVC where PyAV has it (NVENC)."""
    if device == "cpu":
        return [_on_cpu]
    try:
        return [_others_from_cpu(jpeg) for jpeg in gpu_encoders(device)]
    except ModelError as error:
        _LOG.warning("anchors are compressed on the CPU: %s", error)
        return [_on_cpu]


def _on_cpu(picture: Tensor, coding: Coding) -> bytes:
    try:
        return encode_image(picture.cpu().numpy(), coding)
    except (ConfigError, HybridError) as error:
        raise ModelError(str(error)) from error


def _others_from_cpu(jpeg: Compress) -> Compress:
    """A GPU's JPEG encoder, and beside it those that take pictures from the CPU."""
    return lambda picture, coding: (jpeg if coding.codec.startswith("jpeg") else _on_cpu)(picture, coding)
