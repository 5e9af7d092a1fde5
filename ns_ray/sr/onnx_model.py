"""Models as ONNX: the graph PyTorch exports, with initializers that keep the names of the state dict."""

import hashlib
import logging
import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ns_ray.errors import ModelError
from ns_ray.sr.models import Edsr
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import Weights, check_weights

if TYPE_CHECKING:
    import onnx

INPUT, OUTPUT = "lr", "hr"
"""Names of the tensors: RGB in 0..1, (1, 3, H, W) in and (1, 3, H * scale, W * scale) out, not clamped."""

Precision = Literal["fp32", "fp16"]
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16}

_OPSET = 18
_ANY_SIZE = (24, 16)  # what the exporter is shown for a graph of any size


def to_onnx(
    spec: ModelSpec, weights: Weights, precision: Precision = "fp16", size: tuple[int, int] | None = None
) -> "onnx.ModelProto":
    """Exports a model; the same arguments give the same bytes.

    Args:
        spec: the model.
        weights: its state dict, of any float type.
        precision: of weights, arithmetic, input and output.
        size: LR columns and rows; left out, the graph takes any.

    Raises:
        ModelError: the weights are not for the model or exceed the precision, or the exporter is not installed.
    """
    checked = check_weights(spec, weights, "the state dict")
    network = Edsr(spec)
    network.load_state_dict(checked)
    network.eval().to(DTYPES[precision])
    if not all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
        raise ModelError(f"weights for {spec} do not fit into {precision}: export fp32, or train them again")
    columns, rows = size or _ANY_SIZE
    free = {2: torch.export.Dim("height", min=1), 3: torch.export.Dim("width", min=1)}
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)  # lists what it lacks
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter about itself
            program = torch.onnx.export(
                network,
                (torch.zeros(1, 3, rows, columns, dtype=DTYPES[precision]),),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=None if size else (free,),
                opset_version=_OPSET,
                dynamo=True,
                verbose=False,
            )
    except ImportError as error:
        raise ModelError(f"{spec} cannot be exported ({error}): pip install 'neuroscaler-ray[export]'") from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _strip(model)
    names = {initializer.name for initializer in model.graph.initializer}
    if names != checked.keys():
        raise ModelError(
            f"{spec}: this PyTorch exports initializers of other names than its state dict's: use torch 2.13"
        )
    return model


def state_of(model: "onnx.ModelProto") -> dict[str, NDArray[np.generic]]:
    """The weights in an ONNX model by the names of the state dict, in the precision they are stored in."""
    from onnx import numpy_helper

    return {initializer.name: numpy_helper.to_array(initializer) for initializer in model.graph.initializer}


def input_shape(model: "onnx.ModelProto") -> tuple[int | None, ...]:
    """(1, 3, H, W) of the model's input; None where any value is taken."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)


def precision_of(model: "onnx.ModelProto") -> Precision:
    """The precision of the model's input.

    Raises:
        ModelError: it is neither fp32 nor fp16.
    """
    import onnx

    kinds: dict[int, Precision] = {onnx.TensorProto.FLOAT: "fp32", onnx.TensorProto.FLOAT16: "fp16"}
    kind = model.graph.input[0].type.tensor_type.elem_type
    if kind not in kinds:
        raise ModelError(f"its input is of ONNX type {kind}: export the model again as fp32 or fp16")
    return kinds[kind]


def digest(model: "onnx.ModelProto") -> str:
    """SHA-256 of graph and weights, hexadecimal; what is noted beside them does not count."""
    return hashlib.sha256(model.graph.SerializeToString(deterministic=True)).hexdigest()


def _strip(model: "onnx.ModelProto") -> None:
    """Removes what the exporter notes about where the code lies: it differs from machine to machine."""
    graph = model.graph
    parts = (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for part in parts:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
