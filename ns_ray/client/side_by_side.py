"""Pictures of one frame side by side, each with its name, and parts of them enlarged."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ns_ray.errors import ConfigError
from ns_ray.picture.lettering import lettered
from ns_ray.picture.yuv import Plane, Yuv420


class Zoom(NamedTuple):
    """A part of a picture that is shown `times` as large, in place of all of it.

    `x`, `y`: its middle, in samples of the picture; None for the picture's own.
    """

    times: int
    x: int | None = None
    y: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Zoom":
        """Of `2` or `2:X:Y`.

        Raises:
            ConfigError: it is something else.
        """
        parts = text.split(":")
        if len(parts) not in (1, 3) or not all(part.isdecimal() for part in parts) or int(parts[0]) < 2:
            raise ConfigError(f"{text}: write it as 2, or as 2:X:Y with the window's middle, in samples of HR")
        return cls(*map(int, parts))

    def of(self, picture: Yuv420) -> Yuv420:
        """The part, as large as the picture: every sample is shown `times` by `times`, nothing is made up."""
        rows, columns = picture.y.shape
        width, height = (2 * -(-length // (2 * self.times)) for length in (columns, rows))
        left = _begin(columns // 2 if self.x is None else self.x, width, columns)
        top = _begin(rows // 2 if self.y is None else self.y, height, rows)
        halves = (left // 2, top // 2, width // 2, height // 2)
        y = self._part(picture.y, (left, top, width, height))
        return Yuv420(y, self._part(picture.u, halves), self._part(picture.v, halves))

    def _part(self, plane: Plane, window: tuple[int, int, int, int]) -> Plane:
        left, top, width, height = window
        part = plane[top : top + height, left : left + width].repeat(self.times, 0).repeat(self.times, 1)
        rows, columns = plane.shape
        lacking = ((0, max(0, rows - part.shape[0])), (0, max(0, columns - part.shape[1])))
        return np.pad(part, lacking, "edge")[:rows, :columns]


def side_by_side(pictures: Mapping[str, Yuv420]) -> Yuv420:
    """Pictures of one size, from left to right, with their names in their corners."""
    panels = [lettered(picture, name) for name, picture in pictures.items()]
    return Yuv420(*(np.concatenate(planes, axis=1) for planes in zip(*(one.planes for one in panels), strict=True)))


def _begin(middle: int, length: int, whole: int) -> int:
    """Where a window begins, at an even sample and inside the picture."""
    return max(0, min(middle - length // 2, whole - length)) // 2 * 2
