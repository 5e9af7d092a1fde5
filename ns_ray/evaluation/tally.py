"""What adds up over the frames of a trial."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from ns_ray.evaluation.figures import Series
from ns_ray.evaluation.method import Method
from ns_ray.evaluation.trial import Shown

Title = TypeVar("Title", bound=Hashable)
MBIT = 2**20
"""Bits of a Mbit in the published sizes."""


class Tally(Generic[Title]):
    """Figures of a trial by name, of what is merely upscaled and of the methods.

    Attributes:
        series: the frames' PSNR by name.
        gops: the number of each frame's GOP.
    """

    def __init__(self, upscalings: Iterable[str], methods: Mapping[Title, Method]) -> None:
        """Start before the first frame; `methods`, by any name, in the order in which the trial has them."""
        self.series: dict[Title | str, Series] = {name: Series() for name in upscalings}
        self.series |= {name: Series() for name in methods}
        self.gops: list[int] = []
        self._methods = dict(methods)
        self._lr_bytes = 0
        self._bytes = dict.fromkeys(self._methods, 0)

    def add(self, frame: Shown) -> None:
        """Take the next frame."""
        self.gops.append(frame.packet.key + (self.gops[-1] if self.gops else -1))
        self._lr_bytes += len(frame.packet.data)
        for upscaling, errors in frame.upscaled.items():
            self.series[upscaling].add(errors)
        for name, seen in zip(self._methods, frame.methods, strict=True):
            self.series[name].add(seen.errors)
            self._bytes[name] += seen.bytes

    def size(self, name: Title, frame_rate: float) -> dict[str, float] | None:
        """What a method sends, in Mbit/s of 2^20 bits: `video`, `images` and `all`, as the published size.json.

        Args:
            name: the method's.
            frame_rate: shown frames a second.

        Returns:
            None where its pictures are not compressed at all.
        """
        method = self._methods[name]
        if method.reencode is None and method.image is None:
            return None
        rate = 8 * frame_rate / MBIT / len(self.gops)
        video, images = (self._lr_bytes, self._bytes[name]) if method.reencode is None else (self._bytes[name], 0)
        return {
            "video": round(video * rate, 4),
            "images": round(images * rate, 4),
            "all": round((video + images) * rate, 4),
        }

    def mbps(self, name: Title | str, frame_rate: float) -> dict[str, float]:
        """Mbit/s of 10^6 bits that are sent for what is upscaled, or for a method that rebuilds: video and anchors."""
        rate = 8 * frame_rate / 10**6 / len(self.gops)
        anchors = sum(count for method, count in self._bytes.items() if method == name)
        return {"video_mbps": round(self._lr_bytes * rate, 4), "anchors_mbps": round(anchors * rate, 4)}
