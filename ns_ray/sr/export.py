"""ONNX files that are whole and checked: none is left that computes something else than PyTorch does."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ns_ray.errors import ModelError
from ns_ray.sr.color import yuv_to_rgb
from ns_ray.sr.engine import Planes
from ns_ray.sr.models import Edsr
from ns_ray.sr.onnx_model import DTYPES, Precision, input_shape, precision_of, state_of, to_onnx
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights, check_weights
from ns_ray.whole_file import write_whole

if TYPE_CHECKING:
    import onnx

REQUIRED_DB: Mapping[Precision, float] = {"fp32": 60.0, "fp16": 45.0}
"""PSNR over which an exported model's output has to be, against PyTorch in float32."""

_VERIFIED = "verified_psnr_db"


@dataclass(frozen=True, slots=True)
class Exported:
    """An ONNX file.

    Attributes:
        path: where it is.
        psnr_db: the worst frame's PSNR against PyTorch, peak 1; infinite where all are equal.
        fresh: whether it was written now; else it was there, with the same weights, and had been checked.
    """

    path: Path
    psnr_db: float
    fresh: bool


def onnx_name(precision: Precision, size: tuple[int, int] | None) -> str:
    """`1280x720_fp16.onnx`, or `dynamic_fp16.onnx` for one that takes any size."""
    return f"{f'{size[0]}x{size[1]}' if size else 'dynamic'}_{precision}.onnx"


def export(
    spec: ModelSpec,
    weights: Weights,
    path: Path,
    frames: Sequence[Planes],
    precision: Precision = "fp16",
    size: tuple[int, int] | None = None,
) -> Exported:
    """Writes a model as an ONNX file, unless it is there already, and checks it against PyTorch on frames.

    Args:
        spec: the model.
        weights: its state dict.
        path: the file; its directory is made.
        frames: what to compare on, real ones, of `size` where that is given.
        precision: of weights, arithmetic, input and output.
        size: LR columns and rows; left out, the file takes any.

    Raises:
        ModelError: the weights are not for the model, ONNX packages are missing, or the export differs from PyTorch
            by more than `REQUIRED_DB` allows; then no file is left.
    """
    earlier = _verified_before(spec, weights, path, precision, size)
    if earlier is not None:
        return Exported(path, earlier, fresh=False)
    if not frames:
        raise ModelError(f"{path}: no frames to check it on: name a video that has some")
    model = to_onnx(spec, weights, precision, size)
    psnr = min(compare(model, spec, weights, frames))
    if not psnr > REQUIRED_DB[precision]:
        path.unlink(missing_ok=True)
        raise ModelError(
            f"{path}: its output is {psnr:.1f} dB from PyTorch's, over {REQUIRED_DB[precision]:g} is needed; "
            "not written: train the weights again, or export fp32"
        )
    model.metadata_props.add(key=_VERIFIED, value=repr(psnr))
    write_whole(path, model.SerializeToString(deterministic=True))
    return Exported(path, psnr, fresh=True)


def read_onnx(path: Path) -> "onnx.ModelProto":
    """Reads an ONNX file.

    Raises:
        ModelError: it is missing or damaged, or the package is.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ModelError(f"{path} cannot be read ({error}): pip install 'neuroscaler-ray[export]'") from error
    try:
        model = onnx.load_model_from_string(path.read_bytes())
        onnx.checker.check_model(model)
    except FileNotFoundError:
        raise ModelError(f"{path} is missing: write it with jobs/export_onnx.py") from None
    except (OSError, ValueError, DecodeError, onnx.checker.ValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{path} is no ONNX model ({reason}): export it again with jobs/export_onnx.py") from error
    return model


def holds(model: "onnx.ModelProto", spec: ModelSpec, weights: Weights) -> bool:
    """Whether an ONNX model has just these weights, in its precision.

    Raises:
        ModelError: the weights are not for `spec`.
    """
    state, dtype = state_of(model), DTYPES[precision_of(model)]
    wanted = check_weights(spec, weights, "the state dict")
    return state.keys() == wanted.keys() and all(
        np.array_equal(state[key], tensor.to(dtype).numpy()) for key, tensor in wanted.items()
    )


@torch.inference_mode()
def compare(model: "onnx.ModelProto", spec: ModelSpec, weights: Weights, frames: Sequence[Planes]) -> list[float]:
    """PSNR in dB (peak 1) of every frame's output, ONNX Runtime on the CPU against PyTorch in float32.

    Raises:
        ModelError: the weights are not for the model, ONNX Runtime is missing or refuses the graph, or the output is
            of another size than PyTorch's.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"the export cannot be checked ({error}): pip install 'neuroscaler-ray[export]'") from error
    network = Edsr(spec)
    network.load_state_dict(check_weights(spec, weights, "the state dict"))
    network.eval()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.log_severity_level = 3
    inputs, outputs = model.graph.input[0].name, model.graph.output[0].name
    dtype = DTYPES[precision_of(model)]
    figures = []
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        for planes in frames:
            y, u, v = map(torch.from_numpy, planes)
            rgb = yuv_to_rgb(y, u, v).contiguous()
            wanted = network(rgb).numpy()
            (got,) = session.run([outputs], {inputs: rgb.to(dtype).numpy()})
            if got.shape != wanted.shape:
                raise ModelError(f"{spec} as ONNX makes {got.shape} of {tuple(rgb.shape)}; {wanted.shape} is right")
            mse = float(np.square(got.astype(np.float32) - wanted, dtype=np.float64).mean())
            figures.append(-10 * math.log10(mse) if mse > 0 else math.inf if mse == 0 else -math.inf)
    except ModelError:
        raise
    except Exception as error:  # ONNX Runtime's errors have no base of their own
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{spec} as ONNX does not run in ONNX Runtime: {reason}") from error
    return figures


def _verified_before(
    spec: ModelSpec, weights: Weights, path: Path, precision: Precision, size: tuple[int, int] | None
) -> float | None:
    """The PSNR noted in a file that holds just these weights; None where there is no such file."""
    try:
        model = read_onnx(path)
        if precision_of(model) != precision or input_shape(model)[2:] != ((size[1], size[0]) if size else (None, None)):
            return None
        noted = {entry.key: entry.value for entry in model.metadata_props}[_VERIFIED]
        psnr = float(noted)
    except (ModelError, KeyError, ValueError):
        return None
    return psnr if holds(model, spec, weights) and psnr > REQUIRED_DB[precision] else None
