"""A TensorRT engine in memory, ready to run and to have its weights replaced."""

from typing import Any

from ns_ray.errors import ModelError
from ns_ray.sr.device import Stream
from ns_ray.sr.onnx_model import INPUT, OUTPUT
from ns_ray.sr.refit import check_refittable, refit_layout
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.tensorrt_package import TensorRt


class TensorRtSession:
    """One engine and its execution context; the current CUDA context must be the device's whenever it is called."""

    def __init__(
        self, package: TensorRt, engine: Any, spec: ModelSpec, lr_tensor: int, hr_tensor: int, weights: int
    ) -> None:
        """Binds the engine's memory for good.

        Args:
            package: what made the engine.
            engine: a loaded plan (`ICudaEngine`).
            spec: its model.
            lr_tensor: device address of the input, float16.
            hr_tensor: device address of the output, float16.
            weights: device address of the block that `refit` reads, in the layout of `refit_layout(spec)`.

        Raises:
            ModelError: it cannot be run, or its inputs, outputs or weights are not the model's.
        """
        api = package.api
        package.messages.clear()
        self._package, self._engine = package, engine
        names = {engine.get_tensor_name(index) for index in range(engine.num_io_tensors)}
        if names != {INPUT, OUTPUT} or any(engine.get_tensor_dtype(name) != api.float16 for name in names):
            raise ModelError(f"the plan of {spec} has tensors {sorted(names)}: float16 {INPUT} and {OUTPUT} are needed")
        self._context = engine.create_execution_context()
        if self._context is None:
            raise ModelError(f"the plan of {spec} cannot be run: {package.reported()}")
        self._context.set_tensor_address(INPUT, lr_tensor)
        self._context.set_tensor_address(OUTPUT, hr_tensor)
        self._refitter = api.Refitter(engine, package.logger)
        check_refittable(spec, self._refitter.get_all_weights())
        for name, (offset, count) in refit_layout(spec).places.items():
            block = api.Weights(api.float16, weights + offset, count)
            if not self._refitter.set_named_weights(name, block, api.TensorLocation.DEVICE):
                raise ModelError(f"the plan of {spec} does not take float16 weights for '{name}': {package.reported()}")

    def run(self, stream: Stream) -> None:
        """Enqueues the network on the stream.

        Raises:
            ModelError: TensorRT refuses.
        """
        if not self._context.execute_async_v3(stream.handle):
            raise ModelError(f"TensorRT did not run: {self._package.reported()}")

    def refit(self, stream: Stream) -> None:
        """Enqueues on the stream that the engine takes over the weights in the block.

        Raises:
            ModelError: TensorRT refuses.
        """
        if not self._refitter.refit_cuda_engine_async(stream.handle):
            raise ModelError(f"TensorRT did not take the weights: {self._package.reported()}")
