import numpy as np
from numpy.typing import NDArray

def upscaled(plane: NDArray[np.uint8], rows: int, columns: int, weights: NDArray[np.int16]) -> NDArray[np.uint8]: ...
