"""A few frames of a video at the size that a model takes, to check it on."""

from pathlib import Path

import av
from av.video.reformatter import Interpolation

from ns_ray.errors import ModelError
from ns_ray.sr.dataset import planes_of
from ns_ray.sr.engine import Planes


def spaced_frames(path: Path, count: int, size: tuple[int, int] | None = None, every: int = 30) -> list[Planes]:
    """The first frame and those each `every` frames later.

    Args:
        path: the video.
        count: frames at most; fewer where it ends.
        size: columns and rows that they are scaled to (swscale, bicubic); left out, as they are.
        every: frames from one to the next.

    Raises:
        ModelError: the video cannot be read, is not 8-bit 4:2:0, or has no frame.
    """
    frames: list[Planes] = []
    try:
        with av.open(path) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index % every == 0:
                    if size and size != (frame.width, frame.height):
                        frame = frame.reformat(*size, interpolation=Interpolation.BICUBIC)
                    frames.append(planes_of(frame))
                if len(frames) == count:
                    break
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ModelError(f"{path} cannot be read ({error}): name a video to check the model on") from error
    if not frames:
        raise ModelError(f"{path} has no frame: name another video to check the model on")
    return frames
