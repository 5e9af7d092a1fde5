"""DecoderActor: decodes its streams epoch by epoch and hands out the frames that were chosen."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import dropwhile

import ray

from actors.messages import DecodeReply, DecoderSpeed, Frame, Stream
from actors.worker import Worker
from ns_ray.config import DecoderPool
from ns_ray.errors import MediaError
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert
from ns_ray.results import Span
from ns_ray.video.decode import DecodedFrame, FrameName, VideoDecoder
from ns_ray.video.packets import Packet

History = Sequence["ray.ObjectRef[Iterable[Packet]]"]
_KEPT = 8
"""Decoders of ended streams that wait to be closed, at most."""


@dataclass(slots=True)
class _Open:
    """One stream's decoder and the epoch it is at."""

    decoder: VideoDecoder
    epoch: int


class DecoderActor(Worker):
    """Decodes on the CPU or by NVDEC; what NVDEC cannot do is done on the CPU. Chosen frames alone leave it.

    Several threads may call it at once, each for another stream.
    """

    def __init__(self, affinity: list[int], config: DecoderPool, device: str) -> None:
        super().__init__(affinity)
        self._config = config
        self._device = device
        self._reason = ""
        self._streams: dict[str, _Open] = {}
        self._names: set[str] = set()  # of streams that have not ended, also while another thread decodes them
        self._ended: list[VideoDecoder] = []

    def measure(self, stream: Stream, packets: list[Packet]) -> DecoderSpeed:
        """Try the device, then decode the first packets of a stream again, and tell how fast."""
        self._decoder(stream, (), packets)
        decoder = self._open(self._device, stream, ())
        decoder.decode(packets[:1], ())
        start = time.perf_counter()
        decoder.decode(packets[1:], ())
        seconds = time.perf_counter() - start
        return DecoderSpeed(self._device, (len(packets) - 1) / seconds, self._reason)

    def prepare(self, stream: Stream, packets: list[Packet]) -> None:
        """Open a stream's decoder, which takes NVDEC a while, and try it on the first packets; they will come again."""
        self._names.add(stream.name)
        self._streams[stream.name] = _Open(self._decoder(stream, (), packets), -1)

    def decode(
        self,
        stream: Stream,
        epoch: int,
        packets: list[Packet],
        history: History,
        groups: Sequence[Sequence[FrameName]],
    ) -> tuple[list[Frame] | DecodeReply, ...] | DecodeReply:
        """Decode one epoch.

        Args:
            stream: the stream.
            epoch: its epoch; they come in order.
            packets: the epoch's packets.
            history: packets of the epochs before it since the last key frame, from which a decoder that was lost is
                brought back to where it was.
            groups: the frames to hand out, in groups.

        Returns:
            The frames of each group in order, in BT.709, limited range, those that are not sound left out; then a
            DecodeReply (alone if no group).
        """
        begin = time.time()
        self._names.add(stream.name)
        state = self._streams.pop(stream.name, None)
        if state is None or state.epoch != epoch - 1:
            state = _Open(self._decoder(stream, history), epoch)
        wanted = {name for group in groups for name in group}
        copied = state.decoder.copy_seconds
        decoded = state.decoder.decode(packets, wanted)
        if decoded.damaged and state.decoder.device != "cpu":  # is the stream to blame, or NVDEC? The CPU can tell.
            self._log(f"stream {stream.name}: {decoded.damaged[0][1]}")
            state.decoder, copied = self._open("cpu", stream, history), 0.0
            decoded = state.decoder.decode(packets, wanted)
        state.epoch = epoch
        self._streams[stream.name] = state
        copying = time.time()
        frames = {(f.record.video_index, f.record.super_index): _frame(f) for f in decoded.frames if f.sound}
        end = time.time()
        handed_out = [[frames[name] for name in group if name in frames] for group in groups]
        copying -= state.decoder.copy_seconds - copied
        spans = [Span("decode", begin, copying)] + ([Span("take", copying, end)] if frames else [])
        reply = DecodeReply(
            decoded.shown,
            decoded.hidden,
            len(frames),
            tuple(decoded.damaged),
            state.decoder.waiting,
            tuple(spans),
        )
        return (*handed_out, reply) if groups else reply

    def forget(self, name: str) -> None:
        """Close the decoder of a stream that has ended.

        Closing an NVDEC session takes long enough for the actor's other streams to be late, so it waits until they
        have ended too, or until too many wait.
        """
        self._names.discard(name)
        if name in self._streams:
            self._ended.append(self._streams.pop(name).decoder)
        del self._ended[: -_KEPT if self._names else None]

    def _decoder(self, stream: Stream, history: History, trial: Sequence[Packet] = ()) -> VideoDecoder:
        """A decoder that has seen the history; on the CPU from now on if the device cannot decode that or a trial."""
        if self._device != "cpu":
            try:
                decoder = self._open(self._device, stream, history)
                damaged = decoder.decode(
                    dropwhile(lambda packet: decoder.waiting and not packet.key, trial), ()
                ).damaged
                if not damaged:
                    return decoder
                self._reason = damaged[0][1]
            except MediaError as error:
                self._reason = str(error)
            self._log(self._reason)
            self._device = "cpu"
        return self._open("cpu", stream, history)

    def _open(self, device: str, stream: Stream, history: History) -> VideoDecoder:
        decoder = VideoDecoder(stream.info, device=device, threads=self._config.threads)
        for packets in history:
            decoder.decode(ray.get(packets), ())
        return decoder

    def _log(self, reason: str) -> None:
        logging.getLogger(__name__).warning("decoding on the CPU, not on %s: %s", self._device, reason)


def _frame(decoded: DecodedFrame) -> Frame:
    """A frame as enhancers take it, in memory of its own."""
    picture = convert(decoded.picture, decoded.colors, STANDARD)
    return Frame(decoded.record, decoded.pts, picture.packed() if picture is decoded.picture else picture)
