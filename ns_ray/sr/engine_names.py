"""Inference engines by name."""

ENGINES = {
    "fused": "ns_ray.sr.fused_engine:FusedEngine",
    "tensorrt": "ns_ray.sr.tensorrt_engine:TensorRtEngine",
    "torch": "ns_ray.sr.torch_engine:TorchEngine",
}
"""Engine names -> where their class is. It is imported when asked for, so GPU packages stay optional."""
