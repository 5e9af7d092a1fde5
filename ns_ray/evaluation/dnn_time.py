"""What super-resolving takes on this machine."""

from statistics import median
from time import perf_counter

from ns_ray.picture.yuv import Yuv420
from ns_ray.sr.engine import Engine


def dnn_seconds(engine: Engine, lr: Yuv420, repeats: int = 5) -> float:
    """Seconds for a frame, host memory to host memory: the median after a first one."""
    times = []
    for _ in range(1 + repeats):
        begun = perf_counter()
        engine.infer(lr.planes)
        times.append(perf_counter() - begun)
    return median(times[1:])
