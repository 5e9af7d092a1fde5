"""Writes the fuzzer's first inputs: the beginnings of the test streams, each packet after its length."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "codecs" / "vp9"))

from header_bits import as_intra_only
from vp9_streams import STREAMS, coded_frames

MAX_BYTES = 20_000
MAX_FRAMES = 10
SEVERAL, ANY_PADDING = 1 << 31, 1 << 30


def seed(frames: list[bytes], flags: int = 0) -> bytes:
    """As many frames as fit, at least one, each a packet."""
    result = b""
    for frame in frames[:MAX_FRAMES]:
        if result and len(result) + len(frame) > MAX_BYTES:
            break
        result += (len(frame) | flags).to_bytes(4, "little") + frame
    return result


def joined(frames: list[bytes]) -> bytes:
    """The same, in packets of two without an index."""
    pairs = [b"".join(frames[i : i + 2]) for i in range(0, MAX_FRAMES, 2)]
    return b"".join((len(pair) | SEVERAL).to_bytes(4, "little") + pair for pair in pairs if pair)[:MAX_BYTES]


def main() -> None:
    """Write the seeds to the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in [*STREAMS, "resized"]:
        frames = coded_frames(name)
        (folder / name).write_bytes(seed(frames))
        (folder / f"{name}-any-padding").write_bytes(seed(frames, ANY_PADDING))
        (folder / f"{name}-joined").write_bytes(joined(frames))
    frames = coded_frames("error-resilient")
    (folder / "intra-only").write_bytes(seed([as_intra_only(frames[0]), bytes([0b10001000]), *frames[1:]]))
    resized = coded_frames("resized")
    (folder / "resized-down").write_bytes(seed([resized[0], *resized[60:64]]))


if __name__ == "__main__":
    main()
