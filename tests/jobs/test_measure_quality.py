"""Step 5 on tiny clips: files, keys, and figures that add up."""

import json
from pathlib import Path
from statistics import fmean

import pytest
import streams

from ns_ray.jobs import measure_quality
from ns_ray.sr.models import build
from ns_ray.sr.train import start_as_interpolation
from ns_ray.sr.weights import save_weights

FRAMES = 6
MODEL = ["--num_blocks", "1", "--num_channels", "4", "--device", "cpu"]
FILES = {target: f"{target.replace('-', '_')}_quality.json" for target in ("per-frame", "selective", "engorgio")}


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A data folder with the content made0 at 64x48 and 192x144, and a result folder with its weights."""
    root = tmp_path_factory.mktemp("step5")
    folder = root / "dataset/made0/video"
    folder.mkdir(parents=True)
    streams.encode(folder / "48p_50kbps_d1_test.webm", size=(64, 48), frames=FRAMES)
    streams.encode(folder / "144p_d1_test.webm", size=(192, 144), frames=FRAMES, options=streams.REALTIME | {"b": "9M"})
    network = build("EDSR_B1_F4_S3")
    start_as_interpolation(network)
    where = root / "result/made0/checkpoint/48p_50kbps_d1_train.webm/EDSR_B1_F4_S3"
    save_weights(network.state_dict(), where / "EDSR_B1_F4_S3.pt")
    return root


def options(root: Path, *others: str) -> list[str]:
    places = ["--data_dir", str(root / "dataset"), "--result_dir", str(root / "result")]
    sizes = ["--content", "made0", "-d", "1", "--input_resolution", "48", "--output_resolution", "144"]
    return [*sizes, *MODEL, *places, *others]


@pytest.mark.parametrize("target", list(FILES))
def test_each_target_writes_its_published_file(content, tmp_path, target, capsys):
    out = tmp_path / "out"
    argv = options(content, "--target", target, "--mode", "test", "--output", str(out))
    if target == "engorgio":
        argv += ["--num_anchors", "6", "--crop", "2"]  # one of 6 frames
    assert measure_quality.main(argv) == 0
    assert "only 6 of 360 frames" in " ".join(capsys.readouterr().out.split())
    names = {FILES[target]} | ({"size.json"} if target == "engorgio" else set())
    result = json.loads((out / FILES[target]).read_text())
    if target == "engorgio":
        assert list(result["crops"]["images"]) == ["bilinear", "plain", "best", "original"]
        for image in result["crops"]["images"].values():
            (out / image).unlink()
        assert result["crops"]["psnr"]["plain"] == result["methods"]["plain"]["frames"]["psnr_y"][2]
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == names
    first, second = {
        "per-frame": ("per-frame", "before re-encode"),
        "selective": ("selective", "before re-encode"),
        "engorgio": ("plain", "best"),
    }[target]
    methods = result["methods"]
    assert list(methods) == ["bilinear", "bicubic", "libyuv", first, second]
    key = "Per-frame" if target == "per-frame" else "Selective"
    assert next(iter(result)) == key
    assert result[key] == methods[first]["gain_over_libyuv"]["psnr"]
    assert result["command"].startswith("python jobs/measure_quality.py --content made0")
    assert (result["frames"], result["frames_asked"], result["epochs"]) == (FRAMES, 360, 0)
    for one in methods.values():
        for figure in ("psnr_y", "psnr"):
            assert one[figure] == pytest.approx(fmean(one["frames"][figure]), abs=2e-4)
            for base in ("bilinear", "libyuv"):
                assert one[f"gain_over_{base}"][figure] == pytest.approx(one[figure] - methods[base][figure], abs=2e-4)
    if target == "engorgio":
        size = json.loads((out / "size.json").read_text())
        assert size == methods["plain"]["size"] == methods["best"]["size"]
        assert size["all"] == pytest.approx(size["video"] + size["images"], abs=2e-4)
        assert result["image"] == {"codec": "jpeg", "quality": 85}
    else:
        assert methods[first]["psnr"] < methods[second]["psnr"]
        assert methods[second]["size"] is None
        assert result["reencode_kbps"] == 118
    assert result["anchors"] == {"per-frame": 6, "selective": 1, "engorgio": 1}[target]


def test_files_of_ones_own_and_jpeg_2000(content, tmp_path):
    video = content / "dataset/made0/video"
    weights = next((content / "result").rglob("*.pt"))
    own = ["-i", str(video / "48p_50kbps_d1_test.webm"), "--reference", str(video / "144p_d1_test.webm"), *MODEL]
    argv = [*own, "--weights", str(weights), "--result-dir", str(tmp_path), "-n", "4", "--codec", "j2k"]
    assert measure_quality.main([*argv, "--num_anchors", "10", "--threads", "1"]) == 2
    assert measure_quality.main([*argv, "--num_anchors", "6"]) == 0
    result = json.loads((tmp_path / "artifact/engorgio_quality.json").read_text())
    assert result["image"] == {"codec": "j2k", "quality": 85}
    assert (result["frames"], result["content"]) == (4, None)
    assert measure_quality.main([*argv, "--input_resolution", "60"]) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "name a --content"),
        (["--input", "a.webm"], "name a --content"),
        (["--content", "lol0", "--input", "a.webm"], "leave out --input"),
        (["--content", "lol0", "--target", "per-frame", "--num_anchors", "3"], "leave out --num_anchors"),
        (["--content", "lol0", "--num_anchors", "41"], "1..40"),
        (["--content", "lol0", "-n", "0"], "1 or more"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(wrong, said, capsys):
    with pytest.raises(SystemExit) as status:
        measure_quality.main(wrong)
    assert status.value.code == 2
    assert said in capsys.readouterr().err


def test_what_is_missing_is_named(content, capsys):
    assert measure_quality.main(options(content, "--num_channels", "8")) == 1
    assert "EDSR_B1_F8_S3" in capsys.readouterr().err
    assert measure_quality.main(options(content, "--content", "lol9")) == 1
    assert "lol9" in capsys.readouterr().err
