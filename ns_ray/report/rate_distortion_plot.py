"""The plot of quality over all that is sent: hybrid streams, and what else could be sent at such rates."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from ns_ray.report.picture import Picture

FIGURES = {
    "psnr_y": "luma PSNR, dB",
    "psnr": "PSNR of all planes, dB",
    "ssim_y": "SSIM of luma",
    "vmaf_v1": "VMAF v1",
    "vmaf_neg": "VMAF NEG, 4K",
    "flicker": "flicker, levels of luma",
}
"""What can be drawn, and what the axis says."""
_STYLES = {
    "LR, bilinear": ("#999999", "x"),
    "LR, bicubic": ("#555555", "x"),
    "hybrid: jpeg": ("#0072b2", "o"),
    "hybrid: jpeg-residual": ("#56b4e9", "D"),
    "hybrid: av1": ("#cc79a7", "P"),
    "hybrid: av1-residual": ("#aa4499", "*"),
    "hybrid: hevc": ("#117733", "h"),
    "per-frame SR, libvpx-vp9": ("#d55e00", "s"),
    "per-frame SR, AV1": ("#e69f00", "^"),
    "source, AV1": ("#009e73", "v"),
}


def draw(result: dict[str, Any], path: Path, figure: str) -> None:
    """Draw what jobs/rate_distortion.py measured.

    Args:
        result: its JSON.
        path: the picture to write; the suffix says which format.
        figure: one of FIGURES, which the result has.
    """
    picture = Picture()
    axes = picture.axes
    ways: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in result["rows"]:
        if row["mbps"] is None:
            axes.axhline(row[figure], color="#000000", linestyle=":", label="SR of all frames, not compressed")
        else:
            ways[row["way"]].append((row["mbps"], row[figure]))
    for way, points in ways.items():
        colour, marker = _STYLES[way]
        axes.plot(*zip(*sorted(points), strict=True), color=colour, marker=marker, label=way)
    axes.set_xlabel("all that is sent, Mbit/s")
    axes.set_ylabel(FIGURES[figure])
    axes.set_xlim(0, None)
    axes.set_title(f"{result['lr']}, {result['model']}, {result['frames']} frames")
    picture.write(path)
