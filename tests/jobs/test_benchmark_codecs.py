"""Decoders of streams and encoders of anchors, on a tiny video."""

import json

import pytest

from ns_ray.jobs import benchmark_decode, benchmark_encode


def test_streams_are_added_until_the_decoder_falls_behind(plain_video, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark_decode, "_rate", lambda info, packets, streams, device, threads: 200 / streams)
    options = ["--input", str(plain_video), "-i", "box", "--result-dir", str(tmp_path)]
    assert benchmark_decode.main(options) == 0
    path = tmp_path / "evaluation" / "box" / "64p" / "decode_result.json"
    result = json.loads(path.read_text())
    assert (result["num_streams"], list(result["frames_a_second"])) == (3, ["1", "2", "3", "4"])
    assert "3 streams a decoder" in capsys.readouterr().out
    assert benchmark_decode.main([*options, "--most", "2"]) == 0
    assert json.loads(path.read_text())["num_streams"] == 2


def test_every_stream_is_decoded_to_its_end(plain_video, tmp_path, monkeypatch):
    decoded = []

    class Counting(benchmark_decode.VideoDecoder):
        def decode(self, packets, wanted=None):
            done = super().decode(packets, wanted)
            decoded.append((id(self), done.shown, len(done.frames)))
            return done

    monkeypatch.setattr(benchmark_decode, "VideoDecoder", Counting)
    options = ["--input", str(plain_video), "-n", "50", "--most", "2", "--result-dir", str(tmp_path)]
    assert benchmark_decode.main(options) == 0
    assert [shown for _, shown, _ in decoded][:2] == [40, 10]
    assert not any(frames for _, _, frames in decoded)


def test_anchors_are_compressed_by_all_workers(plain_video, tmp_path):
    options = ["--input", str(plain_video), "-i", "box", "--rounds", "2", "--round-frames", "3"]
    assert benchmark_encode.main([*options, "--result-dir", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "evaluation" / "box" / "64p" / "engorgio_encode_result.json").read_text())
    assert (result["num_frames"], result["workers"], result["quality"]) == (6, 2, 90)
    assert result["throughput"] == pytest.approx(6 / result["latency"])
    assert result["bytes_an_anchor"] > 100


@pytest.mark.parametrize("job", [benchmark_decode, benchmark_encode])
def test_a_video_that_is_not_there_is_named(job, tmp_path, capsys):
    assert job.main(["--input", str(tmp_path / "no.webm"), "--result-dir", str(tmp_path)]) == 1
    assert "no.webm" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("job", "wrong"),
    [(benchmark_decode, ["-n", "0"]), (benchmark_encode, ["--workers", "0"]), (benchmark_encode, ["--quality", "101"])],
)
def test_wrong_usage(job, wrong):
    with pytest.raises(SystemExit) as stop:
        job.main(wrong)
    assert stop.value.code == 2
