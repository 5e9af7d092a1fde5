"""The plan that an engine refits: loaded from the plan cache, or built with stand-in weights and kept there."""

from pathlib import Path
from typing import Any

from ns_ray.errors import ModelError
from ns_ray.sr.gpus import Gpu
from ns_ray.sr.models import build
from ns_ray.sr.onnx_model import to_onnx
from ns_ray.sr.plan_builder import build_plan, check_capability
from ns_ray.sr.plans import PlanKey, discard_plan, obtain_plan
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.tensorrt_package import TensorRt


def plan_key(package: TensorRt, gpu: Gpu, spec: ModelSpec, width: int, height: int) -> PlanKey:
    """The key of a refittable fp16 plan; any weights will do."""
    capability = f"{gpu.capability[0]}.{gpu.capability[1]}"
    return PlanKey(package.name, package.version, gpu.name, capability, spec.name, width, height)


def load_refittable_plan(package: TensorRt, gpu: Gpu, spec: ModelSpec, width: int, height: int, folder: Path) -> Any:
    """A TensorRT engine whose weights can be replaced, on the current CUDA device, which has to be `gpu`.

    A plan that is missing, was built by or for something else, or does not load is built again.

    Raises:
        ModelError: TensorRT does not build for this GPU, or does not load what it built.
    """
    key = plan_key(package, gpu, spec, width, height)

    def made() -> bytes:
        check_capability(package, gpu.capability)  # an export takes seconds
        model = to_onnx(spec, build(spec).state_dict(), key.precision, (width, height))
        return build_plan(package, model.SerializeToString(), (width, height), gpu.capability).data

    plan = obtain_plan(key, folder, made)
    engine = _deserialize(package, plan.data)
    if engine is None and not plan.rebuilt:
        discard_plan(plan.path)
        engine = _deserialize(package, obtain_plan(key, folder, made).data)
    if engine is None:
        raise ModelError(f"{plan.path} does not load: {package.reported()}")
    return engine


def _deserialize(package: TensorRt, plan: bytes) -> Any:
    package.messages.clear()
    return package.api.Runtime(package.logger).deserialize_cuda_engine(plan)
