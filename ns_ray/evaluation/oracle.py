"""NEMO's anchors of a stream (MobiCom 2020): every coded frame tried as the only anchor of its GOP."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ns_ray.anchors.nemo import greedy, merged
from ns_ray.client.rebuild import Rebuilder
from ns_ray.evaluation.choice import EPOCH
from ns_ray.evaluation.method import Name
from ns_ray.evaluation.trial import beside, decoded_whole, standard
from ns_ray.evaluation.upscaled import upscaled
from ns_ray.metrics.psnr import bounded_psnr
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert, from_rgb
from ns_ray.picture.yuv import Plane, Yuv420
from ns_ray.sr.engine import Engine
from ns_ray.video.lookahead import Lookahead
from ns_ray.video.packets import Packet
from ns_ray.video.probe import VideoInfo


@dataclass(frozen=True, slots=True)
class Tried:
    """One GOP.

    Attributes:
        names: its coded frames, in decode order: the candidates.
        first: video_index of its first packet.
        floor: float64 (packets,), luma PSNR of LR upscaled (bilinear), dB.
        qualities: float64 (candidates, packets), luma PSNR with that candidate as the only anchor, rebuilt by plain
            reuse, and nowhere below the floor.
    """

    names: tuple[Name, ...]
    first: int
    floor: NDArray[np.float64]
    qualities: NDArray[np.float64]


@dataclass(slots=True)
class _Gop:
    """The packets of a GOP with all that trying needs; pictures take 4.6 bytes an HR pixel and frame."""

    packets: list[Packet]
    anchors: dict[Name, Yuv420]
    originals: list[Plane]
    floor: list[float]


def tried(
    info: VideoInfo,
    engine: Engine,
    packets: Iterable[Packet],
    originals: Iterable[Yuv420],
    pool: Executor,
) -> Iterator[Tried]:
    """Try all frames of a stream, GOP by GOP; anchors are not compressed, as NEMO has it.

    Args:
        info: the LR video.
        engine: super-resolves; of the video's size, with weights.
        packets: the video's, from a key frame on.
        originals: of the shown frames, at HR.
        pool: works on the candidates of a GOP.

    Raises:
        MediaError: a frame cannot be decoded.
        ModelError: one is of another size than the engine.
    """
    for gop in _gops(info, engine, packets, originals):
        qualities = np.array(list(pool.map(partial(_alone, info, engine.spec.scale, gop), gop.anchors)))
        yield Tried(tuple(gop.anchors), gop.packets[0].video_index, np.array(gop.floor), qualities)


def nemo(gops: Sequence[Tried], like: Iterable[Name]) -> frozenset[Name]:
    """NEMO's anchors, as many in each epoch as another selection has there.

    Args:
        gops: the whole stream.
        like: anchors of the other selection.
    """
    counts: dict[int, int] = {}
    for video_index, _ in like:
        counts[video_index // EPOCH] = counts.get(video_index // EPOCH, 0) + 1
    chosen: set[Name] = set()
    for number, count in counts.items():
        found = [_of_epoch(gop, number * EPOCH, count) for gop in gops]
        for (names, _), taken in zip(found, merged([added for _, added in found], count), strict=True):
            chosen |= {*names[:taken]}
    return frozenset(chosen)


def _of_epoch(gop: Tried, begin: int, count: int) -> tuple[list[Name], list[float]]:
    """The best candidates within an epoch, and what each adds to the epoch's frames."""
    mine = [i for i, (video_index, _) in enumerate(gop.names) if begin <= video_index < begin + EPOCH]
    frames = slice(max(0, begin - gop.first), max(0, begin + EPOCH - gop.first))
    places, added = greedy(gop.qualities[mine, frames], gop.floor[frames], count)
    return [gop.names[mine[place]] for place in places], added


def _gops(info: VideoInfo, engine: Engine, packets: Iterable[Packet], originals: Iterable[Yuv420]) -> Iterator[_Gop]:
    gop = None
    for packet, decoded, original in beside(decoded_whole(info, packets), originals):
        frames = decoded.frames
        if packet.key or gop is None:
            if gop is not None:
                yield gop
            gop = _Gop([], {}, [], [])
        for frame in frames:
            if frame.record.existing:  # shown again; it has been a candidate
                continue
            name = frame.record.video_index, frame.record.super_index
            gop.anchors[name] = from_rgb(engine.infer(standard(frame).planes))
        rows, columns = original.y.shape
        lr = upscaled(standard(frames[-1]), (columns, rows), "bilinear")
        gop.floor.append(bounded_psnr(lr.y, original.y))
        gop.packets.append(packet)
        gop.originals.append(original.y)
    if gop is not None:
        yield gop


def _alone(info: VideoInfo, scale: int, gop: _Gop, name: Name) -> list[float]:
    """The qualities of a GOP's frames with one anchor."""
    rebuilder = Rebuilder(info, scale, "plain")
    qualities = []
    packets = Lookahead(gop.packets)
    for packet, original, floor in zip(packets, gop.originals, gop.floor, strict=True):
        anchors = {name[1]: gop.anchors[name]} if packet.video_index == name[0] else {}
        frame = rebuilder.packet(packet, anchors, packets.ahead(), ended=True)
        if frame is None or packet.video_index < name[0]:
            qualities.append(floor)
            continue
        shown = convert(frame.picture, frame.colors, STANDARD)
        qualities.append(max(floor, bounded_psnr(shown.y, original)))
    return qualities
