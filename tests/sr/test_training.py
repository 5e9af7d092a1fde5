"""Training material, training and evaluation, at sizes that take seconds."""

import json
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pictures
import pytest
import torch
from PIL import Image

from jobs import evaluate_sr, face, prepare_stills, pretrain
from ns_ray.errors import ModelError
from ns_ray.media.ladder import LrEncoding
from ns_ray.metrics.psnr import psnr
from ns_ray.sr.dataset import PatchSampler, Pool, VideoPair, find_pairs, load_pools, read_pair
from ns_ray.sr.models import SHIPPED, build
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.train import Objective, start_as_interpolation
from ns_ray.sr.weights import load_weights, save_weights

SAMPLE = Path(__file__).parents[2] / "dataset" / "sample"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with one pair of videos to train on and one to test on."""
    directory = tmp_path_factory.mktemp("data")
    pictures.write_pair(directory / "made")
    pictures.write_pair(directory / "made", part="test")
    return directory


def test_pairs_are_found_by_name(data: Path, tmp_path: Path) -> None:
    (pair,) = find_pairs(data, 3)
    assert (pair.collection, pair.lr.name, pair.hr.name) == ("made", "48p_50kbps_d1_train.webm", "144p_d1_train.webm")
    assert find_pairs(data, 2) == [pair]  # a larger original will do
    for scale, directory in ((4, data), (3, tmp_path)):
        with pytest.raises(ModelError, match="no pairs of videos"):
            find_pairs(directory, scale)


def test_frames_of_a_pair_match(data: Path) -> None:
    pair = find_pairs(data, 3)[0]
    frames = list(read_pair(pair, 3))
    assert len(frames) == 8
    for low, high in frames:
        assert (low[0].shape, high[0].shape, high[1].shape) == ((48, 64), (144, 192), (72, 96))
        small = high[0].reshape(48, 3, 64, 3).mean((1, 3))
        assert np.abs(small - low[0]).mean() < 8
    assert len(list(read_pair(pair, 3, every=3))) == 3
    assert next(read_pair(pair, 2))[1][0].shape == (96, 128)


def test_patches_are_aligned_whichever_way_they_lie() -> None:
    low = torch.randint(0, 256, (3, 20, 30, 3), dtype=torch.uint8)
    high = low.repeat_interleave(3, 1).repeat_interleave(3, 2)
    sampler = PatchSampler([Pool("a", low, high), Pool("b", low, high)], 3, patch=8, batch=33, seed=0)
    state = sampler.state()
    batch = sampler.draw()
    assert batch.lr.shape == (33, 3, 8, 8)
    assert torch.equal(batch.lr.repeat_interleave(3, 2).repeat_interleave(3, 3), batch.hr)
    assert len(torch.unique(batch.lr.flatten(1), dim=0)) == 33
    sampler.resume(state)
    assert torch.equal(sampler.draw().lr, batch.lr)
    with pytest.raises(ModelError, match="smaller than a patch"):
        PatchSampler([Pool("a", low, high)], 3, patch=21, batch=1, seed=0)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_training_starts_at_interpolation(scale: int) -> None:
    network = build(f"EDSR_B2_F8_S{scale}").requires_grad_(False)
    start_as_interpolation(network)
    ramp = (torch.arange(20.0)[:, None] * 0.02 + torch.arange(20.0) * 0.01 + 0.2).expand(1, 3, 20, 20)
    expected = torch.nn.functional.interpolate(ramp, scale_factor=scale, mode="bilinear")
    inner = (..., slice(6 * scale, -6 * scale), slice(6 * scale, -6 * scale))
    assert float((network(ramp) - expected)[inner].abs().max()) < 0.15


def test_the_rate_rises_and_falls() -> None:
    objective = Objective(rate=1.0, warm_up=0.1)
    rates = [objective.rate_at(progress) for progress in (0, 0.05, 0.1, 0.55, 1)]
    assert rates == pytest.approx([0, 0.5, 1, 0.5, 0])


def _pretrain(data: Path, result: Path, *settings: str) -> int:
    chosen = ("batch=8", "patch=16", "report=6", "held_out=2", "every=1", "device=cpu", "threads=1", *settings)
    options = [word for setting in chosen for word in ("--set", setting)]
    return pretrain.main(["-m", "EDSR_B1_F8_S3", "--data-dir", str(data), "--result-dir", str(result), *options])


def test_pretraining_lowers_the_loss_and_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    assert _pretrain(data, tmp_path / "whole", "steps=24", "rate=2e-3") == 0
    whole = json.loads((tmp_path / "whole/pretrain/pretrain.json").read_text())
    first, *_, last = (entry["models"]["EDSR_B1_F8_S3"] for entry in whole["log"])
    assert last["psnr"]["made 48p"] > first["psnr"]["made 48p"]
    assert last["loss"] < first["loss"]
    # A run cut short at step 12 leaves its checkpoint; the same command ends as if nothing had happened.
    directory = tmp_path / "cut" / "pretrain"
    directory.mkdir(parents=True)
    settings = face.overridden(
        pretrain.Settings(), ["steps=24", "rate=2e-3", "batch=8", "patch=16", "held_out=2", "report=6"]
    )
    run = pretrain.Run(["EDSR_B1_F8_S3"], load_pools(find_pairs(data, 3), 3), settings, "cpu", directory)
    while run.step < 12:
        run.trainers[0].step(run.sampler.draw(), run.progress)
        run.step += 1
    torch.save(run.state(), directory / "pretrain.ckpt")
    assert _pretrain(data, tmp_path / "cut", "steps=24", "rate=2e-3") == 0
    ours, theirs = (load_weights("EDSR_B1_F8_S3", tmp_path / d / "pretrain/EDSR_B1_F8_S3.pt") for d in ("cut", "whole"))
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=1e-4, atol=1e-5)


def test_pretraining_says_why_it_failed(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _pretrain(tmp_path, tmp_path / "result") == 1
    assert "no pairs of videos" in capsys.readouterr().err
    for arguments in (["--set", "stepz=3"], ["--set", "steps=x"], ["--nonsense"]):
        with pytest.raises(SystemExit) as stopped:
            pretrain.main(arguments)
        assert stopped.value.code == 2


def test_stills_become_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_stills, "TARGETS", (prepare_stills.Target(108, LrEncoding(36, 60, 7, 1), 24),))
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(pictures.textured(300, 200)).save(images / "good.png")
    Image.fromarray(pictures.textured(100, 60)).save(images / "small.png")
    Image.fromarray(np.full((200, 300, 3), 90, np.uint8)).save(images / "flat.png")
    (images / "broken.png").write_bytes(b"no image")
    assert prepare_stills.main([str(images), "--data-dir", str(tmp_path), "--set", "kept=3"]) == 0
    (pair,) = find_pairs(tmp_path, 3)
    assert (pair.collection, pair.lr.name, pair.hr.name) == ("stills", "36p_60kbps_d0_train.webm", "108p_d0_train.webm")
    with av.open(pair.lr) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.codec.canonical_name, stream.width, stream.height) == ("vp9", 64, 36)
        assert sum(1 for _ in container.decode(video=0)) == 24
    frames = list(read_pair(pair, 3))
    assert len(frames) == 3
    for low, high in frames:
        assert np.abs(high[0].reshape(36, 3, 64, 3).mean((1, 3)) - low[0]).mean() < 12
    assert prepare_stills.main([str(images / "flat.png"), "--data-dir", str(tmp_path / "none")]) == 1


def test_evaluation_of_made_up_weights(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_weights(build("EDSR_B1_F8_S3").state_dict(), tmp_path / "EDSR_B1_F8_S3.pt")
    videos = ["made/48p_50kbps_d1_test.webm", "made/144p_d1_test.webm", "--data-dir", str(data), "--device", "cpu"]
    places = ["--weights", str(tmp_path), "--result-dir", str(tmp_path)]
    assert evaluate_sr.main([*videos, *places, "-m", "EDSR_B1_F8_S3", "--every", "4"]) == 0
    record = json.loads((tmp_path / "evaluation/sr/48p_50kbps_d1_test.json").read_text())
    assert len(record["frames"]["bicubic"]) == 2
    assert record["mean"]["bicubic"] > record["mean"]["EDSR_B1_F8_S3"]
    assert evaluate_sr.main([*videos, *places, "-m", "EDSR_B9_F8_S3"]) == 1
    assert "no weights for EDSR_B9_F8_S3" in capsys.readouterr().err.replace("\n", " ")
    assert evaluate_sr.main(["absent.webm", "absent.webm", "--data-dir", str(data)]) == 1


def test_shipped_weights_beat_bicubic_on_the_sample() -> None:
    pair = VideoPair("", SAMPLE / "360p_700kbps_d4_test.webm", SAMPLE / "1080p_d4_test.webm")
    engines = [TorchEngine(name, 640, 360) for name in SHIPPED]
    for engine in engines:
        engine.load(load_weights(engine.spec))
    for low, high in islice(read_pair(pair, 3, every=50), 1, 2):
        bilinear, bicubic = (psnr(evaluate_sr.upscale(low[0], 3, way), high[0]) for way in ("bilinear", "bicubic"))
        small, large = (psnr(engine.infer(low, "yuv")[0], high[0]) for engine in engines)
        assert bilinear < bicubic < bicubic + 0.3 < small < large


def test_videos_without_common_frames_are_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "no.webm").write_bytes(b"no video")
    with pytest.raises(ModelError, match="cannot be read"):
        list(read_pair(VideoPair("", data / "made" / "48p_50kbps_d1_test.webm", tmp_path / "no.webm"), 3))
