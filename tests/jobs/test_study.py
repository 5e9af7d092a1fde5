"""The studies of anchors, on tiny clips."""

import json
from pathlib import Path

import pytest
import streams
import torch

from ns_ray.jobs import study
from ns_ray.jobs.work import study as work
from ns_ray.sr.models import build
from ns_ray.sr.train import start_as_interpolation

MODEL = "EDSR_B1_F4_S3"
EXACT = {"deadline": "realtime", "cpu-used": "8", "lossless": "1"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two pairs of videos, 64x48 and 192x144, of which the second ends within an epoch; and weights."""
    made = []
    for name, first, frames in (("early", 0, 40), ("late", 10, 42)):
        folder = tmp_path_factory.mktemp("clips") / name
        folder.mkdir()
        made += [
            streams.encode(folder / "lr.mkv", size=(64, 48), frames=frames, first=first),
            streams.encode(folder / "hr.mkv", size=(192, 144), frames=frames, first=first, options=EXACT),
        ]
    network = build(MODEL)
    start_as_interpolation(network)
    weights = made[0].with_name(f"{MODEL}.pt")
    torch.save(network.state_dict(), weights)
    return made, weights


def run(clips, tmp_path: Path, *more: object) -> int:
    videos, weights = clips
    options = ["-m", MODEL, "--weights", weights, "--device", "cpu", "--streams", 4, "--gpus", 2, "--threads", 2]
    return study.main([*map(str, [*videos, *options, "--result-dir", tmp_path, *more])])


def test_every_content_is_measured_once_for_all_studies(clips, tmp_path, capsys):
    assert run(clips, tmp_path) == 0
    folder = tmp_path / "evaluation/study" / MODEL / "latest"
    for picture in ("proxy.png", "distance.png", "apart.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    result = json.loads((folder / "study.json").read_text())
    assert [*result["contents"]] == ["early-lr", "late-lr"]
    for name, frames in (("early-lr", 40), ("late-lr", 42)):
        content = json.loads((folder / f"{name}.json").read_text())
        seen = content.pop("frames")
        assert content == result["contents"][name]
        chosen, keys = content["selections"]["neuroscaler"], content["selections"]["key"]
        assert (chosen["anchors"], keys["anchors"]) == (3, 2)
        for mode in ("plain", "best"):
            assert chosen[mode]["proxy"]["pairs"] == frames - seen["neuroscaler"]["distances"].count(0)
            assert sum(row["frames"] for row in keys[mode]["by_distance"]) == frames
            away, lost = seen["key"]["distances"], [a - b for a, b in zip(seen["full"], seen["key"][mode], strict=True)]
            assert max(away) >= 29
            assert abs(lost[away.index(0)]) < 0.5  # an anchor, through JPEG
        alone = content["choices"][name]
        if frames == 40:
            assert alone["plain"] == pytest.approx(chosen["plain"]["gain_over_bilinear"]["psnr_y"], abs=1e-3)
    seen = result["apart"]["seen"]
    assert [row["groups"] for row in seen["apart"]] == [[["early-lr"], ["late-lr"]]]
    assert sum(seen["apart"][0]["anchors"].values()) == sum(seen["together"]["mean"]["anchors"].values()) == 6
    assert "one choice for all of 4 streams" in capsys.readouterr().out


def test_a_content_that_fails_leaves_those_of_the_others(clips, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(work.Study, "draw", lambda self: None)
    (lr, hr, *_), weights = clips
    assert run(([lr, hr, lr, lr], weights), tmp_path, "--names", "good", "small", "--frames", 3) == 1
    assert "small: " in (errors := capsys.readouterr().err)
    assert "1 of 2 contents failed; the others are done" in errors
    result = json.loads((tmp_path / "evaluation/study" / MODEL / "latest" / "study.json").read_text())
    assert ([*result["contents"]], result["apart"]["seen"]) == (["good"], None)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["a.webm"], "come in pairs"),
        (["a.webm", "b.webm", "--fraction", "0.3"], "0.2"),
        (["a.webm", "b.webm", "--names", "a", "b"], "--names 1"),
        (["a.webm", "b.webm", "a.webm", "c.webm"], "same name"),
        (["a.webm", "b.webm"] * 13, "--placements 0"),
        (["a.webm", "b.webm", "--gpus", "0"], "1 or more"),
        (["a.webm", "b.webm", "--streams", "2"], "--streams"),
    ],
)
def test_wrong_usage_is_refused(argv, said, capsys):
    with pytest.raises(SystemExit) as status:
        study.main(argv)
    assert status.value.code == 2
    assert said in capsys.readouterr().err


def test_a_missing_video_is_named(capsys):
    assert study.main(["none.webm", "none_either.webm", "--names", "none"]) == 1
    assert "none.webm" in capsys.readouterr().err
