"""How many bytes a plane takes as grey JPEG at each quality, told before anything is encoded.

An image that may take so many bytes is then found by one encoding, seldom by two, where a search took two to five.
"""

import numpy as np
from numpy.typing import NDArray

from ns_ray.hybrid.grey_jpeg import BASIS, DEAD_ZONE, SIDE, blocks_of, step_of, transformed
from ns_ray.picture.yuv import Plane

STEPS = (3, 4, 6, 8, 11, 16, 23, 32, 48, 72, 128, 255)
"""Of the quantiser, at which blocks and coefficients are counted; between them bytes go evenly, both in logarithms."""
QUALITIES = range(1, 101)
_COUNTED, _AT = np.log(STEPS), np.log([step_of(quality) for quality in QUALITIES])
_HEADERS = 330  # bytes
# Bits that a block takes at least, what one takes with coefficients, and what each of them takes, the more the rarer
# they are. Fitted to 18 residuals of six contents at eleven qualities: within 2.3 % in two of three, 7 % at most.
_BLOCK, _FULL, _COEFFICIENT, _RARE = 1.97, -4.5, 5.1, 0.29


def counts(plane: Plane) -> NDArray[np.int64]:
    """At each of STEPS, blocks with coefficients beyond the dead zone, and these coefficients; (len(STEPS), 2)."""
    sizes = np.abs(transformed(blocks_of(plane), BASIS))
    sizes = sizes.reshape(sizes.shape[0] // SIDE, SIDE, -1, SIDE)
    largest = sizes.max(axis=(1, 3))
    sizes = sizes[sizes >= DEAD_ZONE * STEPS[0]]  # few of all
    limits = [DEAD_ZONE * step for step in STEPS]
    return np.array([[np.count_nonzero(of >= limit) for of in (largest, sizes)] for limit in limits], np.int64)


def expected_bytes(shape: tuple[int, int], counted: NDArray[np.int64]) -> NDArray[np.float64]:
    """Bytes of the image at each of QUALITIES.

    Args:
        shape: of the plane.
        counted: `counts` of it.
    """
    blocks = -(-shape[0] // SIDE) * -(-shape[1] // SIDE)
    full, coefficients = counted.T.astype(np.float64)
    rare = np.log2(blocks * SIDE * SIDE / np.maximum(coefficients, 1))
    bits = _BLOCK * blocks + _FULL * full + (_COEFFICIENT + _RARE * rare) * coefficients
    made: NDArray[np.float64] = np.exp(np.interp(_AT, _COUNTED, np.log(_HEADERS + bits / 8)))
    return made
