"""Encoders at the published settings, on a tiny video."""

import json

import pytest

from ns_ray.errors import MediaError
from ns_ray.jobs import benchmark_encoder
from ns_ray.video.live_encoders import encode_speed, hardware_encoder, software_encoder


def test_the_published_settings():
    assert {threads: software_encoder(threads).options["tile-columns"] for threads in (2, 4, 8, 16, 32)} == {
        2: "0",
        4: "1",
        8: "2",
        16: "3",
        32: "3",
    }
    assert software_encoder(8).threads == 8
    both = (software_encoder(4).options, hardware_encoder().options)
    assert all({o["b"], o["maxrate"], o["bufsize"]} == {"35M"} and o["g"] == "999999" for o in both)


def test_figures_by_threads_are_written(plain_video, tmp_path, capsys):
    options = ["--input", str(plain_video), "-i", "box", "-n", "5", "--threads", "4", "8"]
    assert benchmark_encoder.main([*options, "--result-dir", str(tmp_path)]) == 0
    folder = tmp_path / "evaluation" / "box" / "64p"
    software = json.loads((folder / "software_encode_result.json").read_text())
    assert [software[key]["num_frames"] for key in ("4", "8")] == [5, 5]
    assert software["4"]["throughput"] == pytest.approx(5 / software["4"]["latency"])
    left_out = "the hardware encoder is left out" in capsys.readouterr().out
    assert left_out is not (folder / "hardware_encode_result.json").exists()


def test_no_more_than_so_many_seconds_are_encoded(plain_video):
    told = []
    speed = encode_speed(str(plain_video), software_encoder(1), None, 0.1, lambda: told.append(1))
    assert (speed.frames, len(told)) == (6, 6)
    assert speed.bytes > 0
    with pytest.raises(MediaError, match="no frame"):
        encode_speed(str(plain_video), software_encoder(1), None, 0.001)


@pytest.mark.parametrize("wrong", [["--threads", "0"], ["-n", "0"], ["--seconds", "0"]])
def test_wrong_usage(wrong):
    with pytest.raises(SystemExit) as stop:
        benchmark_encoder.main(wrong)
    assert stop.value.code == 2
