"""Exported models that tests share: an export takes seconds."""

from functools import cache

import onnx
import streams

from ns_ray.sr.engine import Planes
from ns_ray.sr.frames import spaced_frames
from ns_ray.sr.onnx_model import Precision, to_onnx
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import load_weights

SPEC = ModelSpec.parse("EDSR_B8_F16_S3")


@cache
def exported(precision: Precision, size: tuple[int, int] | None = None) -> onnx.ModelProto:
    """The smallest model with the weights that ship."""
    return to_onnx(SPEC, load_weights(SPEC), precision, size)


@cache
def frames(size: tuple[int, int], count: int = 2) -> list[Planes]:
    """Frames of the sample at that size."""
    return spaced_frames(streams.SAMPLE, count, size)
