"""Writing hybrid streams: Matroska, appended to epoch by epoch (docs/hybrid-format.md)."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path

from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import AnchorImage
from ns_ray.hybrid.clock import is_steady, to_units
from ns_ray.hybrid.finish import finish
from ns_ray.hybrid.header import HybridFormat, header_for
from ns_ray.hybrid.notes import noted
from ns_ray.video import matroska
from ns_ray.video.matroska import Block, Piece
from ns_ray.video.packets import Packet, SidePacket

__all__ = ["HybridFormat", "append_epoch", "clusters", "finish", "side_blocks"]

_FARTHEST = 32_767  # units from a cluster's time to that of a block in it
_LONGEST_SECONDS, _LARGEST_BYTES = 5, 5_000_000  # of a cluster
_BUFFER_BYTES = 1 << 16  # what is larger is written from where it lies


def append_epoch(
    path: Path,
    format: HybridFormat,
    offset: int,
    packets: Sequence[Packet],
    anchors: Iterable[AnchorImage],
    sides: Sequence[SidePacket] = (),
    note: bytes = b"",
) -> int:
    """Write one epoch of a hybrid stream behind what is there.

    The file is a playable live Matroska stream after each call. Because the writer keeps nothing between calls but
    `offset`, a writer that died is replaced by calling again: what it left half-written is cut off. What cannot be
    written whole is cut off as well.

    Args:
        path: the file; it is made anew where `offset` is 0.
        format: sizes and times.
        offset: what the previous call returned, 0 for the first epoch.
        packets: the epoch's packets, untouched, in order.
        anchors: the epoch's anchors, in any order; each belongs to one of the packets.
        sides: the epoch's packets of the tracks beside the video. Sound that is heard before the first picture is
            left out, and a subtitle seen before begins with it: Matroska knows no time below 0.
        note: for whoever goes on writing (`notes`), stands behind the epoch; none where it is empty.

    Returns:
        The size of the file in bytes.

    Raises:
        HybridError: an anchor belongs to none of the packets, or the file cannot be written.
    """
    unit = format.unit
    header = header_for(format)
    blocks = heapq.merge(
        _video_blocks(path, format, unit, packets, anchors),
        side_blocks(format, unit, sides, header.delays(unit)),
        key=lambda one: one[0],
    )
    pieces: list[Piece] = [] if offset else [header.live(unit, _steady_rate(format, packets))]
    pieces += chain.from_iterable(clusters((block for _, block in blocks), unit))
    if note:
        pieces.append(noted(note))
    try:
        with open(path, "r+b" if offset else "wb", buffering=_BUFFER_BYTES) as file:
            file.truncate(offset)
            file.seek(offset)
            file.writelines(pieces)
    except OSError as error:
        with suppress(OSError), open(path, "r+b") as file:
            file.truncate(offset)
        first = f"at frame {packets[0].video_index}" if packets else "without frames"
        raise HybridError(f"{path}: the epoch {first} cannot be written ({error})") from error
    return offset + sum(map(len, pieces))


def _steady_rate(format: HybridFormat, packets: Sequence[Packet]) -> Fraction | None:
    times = sorted({packet.pts for packet in packets})
    return format.frame_rate if is_steady(times, 1 / (format.frame_rate * format.time_base)) else None


def _video_blocks(
    path: Path, format: HybridFormat, unit: int, packets: Sequence[Packet], anchors: Iterable[AnchorImage]
) -> Iterator[tuple[int, Block]]:
    """Blocks of the video and its anchors, each with the time it is put in order by."""
    by_packet: dict[int, list[AnchorImage]] = {packet.video_index: [] for packet in packets}
    for anchor in anchors:
        if anchor.video_index not in by_packet:
            raise HybridError(f"{path}: anchor {anchor.name} belongs to no packet of its epoch")
        by_packet[anchor.video_index].append(anchor)
    latest = 0
    for packet in packets:
        time = to_units(packet.pts, format.time_base, unit)
        duration = to_units(packet.duration, format.time_base, unit)
        latest = max(latest, time)
        yield latest, Block(1, time, packet.data, packet.key, duration or None)
        for image in sorted(by_packet[packet.video_index], key=lambda a: a.super_index):
            yield latest, Block(2, time, image.body, True, head=image.head)


def side_blocks(
    format: HybridFormat, unit: int, sides: Sequence[SidePacket], delays: Sequence[int]
) -> list[tuple[int, Block]]:
    """Blocks of the tracks beside the video, each with its time; `delays` as `Header.delays`."""
    blocks = []
    for packet in sides:
        track = format.sides[packet.track]
        number = format.first_side + packet.track
        time = to_units(packet.pts, track.time_base, unit) + delays[number - 1]
        # Sound lasts as long as its samples; how long a subtitle stays, only its block tells.
        duration = to_units(packet.duration, track.time_base, unit) if track.kind == "subtitle" else None
        if duration and -duration < time < 0:
            duration, time = duration + time, 0
        if time < -to_units(1, track.time_base, unit):
            continue
        # Its identifier and settings would stand before the text.
        head = b"\n\n" if track.codec == "webvtt" else b""
        # Samples that are not heard begin a rounding error before 0.
        time = max(time, 0)
        blocks.append((time, Block(number, time, packet.data, packet.key, duration, head)))
    return sorted(blocks, key=lambda one: one[0])


def clusters(blocks: Iterable[Block], unit: int) -> Iterator[list[Piece]]:
    """Blocks in whole clusters, in pieces; one begins at each key frame, so that players can go there."""
    farthest = min(_FARTHEST, _LONGEST_SECONDS * 1_000_000_000 // unit)
    start = size = 0
    parts: list[Piece] = []
    previous: dict[int, int] = {}
    for one in blocks:
        if parts and (abs(one.time - start) > farthest or size > _LARGEST_BYTES or (one.track == 1 and one.key)):
            yield matroska.pieces(matroska.CLUSTER, parts)
            parts = []
        if not parts:
            start, size = one.time, 0
            parts = [matroska.unsigned(matroska.TIMESTAMP, start)]
        written = matroska.block(one, start, previous.get(one.track, one.time))
        parts += written
        previous[one.track] = one.time
        size += sum(map(len, written))
    if parts:
        yield matroska.pieces(matroska.CLUSTER, parts)
