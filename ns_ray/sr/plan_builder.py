"""TensorRT plans out of ONNX models."""

from dataclasses import dataclass
from typing import Any

from ns_ray.errors import ModelError
from ns_ray.sr.tensorrt_package import TensorRt

Capability = tuple[int, int]
"""Compute capability of a GPU: (7, 5) is Turing (T4, RTX 2080), (9, 0) Hopper."""

_INTEGERS = frozenset({"INT32", "INT64", "BOOL"})  # shapes, not pixels


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a network: name, type (`HALF` or `FLOAT`) and shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """A plan.

    Attributes:
        data: what goes into the file.
        inputs, outputs: of the network it was built from.
        arithmetic: the types that layers compute pixels in, by the names of `Port.dtype`.
    """

    data: bytes
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    arithmetic: frozenset[str]


def build_plan(
    package: TensorRt,
    onnx: bytes,
    size: tuple[int, int],
    capability: Capability,
    refit: bool = True,
) -> BuiltPlan:
    """Builds a plan of fixed size for GPUs of one compute capability.

    The network is strongly typed: it computes in the types that the ONNX model states, fp16 all through for an fp16
    model. TensorRT builds for the GPU of this machine only; TensorRT for RTX for any, without one if `refit` is false.

    Args:
        package: what builds it.
        onnx: the model.
        size: LR columns and rows; the model has to be of that size or of any.
        capability: of the GPU that is to run it.
        refit: whether weights can be replaced.

    Raises:
        ModelError: the model cannot be read, is of another size, or the package refuses to build it.
    """
    check_capability(package, capability)
    package.messages.clear()
    builder = package.api.Builder(package.logger)
    network = read_network(package, builder, onnx, size)
    config = builder.create_builder_config()
    if hasattr(config, "num_compute_capabilities"):
        config.num_compute_capabilities = 1
        config.set_compute_capability(package.api.ComputeCapability.__members__[_kind(capability)], 0)
    if refit:
        config.set_flag(package.api.BuilderFlag.REFIT)
    data = builder.build_serialized_network(network, config)
    if data is None:
        raise ModelError(
            f"{package.name} {package.version} built no plan for compute capability "
            f"{capability[0]}.{capability[1]}: {package.reported()}"
            + (" (plans with REFIT are built only where the GPU is)" if refit else "")
        )
    return BuiltPlan(
        data=bytes(data),
        inputs=tuple(_port(network.get_input(index)) for index in range(network.num_inputs)),
        outputs=tuple(_port(network.get_output(index)) for index in range(network.num_outputs)),
        arithmetic=_types(network) - _INTEGERS,
    )


def read_network(package: TensorRt, builder: Any, onnx: bytes, size: tuple[int, int]) -> Any:
    """The strongly typed TensorRT network of an ONNX model, at a fixed LR size (columns and rows).

    Raises:
        ModelError: the model cannot be read, or is of another size.
    """
    api = package.api
    network = builder.create_network(1 << int(api.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = api.OnnxParser(network, package.logger)
    if not parser.parse(onnx):
        reasons = "; ".join(parser.get_error(index).desc() for index in range(parser.num_errors))
        raise ModelError(f"{package.name} {package.version} cannot read the ONNX model ({reasons}): export it again")
    _fix_size(network.get_input(0), size)
    return network


def _fix_size(port: Any, size: tuple[int, int]) -> None:
    shape, wanted = tuple(port.shape), (1, 3, size[1], size[0])
    if any(given not in (-1, needed) for given, needed in zip(shape, wanted, strict=True)):
        raise ModelError(f"the ONNX model is of shape {shape}, {wanted} is needed: export it for {size[0]}x{size[1]}")
    port.shape = wanted


def check_capability(package: TensorRt, capability: Capability) -> None:
    """TensorRT for RTX says which GPUs it builds for; TensorRT builds for the GPU it finds.

    Raises:
        ModelError: this is none of them.
    """
    kinds = getattr(package.api, "ComputeCapability", None)
    if kinds is not None and _kind(capability) not in kinds.__members__:
        choices = ", ".join(sorted(one for one in kinds.__members__ if one.startswith("SM")))
        raise ModelError(
            f"{package.name} {package.version} does not build for compute capability {capability[0]}.{capability[1]} "
            f"({choices} it does): use TensorRT, or the engine torch"
        )


def _kind(capability: Capability) -> str:
    return f"SM{capability[0]}{capability[1]}"


def _types(network: Any) -> frozenset[str]:
    layers = map(network.get_layer, range(network.num_layers))
    return frozenset(layer.get_output(index).dtype.name for layer in layers for index in range(layer.num_outputs))


def _port(tensor: Any) -> Port:
    return Port(tensor.name, tensor.dtype.name, tuple(tensor.shape))
