"""Streams that are made up, with frame sizes as encoders of live video make them: for simulations."""

import math
import random

import numpy as np

from ns_ray.anchors.epoch import StreamEpoch
from ns_ray.codecs.records import FrameRecord, FrameType

_HIDDEN_EVERY = 16  # packets; as lag_in_frames has it
_KEY_TIMES, _HIDDEN_TIMES = 8.0, 4.0  # so many times a frame's usual size


class MadeUpStream:
    """A stream whose frames' sizes are drawn: log-normal about a bitrate of its own, in scenes calm and wild.

    Attributes:
        name: the stream.
        burstiness: how much sizes vary, from frame to frame and from epoch to epoch: the deviation of their logarithm.
    """

    def __init__(self, number: int, *, frames: int = 40, gop: int = 120, cost_ms: float = 0.0) -> None:
        """The same number gives the same stream.

        Args:
            number: 0 or more.
            frames: shown frames an epoch.
            gop: shown frames from KEY frame to KEY frame; streams begin anywhere in it.
            cost_ms: GPU milliseconds an anchor.
        """
        rng = random.Random(number)
        self.name = f"stream{number:06d}"
        self.burstiness = rng.uniform(0.3, 0.9)
        self._number, self._frames, self._gop, self._cost_ms = number, frames, gop, cost_ms
        self._mean, self._phase = rng.gauss(8.5, 0.5), rng.randrange(gop)

    def epoch(self, slot: int) -> StreamEpoch:
        """Its frames in slot `slot`, counted from 0."""
        rng = np.random.default_rng((self._number, slot))
        first = self._phase + slot * self._frames
        scene = rng.normal(self._mean, self.burstiness)
        drawn = np.exp(rng.normal(scene, self.burstiness, 2 * self._frames)).clip(1, 2**24).astype(np.int64).tolist()
        usual, records = math.exp(self._mean), []
        for packet in range(self._frames):
            place = first + packet
            hidden = place % _HIDDEN_EVERY == 1
            if hidden:
                size = round(_HIDDEN_TIMES * drawn[self._frames + packet])
                records.append(FrameRecord(place, 0, FrameType.ALTREF, size, shown=False))
            if place % self._gop:
                records.append(FrameRecord(place, int(hidden), FrameType.NORMAL, drawn[packet]))
            else:
                records.append(FrameRecord(place, 0, FrameType.KEY, round(_KEY_TIMES * usual)))
        return StreamEpoch(self.name, records, -(first + self._frames) % self._gop, self._cost_ms)
