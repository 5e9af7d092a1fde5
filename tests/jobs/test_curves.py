"""Quality over the share of anchors."""

import json

import pytest

from jobs import curves
from ns_ray.anchors.policies import Fraction
from ns_ray.vp9.records import FrameRecord, FrameType

SAMPLE, ORIGINAL = "dataset/sample/360p_700kbps_d4_test.webm", "dataset/sample/1080p_d4_test.webm"


def test_every_point_is_measured_on_every_frame(tmp_path, capsys):
    argv = [SAMPLE, ORIGINAL, "-m", "EDSR_B8_F16_S3", "--frames", "5", "--fractions", "0.2", "--threads", "2"]
    argv += ["--selections", *curves.SELECTIONS]
    assert curves.main([*argv, "--device", "cpu", "--result-dir", str(tmp_path)]) == 0
    folder = tmp_path / "evaluation/curves/360p_700kbps_d4_test/EDSR_B8_F16_S3"
    result = json.loads((folder / "curves.json").read_text())
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    points = {(point["selection"], point["mode"]): point for point in result["points"]}
    assert set(points) == {(how, mode) for how in curves.SELECTIONS for mode in curves.MODES}
    for point in points.values():
        assert point["anchors"] == 1
        assert len(point["frames"]) == 5
        assert result["bilinear"]["psnr_y"] < point["psnr_y"] < result["full"]["psnr_y"]
        assert abs(point["frames"][0] - result["full"]["frames"][0]) < 0.15  # an anchor, through JPEG
    assert points["neuroscaler", "best"]["psnr_y"] != points["neuroscaler", "plain"]["psnr_y"]
    assert "neuroscaler, best, 20.0%" in capsys.readouterr().out


def test_anchors_are_chosen_epoch_by_epoch():
    kinds = {0: FrameType.KEY, 120: FrameType.KEY}
    records = [FrameRecord(i, 0, kinds.get(i, FrameType.NORMAL), 100 + i % 7) for i in range(240)]
    chosen = curves.choose(records, Fraction(0.075))
    assert {(0, 0), (120, 0)} <= chosen
    assert [sum(start <= i < start + 40 for i, _ in chosen) for start in range(0, 240, 40)] == [3] * 6


@pytest.mark.parametrize("fractions", [["0"], ["0.3"], ["0.05", "1"]])
def test_shares_that_cannot_be_ranked_are_wrong_usage(fractions, capsys):
    with pytest.raises(SystemExit) as status:
        curves.main([SAMPLE, ORIGINAL, "--fractions", *fractions])
    assert status.value.code == 2
    assert "0.2" in capsys.readouterr().err


def test_a_missing_video_is_named(capsys):
    assert curves.main(["none.webm", ORIGINAL]) == 1
    assert "none.webm" in capsys.readouterr().err
