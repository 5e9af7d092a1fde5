"""Writes the fuzzer's first inputs: the beginnings of the test streams, each frame after its length."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vp9"))

from header_bits import as_intra_only
from vp9_streams import STREAMS, coded_frames

MAX_BYTES = 20_000
MAX_FRAMES = 10


def seed(frames: list[bytes]) -> bytes:
    """As many frames as fit, at least one."""
    result = b""
    for frame in frames[:MAX_FRAMES]:
        if result and len(result) + len(frame) > MAX_BYTES:
            break
        result += len(frame).to_bytes(4, "little") + frame
    return result


def main() -> None:
    """Write the seeds to the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in [*STREAMS, "resized"]:
        frames = coded_frames(name)
        (folder / name).write_bytes(seed(frames))
    frames = coded_frames("error-resilient")
    (folder / "intra-only").write_bytes(seed([as_intra_only(frames[0]), bytes([0b10001000]), *frames[1:]]))
    resized = coded_frames("resized")
    (folder / "resized-down").write_bytes(seed([resized[0], *resized[60:64]]))


if __name__ == "__main__":
    main()
