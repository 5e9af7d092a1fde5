"""PackagerActor: writes the streams' files."""

from itertools import chain
from pathlib import Path

from actors.messages import WriteReply
from actors.worker import Worker, measured
from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.video.packets import Packet, SidePacket


class PackagerActor(Worker):
    """Appends epochs to files; where to go on comes with each call."""

    def write(
        self,
        path: str,
        format: HybridFormat,
        offset: int,
        packets: list[Packet],
        sides: list[SidePacket],
        *anchors: list[AnchorImage],
    ) -> WriteReply:
        """Append one epoch to a live file; returns where the next one goes."""
        with measured("write") as clock:
            offset = append_epoch(Path(path), format, offset, packets, chain(*anchors), sides)
        return WriteReply(offset, clock.span)

    def finish(self, part: str, path: str, format: HybridFormat) -> int:
        """Make the finished file of a live one; returns its size in bytes. Doing it twice does no harm."""
        if Path(part).exists():
            finish(Path(part), Path(path), format)
        return Path(path).stat().st_size
