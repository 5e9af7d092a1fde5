"""Quality over the share of anchors."""

import json
import sys

import pytest
import streams

from ns_ray.jobs import curves

SAMPLE, ORIGINAL = "dataset/sample/360p_700kbps_d4_test.webm", "dataset/sample/1080p_d4_test.webm"


EXACT = {"deadline": "realtime", "cpu-used": "8", "lossless": "1"}


def test_every_point_is_measured_on_every_frame(tmp_path, capsys):
    lr = streams.encode(tmp_path / "lr.webm", size=(160, 90), frames=6)
    hr = streams.encode(tmp_path / "hr.webm", size=(480, 270), frames=6, options=EXACT)
    argv = [str(lr), str(hr), "-m", "EDSR_B8_F16_S3", "--frames", "5", "--fractions", "0.2", "--threads", "2"]
    selections = [*curves.SELECTIONS, curves.ORACLE]
    argv += ["--selections", *selections, "--no-vmaf"]
    assert curves.main([*argv, "--device", "cpu", "--result-dir", str(tmp_path)]) == 0
    folder = tmp_path / "evaluation/curves/lr/EDSR_B8_F16_S3/latest"
    result = json.loads((folder / "curves.json").read_text())
    for picture in ("curves.png", "curves_all_planes.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    points = {(point["selection"], point["mode"]): point for point in result["points"]}
    assert set(points) == {(how, mode) for how in selections for mode in curves.MODES}
    for point in points.values():
        assert point["anchors"] == 1
        assert len(point["frames"]) == 5
        for figure in ("psnr_y", "psnr"):
            assert result["bilinear"][figure] < point[figure] < result["full"][figure]
            gain = point[figure] - result["bilinear"][figure]
            assert point["gain_over_bilinear"][figure] == pytest.approx(gain, abs=2e-4)
        assert len(point["frames_all_planes"]) == 5
        assert abs(point["frames"][0] - result["full"]["frames"][0]) < 0.25  # an anchor, through JPEG
    assert points["neuroscaler", "best"]["psnr_y"] != points["neuroscaler", "plain"]["psnr_y"]
    assert "neuroscaler, best, 20.0%" in capsys.readouterr().out


def test_rates_and_looks_stand_beside_psnr(tmp_path, monkeypatch, capsys):
    lr, hr = tmp_path / "lr.webm", tmp_path / "hr.webm"
    streams.encode(lr, size=(80, 60), frames=8)
    streams.encode(hr, size=(240, 180), frames=8, options=EXACT)
    argv = [str(lr), str(hr), "-m", "EDSR_B8_F16_S3", "--fractions", "0.2", "--modes", "best", "--device", "cpu"]
    argv += ["--selections", "neuroscaler", "uniform", "--output", str(tmp_path / "out")]
    assert curves.main(argv) == 0
    result = json.loads((tmp_path / "out/latest/curves.json").read_text())
    looks = ("ssim_y", "vmaf_v1", "vmaf_neg", "flicker")
    first, other = result["points"]
    for one in (result["bilinear"], result["full"], first):
        assert all(isinstance(one[figure], float) for figure in looks)
    assert not set(looks) & set(other), "only the first selection is looked at"
    assert (
        first["video_mbps"]
        == result["bilinear"]["video_mbps"]
        == pytest.approx(first["size"]["video"] * 1.048576, 1e-3)
    )
    assert first["anchors_mbps"] > result["bilinear"]["anchors_mbps"] == 0
    assert 0 < first["dnn_seconds_an_hour"] < result["full"]["dnn_seconds_an_hour"]
    for figure in looks:
        assert (tmp_path / f"out/latest/curves_{figure}.png").read_bytes().startswith(b"\x89PNG")
    assert max(map(len, capsys.readouterr().out.split("written")[0].splitlines()[:-1])) <= 80
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert curves.main([*argv[:-1], str(tmp_path / "bare"), "--frames", "2"]) == 0
    bare = json.loads((tmp_path / "bare/latest/curves.json").read_text())
    assert "ssim_y" in bare["full"]
    assert "vmaf_v1" not in bare["full"]
    assert "imageio-ffmpeg: VMAF is left out" in capsys.readouterr().out


@pytest.mark.parametrize("fractions", [["0"], ["0.3"], ["0.05", "1"]])
def test_shares_that_cannot_be_ranked_are_wrong_usage(fractions, capsys):
    with pytest.raises(SystemExit) as status:
        curves.main([SAMPLE, ORIGINAL, "--fractions", *fractions])
    assert status.value.code == 2
    assert "0.2" in capsys.readouterr().err


def test_a_missing_video_is_named(capsys):
    assert curves.main(["none.webm", ORIGINAL]) == 1
    assert "none.webm" in capsys.readouterr().err
