"""Pans over still images, written as HR and LR clips."""

import argparse
import random
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray
from PIL import Image

from ns_ray.config.videos import Stills
from ns_ray.dataset.ladder import LADDER, LrEncoding, hr_name, size_of
from ns_ray.dataset.streamed import STREAMED, StreamedEncoding
from ns_ray.errors import MediaError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.progress import Progress
from ns_ray.sr.dataset import planes_of
from ns_ray.sr.engine import Planes
from ns_ray.video.webm import WebmWriter
from ns_ray.whole_file import writing

Image.MAX_IMAGE_PIXELS = 200_000_000
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_FPS = 60


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of clip: its HR rows, how its LR video is encoded, and its frames."""

    hr: int
    lr: LrEncoding | StreamedEncoding
    frames: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        return round(self.frames / _FPS)


def targets(codec: str, scale: int) -> tuple[Target, ...]:
    """What is made: `vp9` by the published ladder, whatever the scale, or `h264` of `scale` times fewer rows."""
    sizes = ((1080, LADDER[360], 120), (2160, LADDER[720], 60))
    return tuple(
        Target(rows, published if codec == "vp9" else STREAMED[rows // scale], frames)
        for rows, published, frames in sizes
    )


def pan(image: Path, target: Target, rng: random.Random, detail: float) -> Iterator[av.VideoFrame] | None:
    """The HR frames of a window that moves over the image and turns back at its borders.

    Returns:
        YUV 4:2:0, BT.709, `target.frames` of them; None if the image is too small or has too little detail.
    """
    height, width = target.hr, target.hr * 16 // 9
    with Image.open(image) as picture:
        room = min(picture.width / width, picture.height / height)
        if room < 1.02:
            return None
        zoom = rng.uniform(1.02, min(room, 2.5))  # room to move in, in windows; the image is never magnified
        size = [round(side * zoom / room / 2) * 2 for side in picture.size]
        rgb = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3))
    whole = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
    )
    planes = planes_of(whole)
    luma = planes[0].astype(np.int16)
    if np.abs(np.diff(luma[:, ::2], axis=0)).mean() + np.abs(np.diff(luma[::2], axis=1)).mean() < 2 * detail:
        return None
    limits = np.array([size[0] - width, size[1] - height])
    start = np.array([rng.uniform(0, limit) for limit in limits])
    angle, speed = rng.uniform(0, 2 * np.pi), rng.choice((0.5, 2.0, 6.0, 14.0)) * height / 1080
    step = speed * np.array([np.cos(angle), np.sin(angle)])
    return (_window(planes, _bounce(start + i * step, limits), width, height) for i in range(target.frames))


def _bounce(position: NDArray[np.float64], limits: NDArray[np.int64]) -> NDArray[np.int64]:
    """The position folded back into 0..limits; even, to keep chroma in step with luma."""
    period = np.maximum(2 * limits, 1)
    folded = np.abs((position + limits) % period - limits)
    even: NDArray[np.int64] = np.minimum(folded, limits).astype(np.int64) // 2 * 2
    return even


def _window(planes: Planes, corner: NDArray[np.int64], width: int, height: int) -> av.VideoFrame:
    left, top = corner
    luma, *chroma = planes
    half = (slice(top // 2, (top + height) // 2), slice(left // 2, (left + width) // 2))
    parts = [luma[top : top + height, left : left + width], *(plane[half].reshape(-1, width) for plane in chroma)]
    frame = av.VideoFrame.from_ndarray(np.concatenate(parts), "yuv420p")
    frame.colorspace, frame.color_range = 1, 1
    return frame


def make_clip(image: Path, target: Target, window: int, directory: Path, settings: Stills) -> bool:
    """Writes one image's LR and HR clips; False if nothing can be made of it at this size."""
    rng = random.Random(f"{settings.seed} {image.name} {target.hr} {window}")
    frames = pan(image, target, rng, settings.detail)
    if frames is None:
        return False
    low_path = directory / target.lr.name(target.seconds, "train")
    high_path = directory / hr_name(target.hr, target.seconds, "train")
    high_options = {"preset": "8", "crf": str(settings.crf), "svtav1-params": "tune=1:keyint=1"}
    spacing = target.frames // settings.kept
    with writing(low_path) as low_part, writing(high_path) as high_part, ExitStack() as failing:
        low = WebmWriter(low_part, target.lr.codec, target.lr.size, Fraction(_FPS), target.lr.options)
        failing.callback(low.abandon)
        high = WebmWriter(high_part, "libsvtav1", size_of(target.hr), Fraction(_FPS), high_options)
        failing.callback(high.abandon)
        for index, frame in enumerate(frames):
            low.write(frame.reformat(*target.lr.size, interpolation=Interpolation.BICUBIC), index)
            if index % spacing == spacing // 2:
                high.write(frame, index)
        failing.pop_all()
        low.close()
        high.close()
    return True


def prepare(options: argparse.Namespace, settings: Stills) -> None:
    """Make clips of all images that will do.

    Raises:
        MediaError: no clip could be made.
    """
    images = sorted(
        path
        for given in options.images
        for path in ([given] if given.is_file() else given.rglob("*"))
        if path.suffix.lower() in _SUFFIXES and path.is_file()
    )
    console = entry.console()
    made = dict.fromkeys(targets(settings.codec, settings.scale), 0)
    names: set[str] = set()
    with Progress(console) as progress:
        for image in progress.track(images, description="clips"):
            for target, window in product(made, range(settings.windows)):
                if settings.limit and made[target] >= settings.limit:
                    continue
                rows = f"{target.lr.height}p-{target.hr}p"
                name = f"{image.stem}-{zlib.crc32(str(image).encode()):08x}-{settings.codec}-{rows}-{window}"
                try:
                    done = make_clip(image, target, window, options.data_dir / "stills" / name, settings)
                except (OSError, av.FFmpegError, MediaError) as error:
                    progress.console.print(f"[yellow]{image}: left out ({error})")
                    done = False
                if done:
                    made[target] += 1
                    names.add(name)
    for target, count in made.items():
        console.print(f"{count} clips {target.lr.height}p -> {target.hr}p under {options.data_dir / 'stills'}")
    if not names:
        raise MediaError("no image is large enough (1102 rows) with enough detail: name others, or lower stills.detail")
