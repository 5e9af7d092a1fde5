"""How near what is enhanced, and bicubic beside it, come to the reference, in no more time than a report may take."""

from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from types import TracebackType
from typing import NamedTuple, Self

from ns_ray.client.rebuild import HrFrame
from ns_ray.errors import MediaError
from ns_ray.evaluation.figures import Series
from ns_ray.evaluation.perceived import Perceived
from ns_ray.metrics.psnr import plane_errors
from ns_ray.picture.yuv import Yuv420, resize
from ns_ray.report.results import QualityResult

_LOOKED_AT_SAMPLES = 12_500_000
"""Luma samples of the frames that SSIM, VMAF and flicker are measured of: 6 frames at 1080p."""
_LOOKED_AT = 4, 60
"""The least and the most frames of these."""
_LEAST_SSIM = 16


class _Pair(NamedTuple):
    number: int
    pictures: dict[str, Yuv420]
    original: Yuv420
    anchor: bool


class Nearness:
    """Takes a stream's first frames in order, each with its original; measures while the next is made."""

    def __init__(self, frame_rate: Fraction) -> None:
        """Start before the first frame of a stream of so many a second."""
        self._frame_rate = frame_rate
        self._series = {"bicubic": Series(), "enhanced": Series()}
        self._looked_at: list[_Pair] = []
        self._last: _Pair | None = None
        self._begun = False
        self._pool = ThreadPoolExecutor(1)
        self._due: Future[None] | None = None

    def add(self, frame: HrFrame, original: Yuv420) -> None:
        """Take the next frame, and its original in its size and colours; one of another size than the first is not
        counted.
        """
        self._wait()
        self._due = self._pool.submit(self._take, frame, original)

    def _take(self, frame: HrFrame, original: Yuv420) -> None:
        if self._last is not None and self._last.original.y.shape != original.y.shape:
            return
        rows, columns = original.y.shape
        pictures = {"bicubic": resize(frame.lr, (columns, rows), "BICUBIC"), "enhanced": frame.picture}
        for name, picture in pictures.items():
            self._series[name].add(plane_errors(picture.planes, original.planes))
        pair = _Pair(frame.video_index, pictures, original, frame.source == "anchor")
        if pair.anchor and self._last is not None and not self._begun:  # what an anchor does is seen beside it
            self._looked_at, self._begun = [self._last], True
        least, most = _LOOKED_AT
        if len(self._looked_at) < min(max(least, _LOOKED_AT_SAMPLES // original.y.size), most):
            self._looked_at.append(pair)
        self._last = pair

    def result(self) -> QualityResult | None:
        """Everything that was found, after the last frame; None where there was none."""
        self._wait()
        if self._last is None:
            return None
        figures: dict[str, dict[str, float]] = {name: series.mean for name, series in self._series.items()}
        count, note = len(self._looked_at), ""
        try:
            looks = self._looks(vmaf=True)
        except MediaError as error:
            note = str(error)
            looks = self._looks(vmaf=False)
        for name, look in looks.items():
            figures[name] |= look
        return QualityResult(len(self._series["enhanced"].psnr), count, self._looked_at[0].number, figures, note)

    def _looks(self, vmaf: bool) -> dict[str, dict[str, float]]:
        """SSIM, VMAF and flicker by name. Raises MediaError where VMAF cannot be measured."""
        rows, columns = self._looked_at[0].original.y.shape
        if min(rows, columns) < _LEAST_SSIM:
            return {}

        def look(name: str) -> dict[str, float]:
            with Perceived((columns, rows), self._frame_rate, vmaf=vmaf) as perceived:
                for pair in self._looked_at:
                    perceived.add(pair.pictures[name], pair.original, pair.anchor)
                return {figure: value for figure, value in perceived.figures().items() if value is not None}

        with ThreadPoolExecutor(len(self._series)) as pool:
            return dict(zip(self._series, pool.map(look, self._series), strict=True))

    def _wait(self) -> None:
        due, self._due = self._due, None
        if due is not None:
            due.result()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End its thread."""
        self._pool.shutdown(cancel_futures=True)
