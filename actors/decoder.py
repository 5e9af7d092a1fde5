"""DecoderActor: decodes epochs of several streams a call and hands out the frames that were chosen."""

import logging
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice

from ns_ray.actors.messages import DecodeJob, DecodeReply, DecoderSpeed, Frame, Stream
from ns_ray.actors.open_streams import OpenStreams
from ns_ray.actors.worker import Worker, call
from ns_ray.config.actors import DecoderPool
from ns_ray.errors import MediaError, NsRayError
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert
from ns_ray.report.results import Span
from ns_ray.video.block import PacketBlock
from ns_ray.video.decode import DecodedFrame, VideoDecoder
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import VideoInfo, probe, require_supported

_KEPT = 8
"""Decoders of ended streams that wait to be closed, at most."""


@dataclass(frozen=True, slots=True)
class _Open:
    """One stream's decoder and the epoch it is at."""

    decoder: VideoDecoder
    epoch: int


class _LostError(Exception):
    """A decoder needs the history of its stream."""


Groups = list[list[Frame]]


class DecoderActor(Worker):
    """Decodes on the CPU or by NVDEC; what NVDEC cannot do is done on the CPU. Chosen frames alone leave it.

    Several callers may call at once, each for other streams. A stream that is not decoded for a while
    (`IDLE_SECONDS`) counts as ended.
    """

    def __init__(self, affinity: list[int], config: DecoderPool, device: str, sessions: int = 1) -> None:
        """Start without streams.

        Args:
            affinity: CPUs it may run on; empty for any.
            config: the pool it belongs to.
            device: `cpu`, or `cuda:<index>` to decode by NVDEC.
            sessions: streams that it decodes side by side.
        """
        super().__init__(affinity)
        self._config = config
        self._device = device
        self._reason = ""  # why it is not the one it was given
        self._streams: OpenStreams[_Open] = OpenStreams()
        self._ended: list[VideoDecoder] = []
        # Ray's threads, which call, were not all there when the CPUs were chosen.
        here = os.sched_getaffinity(0)
        self._sessions = ThreadPoolExecutor(sessions, "decode", os.sched_setaffinity, (0, here))

    @call
    def probe(self, path: str, unsafe: bool) -> VideoInfo:
        """Look at a video, `unsafe` as in `open_input`; raises MediaError if it cannot be enhanced.

        It is done here, as what kills a process that reads it does no harm to others here.
        """
        info = probe(path, unsafe)
        require_supported(info)
        return info

    @call
    def first_packets(self, stream: Stream, count: int) -> PacketBlock:
        """The first packets of a stream; raises MediaError if it cannot be read."""
        return PacketBlock.of(list(islice(read_packets(stream.info, loop=True), count)))

    @call
    def measure(self, stream: Stream, packets: PacketBlock) -> DecoderSpeed:
        """Try the device on the first packets of a stream, decode them again, and tell how fast."""
        tried, reason = self._decoder(stream, (), packets)
        decoder = self._open(tried.device, stream, ())
        first, *others = packets
        decoder.decode((first,), ())
        start = time.perf_counter()
        decoder.decode(others, ())
        return DecoderSpeed(tried.device, len(others) / (time.perf_counter() - start), reason)

    @call
    def prepare(self, stream: Stream, packets: PacketBlock) -> None:
        """Open a stream's decoder, which takes NVDEC a while, and try it on the first packets; they will come again."""
        self._close(self._streams.forget())
        decoder, _ = self._decoder(stream, (), packets)
        self._streams.put(stream.name, _Open(decoder, -1))

    @call
    def decode(
        self, jobs: Sequence[DecodeJob], parts: int
    ) -> tuple[list[list[Frame]] | list[DecodeReply], ...] | list[DecodeReply]:
        """Decode an epoch of each of several streams.

        A job without history goes on where the stream's last one ended, and is lost if the decoder is not there. With
        history, it begins with a decoder of its own.

        Args:
            jobs: each of another stream.
            parts: in how many parts frames are handed out.

        Returns:
            The parts, then the replies in order of `jobs` (alone if there are no parts). A part is a list of lists of
            frames: those of all groups that name it, in order of jobs and groups, in BT.709, limited range. Frames
            that are not sound are left out; what could not be decoded leaves its lists empty.
        """
        self._close(self._streams.forget())
        work = [self._sessions.submit(self._job, job) for job in jobs]
        wait(work)  # also if one fails: none may go on behind the answer
        done = [one.result() for one in work]
        handed_out: list[list[list[Frame]]] = [[] for _ in range(parts)]
        for job, (groups, _) in zip(jobs, done, strict=True):
            for (part, _), frames in zip(job.wanted, groups, strict=True):
                handed_out[part].append(frames)
        replies = [reply for _, reply in done]
        self._count(replies)
        return (*handed_out, replies) if parts else replies

    def _count(self, replies: Sequence[DecodeReply]) -> None:
        spans = (span for reply in replies for span in reply.spans)
        self.sums.add(
            {
                ("decoded_frames_total", ""): sum(reply.shown + reply.hidden for reply in replies),
                ("busy_seconds_total", ""): sum(span.seconds for span in spans),
            }
        )

    @call
    def forget(self, names: Sequence[str]) -> None:
        """Close the decoders of streams that have ended.

        Closing an NVDEC session takes long enough for the actor's other streams to be late, so it waits until they
        have ended too, or until too many wait.
        """
        self._close(self._streams.forget(names))

    def _close(self, states: Iterable[_Open]) -> None:
        self._ended += (state.decoder for state in states)
        del self._ended[: -_KEPT if len(self._streams) else None]

    def _job(self, job: DecodeJob) -> tuple[Groups, DecodeReply]:
        cpu = time.thread_time()
        try:
            groups, reply = self._decoded(job)
        except _LostError:
            groups, reply = [[] for _ in job.wanted], DecodeReply(lost=True)
        except NsRayError as error:
            groups, reply = [[] for _ in job.wanted], DecodeReply(error=f"stream {job.stream.name}: {error}")
        return groups, replace(reply, cpu_seconds=time.thread_time() - cpu)

    def _decoded(self, job: DecodeJob) -> tuple[Groups, DecodeReply]:
        begin = time.time()
        decoder = self._there(job)
        copied = decoder.copy_seconds
        wanted = {name for _, group in job.wanted for name in group}
        decoded = decoder.decode(job.packets, wanted, job.ahead or (), ended=job.ended)
        if decoded.damaged and decoder.device != "cpu":  # is the stream to blame, or NVDEC? The CPU can tell.
            self._log(f"stream {job.stream.name}: {decoded.damaged[0][1]}")
            self._close([_Open(decoder, job.epoch)])
            decoder, copied = self._open("cpu", job.stream, _history(job)), 0.0
            decoded = decoder.decode(job.packets, wanted, job.ahead or (), ended=job.ended)
        self._streams.put(job.stream.name, _Open(decoder, job.epoch))
        copying = time.time()
        frames = {(f.record.video_index, f.record.super_index): _frame(f) for f in decoded.frames if f.sound}
        end = time.time()
        copying -= decoder.copy_seconds - copied
        spans = (Span("decode", begin, copying), *((Span("take", copying, end),) if frames else ()))
        groups = [[frames[name] for name in group if name in frames] for _, group in job.wanted]
        return groups, DecodeReply(
            decoded.shown, decoded.hidden, len(frames), tuple(decoded.damaged), decoder.waiting, spans
        )

    def _there(self, job: DecodeJob) -> VideoDecoder:
        """A decoder that is where the job begins."""
        state = self._streams.take(job.stream.name)
        afresh = job.epoch == 0 and not job.history
        if state is not None and state.epoch == job.epoch - 1 and (job.history is None or afresh):
            return state.decoder
        self._close([state] if state is not None else [])
        decoder, _ = self._decoder(job.stream, _history(job))
        return decoder

    def _decoder(
        self, stream: Stream, history: Sequence[PacketBlock], trial: Iterable[Packet] = ()
    ) -> tuple[VideoDecoder, str]:
        """A decoder that has seen the history, and why it is on the CPU if it should not be.

        It is if the device cannot decode the trial, a stream's first packets. If the device cannot be opened at all,
        so are all from now on.
        """
        device, reason = self._device, self._reason
        if device == "cpu":
            return self._open("cpu", stream, history), reason
        try:
            decoder = self._open(device, stream, history)
        except MediaError as error:
            decoder = self._open("cpu", stream, history)  # raises where the stream is to blame
            self._reason, self._device = str(error), "cpu"
            self._log(self._reason)
            return decoder, self._reason
        trial = list(trial)
        # What comes before a key frame must not be decoded from what comes after it, when it comes again.
        if trial and trial[0].key and (damaged := decoder.decode(trial, ()).damaged):
            reason = damaged[0][1]
            self._log(f"stream {stream.name}: {reason}")
            return self._open("cpu", stream, history), reason
        return decoder, ""

    def _open(self, device: str, stream: Stream, history: Sequence[PacketBlock]) -> VideoDecoder:
        decoder = VideoDecoder(stream.info, device=device, threads=self._config.threads)
        for packets in history:
            decoder.decode(packets, ())
        return decoder

    def _log(self, reason: str) -> None:
        logging.getLogger(__name__).warning("decoding on the CPU, not by NVDEC: %s", reason)


def _history(job: DecodeJob) -> Sequence[PacketBlock]:
    if job.history is None:
        raise _LostError
    return job.history


def _frame(decoded: DecodedFrame) -> Frame:
    """A frame as enhancers take it, in one buffer of its own."""
    return Frame(decoded.record, decoded.pts, convert(decoded.picture, decoded.colors, STANDARD).packed())
