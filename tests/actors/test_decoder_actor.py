"""The decoder actor, as the plain class it is."""

import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import streams
import torch
from sources import write_source

from ns_ray.actors import open_streams
from ns_ray.actors.decoder import _KEPT, DecoderActor
from ns_ray.actors.messages import DecodeJob, Stream
from ns_ray.config.actors import DecoderPool
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.colors import STANDARD
from ns_ray.picture.convert import convert
from ns_ray.picture.yuv import Yuv420
from ns_ray.video.block import PacketBlock
from ns_ray.video.decode import DecodedFrame, FrameName, VideoDecoder
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import probe

MODEL = "EDSR_B1_F4_S3"
EPOCHS = (0, 20, 40, 60)  # bounds of epochs; there are key frames at 0 and 30


class Source:
    """A stream's epochs as jobs."""

    def __init__(self, name: str, path: Path) -> None:
        self.stream = Stream(name, probe(str(path)), MODEL)
        self.packets = list(read_packets(self.stream.info))

    def block(self, epoch: int) -> PacketBlock:
        return PacketBlock.of(self.packets[EPOCHS[epoch] : EPOCHS[epoch + 1]])

    def job(
        self,
        epoch: int,
        history: Sequence[int] | None = None,
        wanted: Sequence[tuple[int, Sequence[FrameName]]] = (),
    ) -> DecodeJob:
        blocks = None if history is None else [self.block(one) for one in history]
        return DecodeJob(self.stream, epoch, self.block(epoch), blocks, wanted)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[Source]:
    folder = tmp_path_factory.mktemp("decoded")
    return [
        Source(f"s{i}", streams.encode(folder / f"{i}.mkv", size=size, first=20 * i))
        for i, size in enumerate(((96, 64), (131, 97), (64, 64)))
    ]


def actor(device: str = "cpu", sessions: int = 1) -> DecoderActor:
    return DecoderActor([], DecoderPool(), device, sessions)


def whole(source: Source) -> dict[str, DecodedFrame]:
    """All frames, decoded in one go."""
    return {f.record.name: f for f in VideoDecoder(source.stream.info).decode(source.packets).frames}


def same(one: Yuv420, other: Yuv420) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.planes, other.planes, strict=True))


@pytest.mark.parametrize("sessions", [1, 3])
def test_a_bundle_gives_what_its_streams_give(sources, sessions):
    decoder = actor(sessions=sessions)
    expected = [whole(source) for source in sources]
    for epoch, (begin, end) in enumerate(pairwise(EPOCHS)):
        a, b, c = [(begin + 1, 0), (begin, 0)], [(end - 1, 0)], [(begin + 7, 0)]
        wanted = [[(1, a), (0, b)], [], [(0, c), (0, a), (1, [])]]
        jobs = [s.job(epoch, None if epoch else (), one) for s, one in zip(sources, wanted, strict=True)]
        first, second, replies = decoder.decode(jobs, 2)
        places = [(0, b, first[0]), (2, c, first[1]), (2, a, first[2]), (0, a, second[0]), (2, [], second[1])]
        assert (len(first), len(second)) == (3, 2)
        for stream, names, frames in places:
            assert [f.record.name for f in frames] == [f"{v}.{s}" for v, s in names]
            assert all(same(f.picture, expected[stream][f.record.name].picture) for f in frames)
        assert [reply.shown for reply in replies] == [20] * 3
        assert [reply.handed_out for reply in replies] == [3, 0, 3]
        assert not any(reply.lost or reply.error or reply.damaged for reply in replies)
        assert all(reply.cpu_seconds > 0 for reply in replies)
        assert [[span.stage for span in reply.spans] for reply in replies] == [
            ["decode", "take"],
            ["decode"],
            ["decode", "take"],
        ]


def test_without_parts_the_answer_is_the_replies(sources):
    replies = actor().decode([source.job(0, ()) for source in sources], 0)
    assert [reply.shown for reply in replies] == [20] * 3
    assert actor().decode([], 2) == ([], [], [])


def test_streams_are_decoded_side_by_side(sources, monkeypatch):
    together = threading.Barrier(len(sources), timeout=60)

    class Waiting(VideoDecoder):
        def decode(self, packets, wanted=None, ahead=(), *, ended=False):
            together.wait()
            return super().decode(packets, wanted, ahead, ended=ended)

    monkeypatch.setattr("ns_ray.actors.decoder.VideoDecoder", Waiting)
    replies = actor(sessions=3).decode([source.job(0, ()) for source in sources], 0)
    assert [reply.shown for reply in replies] == [20] * 3


def test_a_decoder_that_does_not_know_a_stream_asks_for_its_history(sources):
    source, other, _ = sources
    decoder, expected = actor(), whole(source)
    decoder.decode([other.job(0, ())], 0)
    wanted = [(0, [(45, 0)])]
    part, (reply, fine) = decoder.decode([source.job(2, None, wanted), other.job(1)], 1)
    assert part == [[]]
    assert (reply.lost, reply.shown, reply.error) == (True, 0, "")
    assert (fine.lost, fine.shown) == (False, 20)
    for _ in range(2):  # a call that is made again gives the same
        part, (reply,) = decoder.decode([source.job(2, [1], wanted)], 1)
        assert (reply.lost, reply.shown, reply.damaged) == (False, 20, ())
        assert same(part[0][0].picture, expected["45.0"].picture)
    assert decoder.decode([source.job(2)], 0)[0].lost  # it is beyond that epoch now


def test_a_stream_that_begins_again_is_decoded_afresh(sources):
    source = sources[0]
    decoder, expected = actor(), whole(source)
    for _ in range(2):
        part, (reply,) = decoder.decode([source.job(0, (), [(0, [(5, 0)])])], 1)
        assert reply.shown == 20
        assert same(part[0][0].picture, expected["5.0"].picture)
    assert not decoder.decode([source.job(1)], 0)[0].lost


def test_a_decoder_is_prepared_for_the_first_epoch_alone(sources):
    source = sources[0]
    decoder = actor()
    decoder.prepare(source.stream, source.block(0))
    prepared = weakref.ref(decoder._streams._held["s0"][1].decoder)
    assert decoder.decode([source.job(0, ())], 0)[0].shown == 20
    assert decoder._streams._held["s0"][1].decoder is prepared()
    assert decoder.decode([source.job(0, ())], 0)[0].shown == 20
    assert prepared() is None or decoder._streams._held["s0"][1].decoder is not prepared()


def test_a_refused_stream_leaves_others_alone(sources):
    good, bad = sources[0], sources[1]
    refused = replace(bad.stream, name="bad", info=replace(bad.stream.info, codec="mpeg4"))
    decoder = actor(sessions=2)
    jobs = [replace(bad.job(0, (), [(0, [(1, 0)])]), stream=refused), good.job(0, (), [(0, [(1, 0)])])]
    (nothing, frames), (reply, fine) = decoder.decode(jobs, 1)
    assert nothing == []
    assert [f.record.name for f in frames] == ["1.0"]
    assert reply.error.startswith("stream bad: ")
    assert "mpeg4" in reply.error
    assert (reply.shown, reply.lost, fine.error, fine.shown) == (0, False, "", 20)
    assert [r.lost for r in decoder.decode([replace(bad.job(1), stream=refused), good.job(1)], 0)] == [True, False]


def test_what_breaks_off_leaves_no_half_decoded_stream(sources, monkeypatch):
    source, other = sources[0], sources[1]
    decoder = actor(sessions=2)
    decoder.decode([source.job(0, ()), other.job(0, ())], 0)
    monkeypatch.setattr("ns_ray.actors.decoder.convert", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        decoder.decode([source.job(1, None, [(0, [(30, 0)])]), other.job(1)], 1)
    monkeypatch.undo()
    assert [reply.lost for reply in decoder.decode([source.job(1), other.job(2)], 0)] == [True, False]


def opened(decoder: DecoderActor, source: Source, count: int) -> list[weakref.ref[VideoDecoder]]:
    """Has `count` streams decode an epoch; what each is decoded by."""
    named = [replace(source.stream, name=f"stream{index}") for index in range(count)]
    decoder.decode([replace(source.job(0, ()), stream=stream) for stream in named], 0)
    return [weakref.ref(decoder._streams._held[stream.name][1].decoder) for stream in named]


def test_decoders_are_closed_once_no_other_stream_waits(sources):
    decoder = actor()
    first, second = opened(decoder, sources[0], 2)
    decoder.forget(["stream0"])
    assert first() is not None
    decoder.forget(["stream1", "unknown"])
    assert first() is None
    assert second() is None


def test_no_more_than_a_few_ended_decoders_are_kept(sources):
    decoder = actor()
    decoders = opened(decoder, sources[0], _KEPT + 3)
    decoder.forget([f"stream{index}" for index in range(2)])
    for index in range(2, _KEPT + 2):
        decoder.forget([f"stream{index}"])
    kept = [one() is not None for one in decoders]
    assert kept[:2].count(True) == 0
    assert kept[2:] == [True] * (_KEPT + 1)


def test_streams_that_are_never_forgotten_are_closed_in_time(sources, monkeypatch):
    now = 0.0
    monkeypatch.setattr(open_streams, "monotonic", lambda: now)
    decoder, going_on = actor(), sources[1]
    decoders = opened(decoder, sources[0], _KEPT + 4)
    decoder.decode([going_on.job(0, ())], 0)
    now = open_streams.IDLE_SECONDS - 1
    assert not decoder.decode([going_on.job(1)], 0)[0].lost
    assert all(one() is not None for one in decoders)
    now = open_streams.IDLE_SECONDS + 1
    assert not decoder.decode([going_on.job(2)], 0)[0].lost
    assert len(decoder._streams) == 1
    assert sum(one() is not None for one in decoders) == _KEPT


def test_frames_that_are_not_sound_are_not_handed_out(sources):
    source = sources[0]
    damaged = Source("s", Path(source.stream.info.path))
    damaged.packets[10] = replace(damaged.packets[10], data=bytes(40))
    wanted = [(0, [(i, 0) for i in (0, 9, 10, 11, 19, 29, 30, 31)])]
    decoder = actor()
    (frames, others), (reply, fine) = decoder.decode([damaged.job(0, (), wanted), source.job(0, (), wanted)], 1)
    assert [frame.record.name for frame in frames] == ["0.0", "9.0"]
    assert [frame.record.name for frame in others] == ["0.0", "9.0", "10.0", "11.0", "19.0"]
    assert (reply.shown, reply.handed_out, reply.broken) == (19, 2, True)
    assert [index for index, _ in reply.damaged] == [10]
    assert (fine.shown, fine.broken, fine.damaged) == (20, False, ())
    (frames,), (reply,) = decoder.decode([damaged.job(1, None, wanted)], 1)
    assert [frame.record.name for frame in frames] == ["30.0", "31.0"]
    assert (reply.shown, reply.broken) == (20, False)


@pytest.mark.parametrize("tags", [(2, 1, 2, 2), (1, 6, 2, 2), (1, 1, 1, 1), (1, 2, 2, 2)])
def test_frames_are_handed_out_in_bt709_limited(tmp_path, tags):
    path = write_source(
        tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=2, planes=(150, 90, 170), tags=tags
    )
    source = Source("s", path)
    ((frame,),), _ = actor().decode([source.job(0, (), [(0, [(0, 0)])])], 1)
    plain = whole(source)["0.0"]
    standard = plain.colors.assumed.range == 1 and plain.colors.matrix == 1
    assert np.array_equal(frame.picture.y, plain.picture.y) == standard
    back = convert(frame.picture, STANDARD, plain.colors)
    assert min(map(psnr, back.planes, plain.picture.planes)) > 47  # half a step everywhere


class FakeNvdec(VideoDecoder):
    """NVDEC, of which some streams are refused."""

    def __init__(self, info, *, device="cpu", threads=1):
        super().__init__(info, threads=threads)
        self.device = device

    def decode(self, packets, wanted=None, ahead=(), *, ended=False):
        packets: list[Packet] = list(packets)
        decoded = super().decode(packets, wanted, ahead, ended=ended)
        if self.device != "cpu" and self.info.width == 96:
            decoded.damaged += [(packet.video_index, "it is refused") for packet in packets]
        return decoded


def test_what_nvdec_cannot_decode_goes_to_the_cpu_alone(sources, monkeypatch, caplog):
    monkeypatch.setattr("ns_ray.actors.decoder.VideoDecoder", FakeNvdec)
    decoder = actor("cuda:0", sessions=2)
    bad, good = sources[:2]
    assert decoder.measure(bad.stream, bad.block(0)).device == "cpu"
    assert decoder.measure(good.stream, good.block(0)).device == "cuda:0"
    decoder.prepare(bad.stream, bad.block(0))
    decoder.prepare(good.stream, good.block(0))
    wanted = [(0, [(7, 0)])]
    ((frame,), (other,)), replies = decoder.decode([bad.job(0, (), wanted), good.job(0, (), wanted)], 1)
    assert "it is refused" in caplog.text
    assert (frame.record.name, other.record.name) == ("7.0", "7.0")
    assert [(r.shown, r.damaged) for r in replies] == [(20, ())] * 2
    devices = [decoder._streams._held[name][1].decoder.device for name in ("s0", "s1")]
    assert devices == ["cpu", "cuda:0"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="NVDEC may be there")
def test_where_nvdec_cannot_be_opened_the_cpu_decodes(sources, caplog):
    decoder, source = actor("cuda:0"), sources[0]
    refused = replace(source.stream, info=replace(source.stream.info, codec="mpeg4"))
    assert decoder.decode([replace(source.job(0, ()), stream=refused)], 0)[0].error
    assert not caplog.text  # the stream is to blame
    speed = decoder.measure(source.stream, source.block(0))
    assert "decoding on the CPU, not by NVDEC" in caplog.text
    assert speed.device == "cpu"
    assert "no VP9 decoder on device cuda:0" in speed.reason
    (frames,), (reply,) = decoder.decode([source.job(0, (), [(0, [(13, 0), (5, 0)])])], 1)
    assert [f.record.name for f in frames] == ["13.0", "5.0"]
    assert (reply.shown, reply.handed_out) == (20, 2)


def test_a_stream_that_nvdec_stops_decoding_is_lost_and_goes_on_on_the_cpu(sources, monkeypatch):
    source, decoder = sources[0], actor("cuda:0")
    monkeypatch.setattr(FakeNvdec, "decode", VideoDecoder.decode)
    monkeypatch.setattr("ns_ray.actors.decoder.VideoDecoder", FakeNvdec)
    decoder.decode([source.job(0, ())], 0)
    monkeypatch.undo()
    monkeypatch.setattr("ns_ray.actors.decoder.VideoDecoder", FakeNvdec)
    assert decoder.decode([source.job(1)], 0)[0].lost
    (frames,), (reply,) = decoder.decode([source.job(1, [0], [(0, [(25, 0)])])], 1)
    assert same(frames[0].picture, whole(source)["25.0"].picture)
    assert (reply.lost, reply.damaged) == (False, ())
    assert not decoder.decode([source.job(2)], 0)[0].lost
