"""The client: plays a hybrid stream at high resolution."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice

from ns_ray.client.rebuild import HrFrame, Rebuilder, max_lr_samples
from ns_ray.client.reconstruct import Mode
from ns_ray.client.shown_clock import ShownClock
from ns_ray.client.shown_order import ShownOrder
from ns_ray.client.sizes import largest_size
from ns_ray.codecs.codec import codec_named
from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import anchor_size
from ns_ray.hybrid.reader import HybridPacket, HybridReader
from ns_ray.video.lookahead import Lookahead
from ns_ray.video.packets import SidePacket

_PACKETS_ASKED = 600


class HybridDecoder:
    """Iterates the shown frames of a hybrid file or stream at HR, once: it is read from front to back, as it comes.

    Attributes:
        info: the LR video.
        scale: HR over LR.
        damaged: frames and anchors that could not be read, as (video_index, reason).
        missed: pictures before the first that could be decoded.
        sides: packets of the tracks beside the video (`info.sides`) that came since the frame before.
    """

    def __init__(self, path: str, mode: Mode = "best", threads: int = 1) -> None:
        """Look at the file.

        Args:
            path: the hybrid file or stream.
            mode: `best`, or `plain` reuse as published.
            threads: threads of the reconstruction.

        Raises:
            MediaError: it cannot be opened, or its video is not supported.
            HybridError: it is no hybrid stream, or its anchors are not 1 to 4 times the size of the video.
        """
        self._reader = HybridReader(path)
        self.info = self._reader.info
        self._codec = codec_named(self.info.codec, self.info.record)
        packets = iter(self._reader)
        first: list[HybridPacket] = []
        self.scale = self._reader.scale or self._scale(packets, first)
        self._packets = Lookahead(chain(first, packets))
        self._rebuilder = Rebuilder(self.info, self.scale, mode, threads)
        self.damaged = self._rebuilder.damaged
        self.damaged += self._reader.damaged
        self._reader.damaged = self.damaged
        self.missed = 0
        self.sides: list[SidePacket] = []

    def __iter__(self) -> Iterator[HrFrame]:
        """The frames in order of display; a damaged anchor is passed over, and its frame rebuilt like any other.

        Their times, and those of `sides`, are the file's as `ShownClock` has them.

        Raises:
            HybridError, MediaError: the file cannot be read on, or no frame of it can be decoded.
        """
        frames = packets = 0
        clock = ShownClock(self.info.time_base, self.info.frame_rate)
        beside: list[SidePacket] = []
        order = ShownOrder[HrFrame]()
        for one in self._packets:
            packets += 1
            beside += one.sides
            following = (later.packet for later in self._packets.ahead())
            images = {image.super_index: image for image in one.anchors}
            made = self._rebuilder.packet(one.packet, images, following, ended=True)
            self.missed += made is None and not frames and not one.cut and self._codec.shows(one.packet.data)
            seen = None if one.cut else made
            if made is not None and self._codec.late:
                shown = order.put(made.place, seen)
            else:
                shown = iter(() if seen is None else (seen,))
            for frame in shown:
                frames += 1
                pts, note = clock.place(frame.pts)
                if note:
                    self.damaged.append((frame.video_index, note))
                self.sides = self._placed(beside, clock, frame.video_index)
                beside = []
                yield replace(frame, pts=pts)
        self.sides = self._placed(beside, clock, packets)
        if packets and not frames:
            why = self.damaged[0][1] if self.damaged else "its packets show none"
            raise HybridError(f"{self.info.path}: none of its frames can be decoded: {why}")

    def _placed(self, beside: list[SidePacket], clock: ShownClock, index: int) -> list[SidePacket]:
        """Packets beside the video at their times, but for those whose times go back."""
        placed = [clock.beside(side, self.info.sides[side.track].time_base) for side in beside]
        kept = [side for side in placed if side is not None]
        if len(kept) < len(placed):
            lost = len(placed) - len(kept)
            self.damaged.append((index, f"times beside the video go back: {lost} packets there are left out"))
        return kept

    def largest_size(self) -> tuple[int, int] | None:
        """HR width and height of the largest frames; None where the stream cannot be read twice (`sizes`)."""
        size = largest_size(self.info.path, max_lr_samples(self.scale))
        return size and (size[0] * self.scale, size[1] * self.scale)

    def _scale(self, packets: Iterator[HybridPacket], seen: list[HybridPacket]) -> int:
        """Where the file does not say it, what two of the first anchors agree on: a damaged one may claim any size.

        An anchor is compared with its frame, by that frame's header, as the video may change its size. Packets that had
        to be read for it are added to `seen`.
        """
        stated = self.info.width, self.info.height
        claims: Counter[int] = Counter()
        records = self._codec.records()
        for one in islice(packets, _PACKETS_ASKED):
            seen.append(one)
            read = records.read(one.packet.data, one.packet.video_index)
            sizes = {record.super_index: (record.width, record.height) for record in read}
            for image in one.anchors:
                with suppress(HybridError):
                    claims.update(_ratio(anchor_size(image), sizes.get(image.super_index, stated)))
            if claims and claims.most_common(1)[0][1] > 1:
                break
        if claims:
            return claims.most_common(1)[0][0]
        for scale in _ratio(self._reader.anchor_size, stated):
            return scale
        size = f"{stated[0]}x{stated[1]}"
        raise HybridError(f"{self.info.path}: no anchor is 1 to 4 times the size of the video, {size}")


def _ratio(hr: tuple[int, int], lr: tuple[int, int]) -> list[int]:
    """The scale between two sizes, if they have one that is supported."""
    return [scale for scale in (1, 2, 3, 4) if (lr[0] * scale, lr[1] * scale) == hr]
