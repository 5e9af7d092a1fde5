"""How pictures look beside their originals: SSIM, VMAF, and how they flicker."""

from fractions import Fraction
from statistics import fmean
from types import TracebackType
from typing import Self

from ns_ray.metrics.flicker import Flicker
from ns_ray.metrics.ssim import ssim
from ns_ray.metrics.vmaf import Vmaf
from ns_ray.picture.yuv import Yuv420


class Perceived:
    """Figures of one stream's pictures, taken in order."""

    def __init__(self, size: tuple[int, int], frame_rate: Fraction, threads: int = 1, vmaf: bool = True) -> None:
        """Start before the first frame.

        Args:
            size: (width, height) in luma samples, at least 16 each.
            frame_rate: frames a second.
            threads: of libvmaf.
            vmaf: whether VMAF is measured, which takes the most time.

        Raises:
            MediaError: VMAF is to be measured, and there is no FFmpeg with libvmaf.
        """
        self._vmaf = Vmaf(size, frame_rate, threads) if vmaf else None
        self._flicker = Flicker()
        self._ssim: list[float] = []
        self._flickers: list[float] = []
        self._at_anchors: list[float] = []

    def add(self, picture: Yuv420, original: Yuv420, anchor: bool = False) -> None:
        """Take the next frame, which is or is not an anchor.

        Raises:
            MediaError: FFmpeg failed.
        """
        if self._vmaf is not None:
            self._vmaf.add(picture, original)
        self._ssim.append(ssim(picture.y, original.y))
        flicker = self._flicker.add(picture.y, original.y)
        if flicker is not None:
            self._flickers.append(flicker)
            if anchor:
                self._at_anchors.append(flicker)

    def figures(self) -> dict[str, float | None]:
        """Means over the frames; to be asked for once, after the last frame.

        Returns:
            `ssim_y`; where VMAF is measured, the models' names in `ns_ray.metrics.vmaf`; and the levels of luma by
            which the error changes from frame to frame: `flicker` on all frames, `flicker_anchors` where an anchor is
            shown. None where there was no such frame.

        Raises:
            MediaError: FFmpeg failed.
        """
        scores = {} if self._vmaf is None else self._vmaf.scores()
        return {
            "ssim_y": round(fmean(self._ssim), 5),
            **{name: round(fmean(values), 3) for name, values in scores.items()},
            "flicker": round(fmean(self._flickers), 4) if self._flickers else None,
            "flicker_anchors": round(fmean(self._at_anchors), 4) if self._at_anchors else None,
        }

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End FFmpeg, whatever it was at."""
        if self._vmaf is not None:
            self._vmaf.close()
