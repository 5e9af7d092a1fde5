"""Inference engines by name."""

from ns_ray.errors import ModelError
from ns_ray.nearest import nearest_first

ENGINES = {
    "fused": "ns_ray.sr.fused_engine:FusedEngine",
    "tensorrt": "ns_ray.sr.tensorrt_engine:TensorRtEngine",
    "torch": "ns_ray.sr.torch_engine:TorchEngine",
}
"""Engine names -> where their class is. It is imported when asked for, so GPU packages stay optional."""
AUTO = "auto"
"""What takes TensorRT on GPUs before Hopper, elsewhere the fastest of them; see `ns_ray.sr.calibrate`."""


def engine_name(name: str) -> str:
    """The name itself, if there is such an engine, or it is `auto`.

    Raises:
        ModelError: there is none; the message names those there are, the nearest first.
    """
    if name != AUTO and name not in ENGINES:
        raise ModelError(f"there is no engine '{name}': choose {', '.join(nearest_first(name, (*ENGINES, AUTO)))}")
    return name
