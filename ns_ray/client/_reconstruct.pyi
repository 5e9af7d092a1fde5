from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]

def has_avx2() -> bool: ...

class Reconstructor:
    def __init__(self, scale: int, best: bool, threads: int, simd: bool, tuning: dict[str, Any] = ...) -> None: ...
    def frame(
        self,
        blocks: Plane,
        width: int,
        height: int,
        refreshed: int,
        prediction: int,
        lr: Planes,
        anchor: Planes | None,
        teach: bool = ...,
    ) -> Planes: ...
    def predict(self, blocks: Plane, width: int, height: int, prediction: int, lr: Planes) -> tuple[Planes, Planes]: ...
    def show(self, slot: int) -> Planes: ...
