"""Quality over all that is sent: every way on the same frames, by the same measures."""

import json

import pytest
import streams

from ns_ray.jobs import rate_distortion

FIGURES = ("psnr_y", "psnr", "ssim_y", "vmaf_v1", "vmaf_neg", "flicker")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("rates")
    streams.encode(made / "lr.webm", size=(80, 60), frames=8)
    exact = {"deadline": "realtime", "cpu-used": "8", "lossless": "1"}
    streams.encode(made / "hr.webm", size=(240, 180), frames=8, options=exact)
    return made


def run(folder, out, *options):
    argv = [str(folder / "lr.webm"), str(folder / "hr.webm"), "-m", "EDSR_B8_F16_S3", "--output", str(out)]
    return rate_distortion.main([*argv, "--device", "cpu", "-f", "0.2", *options])


def test_every_way_is_measured(folder, tmp_path, capsys):
    assert run(folder, tmp_path / "out", "--anchors", "jpeg:90", "jpeg:30", "--kbps", "200", "2000") == 0
    result = json.loads((tmp_path / "out/latest/rate_distortion.json").read_text())
    rows = {(row["way"], row["setting"]): row for row in result["rows"]}
    ways = {way: [row for (name, _), row in rows.items() if name == way] for way, _ in rows}
    assert {way: len(found) for way, found in ways.items()} == {
        "LR, bilinear": 1,
        "LR, bicubic": 1,
        "SR of all frames": 1,
        "hybrid: jpeg": 2,
        "per-frame SR, libvpx-vp9": 2,
        "per-frame SR, AV1": 2,
        "source, AV1": 2,
    }
    for row in rows.values():
        assert all(isinstance(row[figure], float) for figure in FIGURES)
    high, low = rows["hybrid: jpeg", "jpeg:90"], rows["hybrid: jpeg", "jpeg:30"]
    assert high["video_mbps"] == low["video_mbps"] == rows["LR, bilinear", ""]["mbps"]
    assert high["anchors_mbps"] > low["anchors_mbps"] > 0
    slow, fast = (rows["source, AV1", f"{kbps} kbit/s"] for kbps in (200, 2000))
    assert slow["mbps"] < fast["mbps"]
    assert slow["psnr_y"] < fast["psnr_y"]
    full = rows["SR of all frames", ""]
    assert full["mbps"] is None
    assert full["dnn_seconds_an_hour"] > 3 * high["dnn_seconds_an_hour"] > 0
    for figure in FIGURES:
        assert (tmp_path / f"out/latest/{figure}.png").read_bytes().startswith(b"\x89PNG")
    assert "above 0: the hybrid stream is better" in capsys.readouterr().out


def test_without_vmaf_psnr_alone_is_measured(folder, tmp_path):
    assert run(folder, tmp_path, "--anchors", "jpeg:90", "--kbps", "500", "--frames", "2", "--no-vmaf") == 0
    row = json.loads((tmp_path / "latest" / "rate_distortion.json").read_text())["rows"][0]
    assert "psnr_y" in row
    assert "vmaf_v1" not in row
    assert not (tmp_path / "vmaf_v1.png").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--anchors", "gif:90"], "gif:90: write it as jpeg:90"),
        (["--anchors", "jpeg"], "jpeg: write it as jpeg:90"),
        (["--kbps", "0"], "--kbps: 0: it must be 1 or more"),
        (["-f", "0.5"], "0.5: it lies above 0, up to 0.2"),
        (["--threads", "0"], "--threads: 0: it must be 1 or more"),
    ],
)
def test_wrong_usage_is_told(options, said, capsys):
    with pytest.raises(SystemExit) as status:
        rate_distortion.main(["lr.webm", "hr.webm", *options])
    assert status.value.code == 2
    assert said in capsys.readouterr().err
