"""How some of a trial's methods, and what is merely upscaled, look beside the originals."""

from collections.abc import Hashable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from fractions import Fraction
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from ns_ray.errors import MediaError
from ns_ray.evaluation.method import Method
from ns_ray.evaluation.perceived import Perceived
from ns_ray.evaluation.trial import Shown
from ns_ray.evaluation.upscaled import upscaled
from ns_ray.metrics.vmaf import ffmpeg

Title = TypeVar("Title", bound=Hashable)


class Looks(Generic[Title]):
    """SSIM, VMAF and flicker of some of a trial's methods and upscalings, by name.

    Attributes:
        note: why VMAF is not measured; empty where it is.
    """

    def __init__(
        self, names: Iterable[Title], methods: Mapping[Title, Method], size: tuple[int, int], frame_rate: Fraction
    ) -> None:
        """Start before the first frame.

        Args:
            names: what to look at: methods, or names that `upscaled` knows.
            methods: all of the trial's, in its order.
            size: (height, width) of HR.
            frame_rate: frames a second.

        Raises:
            MediaError: pictures are too small for VMAF.
        """
        self._size = size[1], size[0]
        self._methods = dict(methods)
        self.note = ""
        names = list(names)
        try:
            if names:
                ffmpeg()
        except MediaError as error:
            self.note = str(error)
        with ExitStack() as opened:
            self._perceived = {
                name: opened.enter_context(Perceived(self._size, frame_rate, vmaf=not self.note)) for name in names
            }
            self._stack = opened.pop_all()

    def add(self, frame: Shown, pool: Executor) -> None:
        """Take the next frame, for several names at a time."""
        order = {name: i for i, name in enumerate(self._methods)}

        def add(name: Title) -> None:
            if name in order:
                method = self._methods[name]
                picture = frame.methods[order[name]].picture
                anchor = any(index == frame.packet.video_index for index, _ in method.anchors or ())
            else:
                picture, anchor = upscaled(frame.lr, self._size, str(name)), False
            self._perceived[name].add(picture, frame.original, anchor)

        list(pool.map(add, self._perceived))

    def figures(self) -> dict[Title, dict[str, Any]]:
        """What `Perceived.figures` gives, by name; to be asked for once, after the last frame."""
        return {name: one.figures() for name, one in self._perceived.items()}

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End whatever is at work."""
        self._stack.close()
