"""What a trial of one content tells, for the studies of anchors."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ns_ray.codecs.records import FrameRecord
from ns_ray.evaluation.apart_seen import MODES
from ns_ray.evaluation.choice import whole_epochs
from ns_ray.evaluation.distance import by_distance
from ns_ray.evaluation.drift import drift, shown_places
from ns_ray.evaluation.figures import LEAST_GAIN, Series, by_gop, share_kept
from ns_ray.evaluation.method import PER_FRAME, ImageCodec, Method, Name
from ns_ray.evaluation.proxy import proxy_told
from ns_ray.evaluation.tally import Tally

FULL = frozenset[Name](), "full"
"""The title of super-resolution of every frame."""
Title = tuple[frozenset[Name], str]
"""Anchors, and how the other frames are rebuilt."""


def methods(chosen: Iterable[frozenset[Name]], image: ImageCodec) -> dict[Title, Method]:
    """What to try: all frames super-resolved, and each set of anchors once in each mode."""
    made: dict[Title, Method] = {FULL: PER_FRAME}
    return made | {(anchors, mode): Method(anchors, mode, image) for anchors in chosen for mode in MODES}


def content_study(
    records: Sequence[FrameRecord],
    tally: Tally[Title],
    selections: Mapping[str, frozenset[Name]],
    choices: Mapping[str, frozenset[Name]],
) -> dict[str, Any]:
    """The figures of one content, as JSON has them.

    Args:
        records: its coded frames in decode order.
        tally: of `methods`, after the last frame.
        selections: anchors whose frames are looked at, by name.
        choices: anchors of the stream's whole epochs where it is chosen for together with others, by any names.

    Returns:
        `shown_frames`, `mean_frame_bytes`; `bilinear` and `full` (SR of every frame): mean PSNR, and luma by GOP.
        `selections`: of each the number of `anchors` and by mode its means, the `gain_over_bilinear`, what is `kept` of
        SR's, `proxy` (see `proxy_told`; of the dB lost), `proxy_of_share` (of SR's gain lost) and `by_distance`.
        `choices`: of each the number of `anchors` and by mode the luma gain over bilinear, over whole epochs.
        `frames`: of each shown frame luma, and by selection `residuals` and `distances`.
    """
    bilinear, full = tally.series["bilinear"], tally.series[FULL]
    count = len(tally.gops)
    shown = shown_places(records)[:count]
    whole = sum(one.shown for one in whole_epochs(records))
    frames: dict[str, Any] = {"bilinear": _listed(bilinear), "full": _listed(full)}
    made: dict[str, Any] = {}
    for name, anchors in selections.items():
        away = drift(records, anchors).at(shown)
        made[name] = {"anchors": len(anchors)}
        frames[name] = {"residuals": away.residuals.tolist(), "distances": away.frames.tolist()}
        for mode in MODES:
            series = tally.series[anchors, mode]
            frames[name][mode] = _listed(series)
            gain = series.over(bilinear)
            made[name][mode] = {
                **series.mean,
                "gain_over_bilinear": gain,
                "kept": share_kept(gain["psnr_y"], full.over(bilinear)["psnr_y"]),
                "proxy": proxy_told(away, _luma(full) - _luma(series), tally.gops),
                "proxy_of_share": proxy_told(away, _share_lost(bilinear, full, series), tally.gops),
                "by_distance": by_distance(away.frames, _luma(series), _luma(bilinear), _luma(full)),
            }
    return {
        "shown_frames": count,
        "mean_frame_bytes": round(fmean(one.size for one in records), 1),
        "bilinear": bilinear.mean | {"gops": by_gop(bilinear.psnr_y, tally.gops)},
        "full": full.mean | {"gops": by_gop(full.psnr_y, tally.gops)},
        "selections": made,
        "choices": {
            name: {"anchors": len(anchors)}
            | {mode: tally.series[anchors, mode].first(whole).over(bilinear.first(whole))["psnr_y"] for mode in MODES}
            for name, anchors in choices.items()
        },
        "frames": frames,
    }


def _share_lost(bilinear: Series, full: Series, series: Series) -> NDArray[np.float64]:
    """The share of SR's gain that is lost at each frame; NaN where SR gains too little to tell."""
    best = _luma(full) - _luma(bilinear)
    lost: NDArray[np.float64] = (_luma(full) - _luma(series)) / np.where(best >= LEAST_GAIN, best, np.nan)
    return lost


def _luma(series: Series) -> NDArray[np.float64]:
    return np.array(series.psnr_y)


def _listed(series: Series) -> list[float]:
    listed: list[float] = np.round(series.psnr_y, 3).tolist()
    return listed
