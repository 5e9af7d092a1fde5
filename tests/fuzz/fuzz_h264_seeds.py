"""Writes the first inputs of the H.264 fuzzer: short streams of the tests, each packet after its length."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "codecs" / "h264"))

from h264_streams import encode, encode_openh264
from nal_units import record_of, units

ANY_END, RECORD = 1 << 31, 1 << 30
SIZE = (48, 32)
SETTINGS = {
    "ultrafast": {"params": "", "preset": "ultrafast"},
    "cavlc": {"params": "cabac=0:slices=2:partitions=all:ref=4", "preset": "slower"},
    "spatial": {"params": "bframes=3:b-adapt=0:b-pyramid=normal:direct=spatial:ref=4", "preset": "slower"},
    "temporal": {
        "params": "bframes=3:b-adapt=0:b-pyramid=normal:direct=temporal:ref=4:partitions=all",
        "preset": "slower",
    },
    "temporal-cavlc": {"params": "cabac=0:bframes=3:b-adapt=0:direct=temporal:crf=30", "preset": "slower"},
    "weights": {"params": "weightp=2:bframes=2:b-adapt=0", "fade": True},
    "refresh": {"params": "intra-refresh=1:keyint=4:bframes=0"},
    "open": {"params": "open-gop=1:keyint=4:min-keyint=1:bframes=2:b-adapt=0"},
    "raw": {"params": "psy=0:qp=1:cabac=0", "noise": True},
    "interlaced": {"params": "interlaced=1"},
}
OPENH264 = {"openh264": "-allow_skip_frames 0", "openh264-slices": "-slices 3", "openh264-cabac": "-coder cabac"}


def joined(packets: list[bytes], flags: int = 0) -> bytes:
    """Packets behind their lengths."""
    return b"".join((len(packet) | flags).to_bytes(4, "little") + packet for packet in packets)


def streams() -> dict[str, list[bytes]]:
    """The packets of a stream for each name, in Annex B."""
    made = {}
    for name, settings in SETTINGS.items():
        size = (16, 16) if name == "raw" else SIZE
        made[name] = list(encode(**settings, size=size, frames=8).packets)  # type: ignore[arg-type]
    return made | {name: list(encode_openh264(options).packets[:5]) for name, options in OPENH264.items()}


def main() -> None:
    """Write the seeds to the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, packets in streams().items():
        (folder / name).write_bytes(joined(packets))
        (folder / f"{name}-any-end").write_bytes(joined(packets, ANY_END))
        (folder / f"{name}-whole").write_bytes(joined([b"".join(packets)]))
        lengths = [b"".join(len(part).to_bytes(2, "big") + part for part in units(packet)) for packet in packets]
        (folder / f"{name}-avcc").write_bytes(joined([record_of(packets[0], 2)], RECORD) + joined(lengths))


if __name__ == "__main__":
    main()
