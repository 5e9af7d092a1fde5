"""Decoders of two kinds. Without a GPU those meant for NVDEC fall back to the CPU, and nothing else changes."""

import pytest
import torch
from bench import CONFIG, Bench, start

from actors.decoder import DecoderActor
from actors.messages import Stream
from ns_ray.config import DecoderPool
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="NVDEC may be there")


@pytest.mark.parametrize("speeds", [None, {"cpu": 100, "nvdec": 300}])
def test_without_nvdec_the_output_is_the_same(local_ray, runner, weights, videos, expected, tmp_path, speeds):
    pool = DecoderPool.model_validate({"actors": 1, "nvdec": 1, "nvdec_sessions": 2, "speeds": speeds})
    pipeline = start(CONFIG.model_copy(update={"decoder": pool}), runner)
    other = Bench(pipeline, runner, weights)
    runs = other.run([other.stream(name, path) for name, path in videos.items()], tmp_path)
    pipeline.stop()
    assert {run.stream.name: run.path.read_bytes() for run in runs} == expected
    assert list(pipeline.decoders) == ["cpu"]
    used = pipeline.decoders["cpu"]
    assert (used.actors, used.streams) == (2, 3)
    assert "no VP9 decoder on device cuda:0" in used.reason
    assert used.frames_per_second == 100 if speeds else used.frames_per_second > 100


def test_a_decoder_that_cannot_open_nvdec_says_why(plain_video, caplog):
    stream = Stream("s", probe(str(plain_video)), "EDSR_B1_F8_S3")
    packets = list(read_packets(stream.info))
    decoder = DecoderActor([], DecoderPool(), "cuda:0")
    decoder.prepare(stream, packets[:1])
    assert "decoding on the CPU, not on cuda:0" in caplog.text
    frames, empty, reply = decoder.decode(stream, 0, packets[:40], (), [[(33, 0), (5, 0)], []])
    expected = {f.record.name: f for f in VideoDecoder(stream.info).decode(packets).frames}
    assert [f.record.name for f in frames] == ["33.0", "5.0"]
    assert all((f.picture.y == expected[f.record.name].picture.y).all() for f in frames)
    assert empty == []
    assert (reply.shown, reply.handed_out, reply.broken) == (40, 2, False)
    assert [span.stage for span in reply.spans] == ["decode", "take"]


class Failing(VideoDecoder):
    """NVDEC that opens, but decodes nothing."""

    def __init__(self, info, *, device="cpu", threads=1):
        super().__init__(info, threads=threads)
        self.device = device

    def decode(self, packets, wanted=None):
        decoded = super().decode(packets, wanted)
        if self.device != "cpu":
            decoded.damaged += [(packet.video_index, "it is refused") for packet in packets]
        return decoded


def test_a_stream_that_nvdec_cannot_decode_goes_to_the_cpu(plain_video, monkeypatch, caplog):
    monkeypatch.setattr("actors.decoder.VideoDecoder", Failing)
    stream = Stream("s", probe(str(plain_video)), "EDSR_B1_F8_S3")
    packets = list(read_packets(stream.info))
    decoder = DecoderActor([], DecoderPool(), "cuda:0")
    frames, reply = decoder.decode(stream, 0, packets[:20], (), [[(7, 0)]])
    assert "it is refused" in caplog.text
    assert [f.record.name for f in frames] == ["7.0"]
    assert not reply.damaged
    assert reply.shown == 20
    frames, reply = decoder.decode(stream, 1, packets[20:40], (), [[(21, 0)]])
    assert [f.record.name for f in frames] == ["21.0"]
