"""DecoderActor: decodes its streams epoch by epoch and hands out the frames that were chosen."""

from collections.abc import Iterable, Sequence

import ray

from actors.messages import DecodeReply, Frame, Stream
from actors.worker import Worker, measured
from ns_ray.config import DecoderPool
from ns_ray.errors import NsRayError
from ns_ray.media.decode import DecodedFrame, VideoDecoder
from ns_ray.media.packets import Packet
from ns_ray.results import Span


class FramesLostError(NsRayError):
    """The decoder that held an epoch's frames is gone; decode the epoch again."""


class _Open:
    """One stream's decoder and the frames of the epoch it decoded last."""

    def __init__(self, decoder: VideoDecoder, epoch: int) -> None:
        self.decoder = decoder
        self.epoch = epoch
        self.frames: list[DecodedFrame] = []


class DecoderActor(Worker):
    """Decodes in one process; frames stay here until they are taken or the next epoch of their stream comes."""

    def __init__(self, affinity: list[int], config: DecoderPool) -> None:
        super().__init__(affinity)
        self._config = config
        self._streams: dict[str, _Open] = {}

    def decode(
        self,
        stream: Stream,
        epoch: int,
        packets: list[Packet],
        history: Sequence["ray.ObjectRef[Iterable[Packet]]"],
    ) -> DecodeReply:
        """Decode one epoch.

        Args:
            stream: the stream.
            epoch: its epoch; they come in order.
            packets: the epoch's packets.
            history: packets of the epochs before it since the last key frame, from which a decoder that was lost is
                brought back to where it was.
        """
        with measured("decode") as clock:
            state = self._streams.pop(stream.name, None)
            if state is None or state.epoch != epoch - 1:
                device, threads = self._config.device, self._config.threads
                state = _Open(VideoDecoder(stream.info, device=device, threads=threads), epoch)
                for earlier in history:
                    state.decoder.decode(ray.get(earlier))
            state.frames = []
            decoded = state.decoder.decode(packets)
            state.frames, state.epoch = decoded.frames, epoch
            self._streams[stream.name] = state
        return DecodeReply(tuple(f.record for f in decoded.frames), tuple(decoded.damaged), clock.span)

    def take(self, name: str, epoch: int, positions: Sequence[int]) -> tuple[list[Frame], Span]:
        """Hand out frames of the epoch decoded last, by their position among its records.

        Raises:
            FramesLostError: this actor does not hold that epoch.
        """
        state = self._streams.get(name)
        if state is None or state.epoch != epoch:
            raise FramesLostError(f"stream {name}: the frames of epoch {epoch} are not here any more")
        with measured("take") as clock:
            chosen = (state.frames[position] for position in positions)
            frames = [Frame(frame.record, frame.pts, frame.picture.packed()) for frame in chosen]
        return frames, clock.span

    def forget(self, name: str) -> None:
        """Close the decoder of a stream that has ended."""
        self._streams.pop(name, None)
