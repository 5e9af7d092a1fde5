"""Training material, training and evaluation, at sizes that take seconds."""

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pictures
import pytest
import torch
from PIL import Image

from ns_ray import shipped
from ns_ray.config.load import load_config
from ns_ray.dataset.ladder import LrEncoding
from ns_ray.dataset.streamed import StreamedEncoding
from ns_ray.errors import FolderBusyError, ModelError
from ns_ray.evaluation.upscaled import upscaled
from ns_ray.folder_lock import LOCK_NAME, FolderLock
from ns_ray.jobs import evaluate_sr, prepare_stills, pretrain
from ns_ray.jobs.cli import entry
from ns_ray.jobs.work import prepare_stills as stills
from ns_ray.jobs.work.pretrain import prepare
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.yuv import Yuv420
from ns_ray.sr.dataset import Pool, load_pools, read_pair, spacing
from ns_ray.sr.models import build
from ns_ray.sr.pairs import VideoPair, content_pair, find_pairs
from ns_ray.sr.patches import Batch, PatchSampler
from ns_ray.sr.spec import SHIPPED
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.train import Cosine, Halving, Objective, Trainer, arithmetic, start_as_interpolation
from ns_ray.sr.training_run import tidy
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


def test_a_contents_pair_is_chosen_by_rows_and_seconds(data: Path, tmp_path: Path) -> None:
    pictures.write_pair(tmp_path / "lol0" / "video")
    pair = content_pair(tmp_path, "lol0", 48, 1, 3)
    assert (pair.collection, pair.lr.name) == ("lol0", "48p_50kbps_d1_train.webm")
    for rows, seconds in ((49, 1), (48, 2)):
        with pytest.raises(ModelError, match=r"no .*p_<rate>kbps"):
            content_pair(tmp_path, "lol0", rows, seconds, 3)
    assert [spacing(pair, fps) for fps in (0.5, 30, 60, 1000)] == [120, 2, 1, 1]


def test_memory_is_bounded(data: Path) -> None:
    pairs = find_pairs(data, 3)
    frame = 48 * 64 * 3 * (1 + 9)
    assert len(load_pools(pairs, 3, memory_gb=8 * frame / 1e9)[0].lr) == 8
    with pytest.raises(ModelError, match=r"more than .* GB"):
        load_pools(pairs, 3, memory_gb=7.9 * frame / 1e9)


def test_patches_are_aligned_whichever_way_they_lie() -> None:
    low = torch.randint(0, 256, (3, 20, 30, 3), dtype=torch.uint8)
    high = low.repeat_interleave(3, 1).repeat_interleave(3, 2)
    pools = [Pool("a", low, high), Pool("b", low, high)]
    sampler = PatchSampler(pools, 3, patch=8, batch=33, seed=0)
    batch = sampler.draw(7)
    assert batch.lr.shape == (33, 3, 8, 8)
    assert torch.equal(batch.lr.repeat_interleave(3, 2).repeat_interleave(3, 3), batch.hr)
    assert len(torch.unique(batch.lr.flatten(1), dim=0)) == 33
    assert not torch.equal(sampler.draw(8).lr, batch.lr)
    assert torch.equal(sampler.draw(7).lr, batch.lr)
    assert not torch.equal(PatchSampler(pools, 3, patch=8, batch=33, seed=1).draw(7).lr, batch.lr)
    with pytest.raises(ModelError, match="smaller than a patch"):
        PatchSampler([Pool("a", low, high)], 3, patch=21, batch=1, seed=0)


def test_patches_reach_every_frame_corner_and_orientation() -> None:
    """Pixels that name their frame and place: a batch has all frames, both edges, and all eight orientations."""
    frame, y, x = np.meshgrid(np.arange(3), np.arange(9), np.arange(10), indexing="ij")
    low = torch.from_numpy(np.stack([frame, y, x], -1).astype(np.uint8))
    high = low.repeat_interleave(2, 1).repeat_interleave(2, 2)
    patches = PatchSampler([Pool("a", low, high)], 2, 4, 2000, 0).draw(0).lr.mul(255).round().int()
    assert set(patches[:, 0].unique().tolist()) == {0, 1, 2}
    assert set(patches[:, 1].amin((1, 2)).tolist()) == set(range(6))
    assert set(patches[:, 2].amin((1, 2)).tolist()) == set(range(7))
    steps = torch.stack([patches[:, 1:, 0, 1] - patches[:, 1:, 0, 0], patches[:, 1:, 1, 0] - patches[:, 1:, 0, 0]], 1)
    assert len(torch.unique(steps.flatten(1), dim=0)) == 8


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_training_starts_at_interpolation(scale: int) -> None:
    network = build(f"EDSR_B2_F8_S{scale}").requires_grad_(False)
    start_as_interpolation(network)
    ramp = (torch.arange(20.0)[:, None] * 0.02 + torch.arange(20.0) * 0.01 + 0.2).expand(1, 3, 20, 20)
    expected = torch.nn.functional.interpolate(ramp, scale_factor=scale, mode="bilinear")
    inner = (..., slice(6 * scale, -6 * scale), slice(6 * scale, -6 * scale))
    assert float((network(ramp) - expected)[inner].abs().max()) < 0.15


def test_rates_rise_and_fall() -> None:
    cosine = Cosine(rate=1.0, warm_up=0.1)
    assert [cosine.at(0, progress) for progress in (0, 0.05, 0.1, 0.55, 1)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    halving = Halving(rate=1e-4, every=100)
    assert [halving.at(step, 0) for step in (0, 99, 100, 250)] == pytest.approx([1e-4, 1e-4, 5e-5, 2.5e-5])


def test_a_published_step_is_adam_on_l1() -> None:
    """One step from zero moments moves each weight by the rate, against the sign of the L1 error's gradient."""
    network = build("EDSR_B1_F4_S2", seed=3)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    low, high = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 16, 16)
    loss = torch.nn.functional.l1_loss(network(low), high)
    loss.backward()
    trainer = Trainer("EDSR_B1_F4_S2", Objective(Halving(rate=1e-3)), weights=weights)
    assert float(trainer.step(Batch(low, high), 0)) == pytest.approx(loss.item(), rel=1e-5)
    stepped = trainer.weights()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        clear = parameter.grad.abs() > 1e-5
        moved = (stepped[name] - weights[name])[clear]
        torch.testing.assert_close(moved, -1e-3 * parameter.grad.sign()[clear], rtol=5e-3, atol=1e-6)


def test_arithmetic_is_chosen_by_device() -> None:
    assert arithmetic("auto", "cpu") == torch.float32
    assert arithmetic("bfloat16", "cpu") == torch.bfloat16
    with pytest.raises(ModelError, match="float16 is trained with on a GPU"):
        arithmetic("float16", "cpu")
    low = torch.rand(2, 3, 8, 8)
    high = low.repeat_interleave(2, 2).repeat_interleave(2, 3)
    losses = [
        float(Trainer("EDSR_B1_F4_S2", Objective(Halving(), precision=name)).step(Batch(low, high), 0))
        for name in ("float32", "bfloat16")
    ]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


_SETTINGS = ("batch=8", "patch=16", "report=6", "held_out=2", "every=1", "device=cpu", "threads=1")


def _options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", f"pretrain.{setting}")]


def _pretrain(data: Path, result: Path, *settings: str, model: str = "EDSR_B1_F8_S3") -> int:
    options = _options(*_SETTINGS, *settings)
    return pretrain.main(["-m", model, "--data-dir", str(data), "--result-dir", str(result), *options])


def test_pretraining_learns_and_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    assert _pretrain(data, tmp_path / "whole", "steps=24", "rate=2e-3") == 0
    whole = json.loads((tmp_path / "whole/pretrain/training.json").read_text())
    first, *_, last = (entry["models"]["EDSR_B1_F8_S3"] for entry in whole["log"])
    assert last["psnr"]["made 48p"] > first["psnr"]["made 48p"]
    assert last["loss"] < first["loss"]
    assert whole["final"] == {"EDSR_B1_F8_S3": last}
    assert whole["baseline"]["bicubic"]["made 48p"] > 15
    # A run cut short leaves its checkpoint; the same command ends in the same bits.
    settings = load_config(
        shipped.FOLDER / "configs" / "local.yaml", _options(*_SETTINGS, "steps=24", "rate=2e-3", "save_seconds=0")[1::2]
    ).pretrain
    model, folder = "EDSR_B1_F8_S3", tmp_path / "cut" / "pretrain"
    for _ in islice(prepare([model], data, folder, settings, entry.console()).run(), 15):
        pass
    assert not (folder / f"{model}.pt").exists()
    assert _pretrain(data, tmp_path / "cut", "steps=24", "rate=2e-3") == 0
    ours, theirs = (load_weights(model, tmp_path / d / f"pretrain/{model}.pt") for d in ("cut", "whole"))
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    cut = json.loads((folder / "training.json").read_text())
    assert [entry["models"] for entry in cut["log"]] == [entry["models"] for entry in whole["log"]]


def test_a_folder_is_locked_until_its_process_ends(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from ns_ray.folder_lock import FolderLock
lock = FolderLock(Path({str(tmp_path / "folder")!r}))
print("held", flush=True)
time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": str(shipped.FOLDER)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderBusyError, match="another process works in"):
            FolderLock(tmp_path / "folder", seconds=0.2)
        (tmp_path / "folder" / "a.pt.x.part").touch()
        holder.kill()
    tidy(tmp_path / "folder")
    tidy(tmp_path / "nowhere")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", LOCK_NAME]
    FolderLock(tmp_path / "folder", seconds=10).release()


def test_a_checkpoint_of_another_training_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _pretrain(data, tmp_path, "steps=1") == 0
    assert _pretrain(data, tmp_path, "steps=1", "rate=1e-3") == 1
    assert "objective was" in capsys.readouterr().err
    assert _pretrain(data, tmp_path, "steps=1", model="EDSR_B1_F4_S3") == 1
    assert "models was ['EDSR_B1_F8_S3'], is ['EDSR_B1_F4_S3']" in capsys.readouterr().err
    checkpoint = tmp_path / "pretrain" / "training.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert _pretrain(data, tmp_path, "steps=1") == 1
    assert "is no checkpoint" in capsys.readouterr().err


def test_pretraining_says_why_it_failed(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _pretrain(tmp_path, tmp_path / "result") == 1
    assert "no pairs of videos" in capsys.readouterr().err
    for setting in ("stepz=3", "steps=x", "average=1", "device=tpu"):
        assert _pretrain(data, tmp_path / "result", setting) == 2
    with pytest.raises(SystemExit) as stopped:
        pretrain.main(["--nonsense"])
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("codec", "encoding", "name"),
    [
        ("vp9", LrEncoding(36, 60, 7, 1), "36p_60kbps_d0_train.webm"),
        ("h264", StreamedEncoding(36, 60), "36p_60kbps_d0_train.mkv"),
    ],
)
def test_stills_become_pairs(
    codec: str, encoding: LrEncoding | StreamedEncoding, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stills, "targets", lambda *_: (stills.Target(108, encoding, 24),))
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(pictures.textured(300, 200)).save(images / "good.png")
    Image.fromarray(pictures.textured(100, 60)).save(images / "small.png")
    Image.fromarray(np.full((200, 300, 3), 90, np.uint8)).save(images / "flat.png")
    (images / "broken.png").write_bytes(b"no image")
    settings = ["--set", "stills.kept=3", "--set", f"stills.codec={codec}"]
    assert prepare_stills.main([str(images), "--data-dir", str(tmp_path), *settings]) == 0
    (pair,) = find_pairs(tmp_path, 3)
    assert (pair.collection, pair.lr.name, pair.hr.name) == ("stills", name, "108p_d0_train.webm")
    with av.open(pair.lr) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.codec.canonical_name, stream.width, stream.height) == (codec, 64, 36)
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
    for mean in ("mean", "mean_all_planes"):
        assert record[mean]["bicubic"] > record[mean]["EDSR_B1_F8_S3"]
    assert evaluate_sr.main([*videos, *places, "-m", "EDSR_B9_F8_S3"]) == 1
    assert "it has no EDSR_B9_F8_S3.pt, but EDSR_B1_F8_S3.pt" in capsys.readouterr().err.replace("\n", " ")
    assert evaluate_sr.main(["absent.webm", "absent.webm", "--data-dir", str(data)]) == 1


def test_shipped_weights_beat_bicubic_on_the_sample() -> None:
    pair = VideoPair("", SAMPLE / "360p_700kbps_d4_test.webm", SAMPLE / "1080p_d4_test.webm")
    engines = [TorchEngine(name, 640, 360) for name in SHIPPED]
    for engine in engines:
        engine.load(load_weights(engine.spec))
    for low, high in islice(read_pair(pair, 3, every=50), 1, 2):
        enlarged = [upscaled(Yuv420(*low), (1920, 1080), way) for way in ("bilinear", "bicubic")]
        bilinear, bicubic = (psnr(picture.y, high[0]) for picture in enlarged)
        small, large = (psnr(engine.infer(low, "yuv")[0], high[0]) for engine in engines)
        assert bilinear < bicubic < bicubic + 0.3 < small < large


def test_videos_without_common_frames_are_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "no.webm").write_bytes(b"no video")
    with pytest.raises(ModelError, match="cannot be read"):
        list(read_pair(VideoPair("", data / "made" / "48p_50kbps_d1_test.webm", tmp_path / "no.webm"), 3))
