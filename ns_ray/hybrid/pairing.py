"""Bringing anchors to the packets that their tags name (docs/hybrid-format.md, "Which packet an anchor belongs to")."""

from collections.abc import Callable, Iterator

from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.video.packets import Packet

_MOST_PACKETS = 64  # of one time; encoders make two
_MOST_BYTES = 128 << 20  # of anchors that wait for their packet

Pair = tuple[Packet, tuple[AnchorImage, ...]]


class Pairing:
    """Takes packets and anchors in the order of the file, and gives each packet with its anchors.

    Packets of one time are given together, as soon as a later time is seen on either track.
    """

    def __init__(self, damaged: Callable[[int, str], None]) -> None:
        """Begin at the file's first packet.

        Args:
            damaged: told of each anchor that is lost: number of the packet at hand, and why.
        """
        self._damaged = damaged
        self._together: list[Packet] = []
        self._waiting: list[tuple[int, AnchorImage]] = []
        self._shift = 0  # what tags count beyond this file's own count
        self._told = False  # whether any anchor has told the shift
        self._suspected: set[int] = set()  # shifts that would explain the last anchor that fitted nowhere

    def packet(self, packet: Packet) -> Iterator[Pair]:
        """Take the next packet; yields those before it that are complete."""
        if self._together and (packet.pts != self._together[0].pts or len(self._together) >= _MOST_PACKETS):
            yield from self.rest()
        self._together.append(packet)

    def anchor(self, pts: int, image: AnchorImage) -> Iterator[Pair]:
        """Take the next anchor, with the time it has in the file; yields the packets that it completes."""
        self._waiting.append((pts, image))
        while sum(len(one) for _, one in self._waiting) > _MOST_BYTES:
            self._lost(self._waiting.pop(0)[1], "waits for too long")
        at_hand = {packet.video_index for packet in self._together}
        if self._together and pts > self._together[0].pts and image.video_index - self._shift not in at_hand:
            yield from self.rest()

    def rest(self) -> Iterator[Pair]:
        """The packets at hand; at the end of the file, the last ones."""
        anchors: dict[int, list[AnchorImage]] = {packet.video_index: [] for packet in self._together}
        time = self._together[0].pts if self._together else None
        still: list[tuple[int, AnchorImage]] = []
        for pts, image in self._waiting:
            number: int | None = image.video_index - self._shift
            if pts == time:
                number = self._number(image, set(anchors))
            if number in anchors:
                anchors[number].append(image)
            elif pts == time:
                self._lost(image, "names another packet than that of its time")
            elif time is None or pts < time:
                self._lost(image, "comes after its packet, or belongs to none")
            else:
                still.append((pts, image))
        self._waiting = still
        together, self._together = self._together, []
        for packet in together:
            yield packet, tuple(sorted(anchors[packet.video_index], key=lambda image: image.super_index))

    def end(self) -> Iterator[Pair]:
        """What is left at the end of the file."""
        yield from self.rest()
        yield from self.rest()

    def _number(self, image: AnchorImage, at_hand: set[int]) -> int | None:
        """Which of the packets of its time an anchor belongs to, by its tag."""
        number = image.video_index - self._shift
        if number in at_hand:
            self._told, self._suspected = True, set()
            return number
        shifts = {image.video_index - one for one in at_hand}
        agreed = shifts & self._suspected if self._told or len(shifts) > 1 else shifts
        if len(agreed) != 1:
            self._suspected = shifts
            return None
        # Should the anchor that told it be damaged, the next one brings the shift before it back.
        self._suspected = {self._shift}
        self._shift = agreed.pop()
        self._told = True
        return image.video_index - self._shift

    def _lost(self, image: AnchorImage, why: str) -> None:
        at = self._together[-1].video_index if self._together else 0
        self._damaged(at, f"anchor {image.name} {why}")
