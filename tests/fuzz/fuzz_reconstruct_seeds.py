"""Writes first inputs for the reconstruction's fuzzer: random bytes, all of which are frames to it."""

import sys
from pathlib import Path

import numpy as np


def main() -> None:
    """Write the seeds to the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(64):
        (folder / f"random-{number}").write_bytes(rng.bytes(int(rng.integers(50, 3000))))


if __name__ == "__main__":
    main()
