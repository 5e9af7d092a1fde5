"""How fast blocks are parsed, on one core: python tests/vp9/bench_blocks.py FILE..."""

from __future__ import annotations

import sys
import time

import av
from vp9_streams import split_superframe

from ns_ray.vp9.blocks import BlockParser


def main() -> None:
    """Print frames per second of wall clock and of processor time, the best of five runs each."""
    for path in sys.argv[1:]:
        with av.open(path) as clip:
            packets = [bytes(packet) for packet in clip.demux(video=0) if packet.size]
        frames = [frame for packet in packets for frame in split_superframe(packet)]
        wall, processor = [], []
        for _ in range(5):
            parser = BlockParser()
            start, start_processor = time.perf_counter(), time.thread_time()
            for frame in frames:
                parser.parse(frame)
            wall.append(len(frames) / (time.perf_counter() - start))
            processor.append(len(frames) / (time.thread_time() - start_processor))
        print(f"{path}: {max(wall):.0f} frames/s, {max(processor):.0f} per second of processor time")


if __name__ == "__main__":
    main()
