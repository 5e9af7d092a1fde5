"""Which decoder gets which stream, by the speed of each kind, measured or set; decoders then make ready."""

import asyncio
import statistics
from collections.abc import Sequence
from fractions import Fraction

from actors.kept import Kept
from actors.messages import DecoderSpeed, Stream
from actors.pools import Pools
from ns_ray.config import DecoderPool
from ns_ray.errors import NsRayError
from ns_ray.results import DecodersResult
from ns_ray.share import share_out
from ns_ray.video.address import is_pipe
from ns_ray.video.packets import Mark, Packet

_MEASURED_PACKETS = 120
_TRIED_PACKETS = 2
_MUCH = Fraction(3600)  # seconds, more than those packets take


async def assign_decoders(
    pools: Pools, config: DecoderPool, streams: Sequence[Stream]
) -> tuple[dict[str, int], dict[str, DecodersResult]]:
    """Share out streams among the decoders.

    All decoders are measured at once, as they will work at once, and those of a kind count as equally fast. Where
    all are of one kind, nothing is measured.

    Returns:
        Each stream's decoder by the stream's name, and what decodes, by kind.
    """
    if not streams:
        return {}, {}
    kinds, speeds, reasons = await _speeds(pools, config, streams[0])
    measured = streams[0].info
    area = measured.width * measured.height
    loads = [float(s.info.frame_rate) * s.info.width * s.info.height / area for s in streams]
    nvdec = [index for index, kind in enumerate(kinds) if kind != "cpu"]
    owners = share_out(loads, [speeds[kind] for kind in kinds], nvdec, config.nvdec_full)
    results = {
        kind: DecodersResult(
            kinds.count(kind),
            speeds[kind] if config.nvdec else 0.0,
            sum(kinds[owner] == kind for owner in owners),
            reasons.get(kind, ""),
        )
        for kind in sorted(set(kinds))
    }
    calls = (_prepare(pools, stream, owner) for stream, owner in zip(streams, owners, strict=True))
    await asyncio.gather(*calls)
    return {stream.name: owner for stream, owner in zip(streams, owners, strict=True)}, results


async def _prepare(pools: Pools, stream: Stream, owner: int) -> None:
    packets: Kept[list[Packet]] | list[Packet] = []
    try:
        if not is_pipe(stream.info.path):  # what is read of that does not come again
            (packets, _), _ = await pools.sources.produce_parts(0, 2, "read", stream, Mark(), _MUCH, 1)
            await pools.sources.forget(0, stream.name)
        await pools.decoders.call(owner, "prepare", stream, packets)
    except NsRayError:
        return  # the run itself will say what is wrong with the stream


async def _speeds(
    pools: Pools, config: DecoderPool, stream: Stream
) -> tuple[list[str], dict[str, float], dict[str, str]]:
    """Each decoder's kind, frames a second of a decoder of each kind, and why some of a kind are no others."""
    if not config.nvdec:
        return ["cpu"] * len(pools.decoders), {"cpu": 1.0}, {}
    count = _TRIED_PACKETS if config.speeds else _MEASURED_PACKETS
    (packets, _), _ = await pools.sources.produce_parts(0, 2, "read", stream, Mark(), _MUCH, count)
    await pools.sources.forget(0, stream.name)

    async def measure(index: int) -> list[DecoderSpeed]:
        calls = (pools.decoders.call(index, "measure", stream, packets) for _ in range(pools.sessions[index]))
        replies: list[DecoderSpeed] = await asyncio.gather(*calls)
        return replies

    measured = await asyncio.gather(*(measure(index) for index in range(len(pools.decoders))))
    kinds = [sessions[-1].device.partition(":")[0] for sessions in measured]
    speeds: dict[str, float] = {}
    for kind in set(kinds):
        of_kind = [m for m, its in zip(measured, kinds, strict=True) if its == kind]
        speeds[kind] = statistics.median(sum(s.frames_per_second for s in sessions) for sessions in of_kind)
        if config.speeds:
            speeds[kind] = config.speeds.cpu if kind == "cpu" else config.speeds.nvdec
    reasons = {
        kind: session.reason
        for sessions, kind in zip(measured, kinds, strict=True)
        for session in sessions
        if session.reason
    }
    return kinds, speeds, reasons
