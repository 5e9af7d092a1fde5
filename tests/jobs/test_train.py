"""The training job: on Ray, killed and started again, and what it refuses."""

import importlib.util
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from ns_ray.jobs import train
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.training_table import warn_without_tensorboard
from ns_ray.sr.content_training import training_folder
from ns_ray.sr.models import build
from ns_ray.sr.pairs import content_pair
from ns_ray.sr.training_log import TrainingLog
from ns_ray.sr.weights import load_weights, save_weights

ROOT = Path(__file__).parents[2]
MODELS = ("EDSR_B1_F4_S3", "EDSR_B2_F4_S3")
TRAINED = "48p_50kbps_d1_train.webm"


def _write(path: Path, width: int, height: int, seed: int, frames: int) -> None:
    """Coarse blocks of random colours that move two pixels a frame."""
    small = np.random.default_rng(seed).integers(0, 256, (18, 28, 3), np.uint8)
    whole = small.repeat(8, 0).repeat(8, 1)
    with av.open(path, "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=60, options={"cpu-used": "8", "deadline": "realtime"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", 2_000_000
        for index in range(frames):
            window = np.ascontiguousarray(whole[:, 2 * index : 2 * index + 192])
            frame = av.VideoFrame.from_ndarray(window, "rgb24").reformat(width, height, "yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two contents to train on, and weights to start from in `weights/`."""
    directory = tmp_path_factory.mktemp("contents")
    for seed, content in enumerate(("lol0", "gta0")):
        folder = directory / content / "video"
        folder.mkdir(parents=True)
        _write(folder / TRAINED, 64, 48, seed, 8)
        _write(folder / "144p_d1_train.webm", 192, 144, seed, 8)
    for name in MODELS:
        save_weights(build(name).state_dict(), directory / "weights" / f"{name}.pt")
    return directory


def _options(data: Path, result: Path, *more: str, steps: int = 4) -> list[str]:
    settings = ("epochs=2", f"epoch_steps={steps}", "batch=4", "patch=16", "fps=60", "rate=1e-3")
    return [
        *("-l", "48", "-d", "1", "--weights", str(data / "weights")),
        *("--data-dir", str(data), "--result-dir", str(result), "--device", "cpu"),
        *(word for setting in settings for word in ("--set", f"train.{setting}")),
        *more,
    ]


def test_contents_and_models_train_side_by_side(job: Callable[..., Any], data: Path, tmp_path: Path) -> None:
    done = job("train", *_options(data, tmp_path), "-c", "lol0", "gta0", "-m", *MODELS)
    assert done.status == 0, done.err
    shown = done.out
    weights = {}
    for content in ("lol0", "gta0"):
        for model in MODELS:
            folder = tmp_path / content / "checkpoint" / TRAINED / model
            weights[content, model] = load_weights(model, folder / f"{model}.pt")
            epochs = [load_weights(model, folder / f"{model}_e{epoch}.pt") for epoch in (1, 2)]
            assert torch.equal(epochs[1]["tail.weight"], weights[content, model]["tail.weight"])
            assert not torch.equal(epochs[0]["tail.weight"], epochs[1]["tail.weight"])
            record = json.loads((folder / "training.json").read_text())
            assert [entry["step"] for entry in record["log"]] == [4, 8]
            psnr = record["final"][model]["psnr"][f"{content} 48p"]
            assert psnr > record["baseline"][model][f"{content} 48p"]
            assert record["patches_per_second"] > 0
            assert any(row.count(content) and model in row and f"{psnr:.2f}" in row for row in shown.splitlines())
    tails = {tuple(state["tail.weight"].flatten().tolist()) for state in weights.values()}
    assert len(tails) == 4


def test_killed_at_any_moment_it_ends_in_the_same_bits(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training that each Ray task runs, in a process of its own that is killed again and again.

    What nobody kills is run here: that a process has begun is no part of it.
    """
    script = tmp_path / "work.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from ns_ray.jobs.work.train import plan_of\n"
        "from ns_ray.config.training import Training\n"
        "from ns_ray.sr.content_training import ContentTraining, train_content\n"
        "from ns_ray.sr.pairs import content_pair\n"
        "settings = Training(epochs=3, epoch_steps=20, batch=4, patch=16, fps=60, rate=1e-3, save_seconds=0)\n"
        "data, folder, model = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]\n"
        "pair = content_pair(data, 'lol0', 48, 1, 3)\n"
        "weights = data / 'weights' / f'{model}.pt'\n"
        "work = ContentTraining(pair, model, weights, folder, plan_of(settings), 60, 1, 'cpu', 1)\n"
        "print('ready', flush=True)\n"
        "for done in train_content(work):\n"
        "    print(done, flush=True)\n"
    )
    model = MODELS[1]

    def start(folder: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(script), str(data), str(folder), model],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def run(folder: Path) -> None:
        monkeypatch.setattr(sys, "argv", [str(script), str(data), str(folder), model])
        runpy.run_path(str(script))

    seen = []
    # All lines but the first are a step each; kills hit between and within steps, checkpoints and validations.
    for lines, pause in ((4, 0.0), (16, 0.013)):
        process = start(tmp_path / "cut")
        assert process.stdout is not None
        for _ in range(lines):
            line = process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        seen.append(int(line))
    assert 0 < seen[0] < seen[1] < 1000
    assert not (tmp_path / "cut" / f"{model}.pt").exists()
    for folder in ("cut", "whole"):
        run(tmp_path / folder)
    ours, theirs = (load_weights(model, tmp_path / name / f"{model}.pt") for name in ("cut", "whole"))
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())
    for epoch in (f"{model}_e{number}.pt" for number in (1, 2, 3)):
        assert (tmp_path / "cut" / epoch).read_bytes() == (tmp_path / "whole" / epoch).read_bytes()
    logs = [json.loads((tmp_path / name / "training.json").read_text())["log"] for name in ("cut", "whole")]
    assert len(logs[0]) == 3
    assert [entry["models"] for entry in logs[0]] == [entry["models"] for entry in logs[1]]
    assert not list((tmp_path / "cut").glob("*.part"))


def test_logs_are_tensorboards_and_go_on_after_a_stop(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    first = TrainingLog(tmp_path, 0)
    for step in (10, 20, 30):
        first.write(step, {"loss": 1.0 / step})
    first.close()
    second = TrainingLog(tmp_path, 20)  # the checkpoint was of step 20
    second.write(30, {"loss": 5.0})
    second.close()
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [
        (10, pytest.approx(0.1)),
        (20, pytest.approx(0.05)),
        (30, 5.0),
    ]


def test_without_tensorboard_it_says_so_and_trains_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    log = TrainingLog(tmp_path / "logs", 0)
    log.write(1, {"loss": 1.0})
    log.close()
    assert not (tmp_path / "logs").exists()
    warn_without_tensorboard(entry.console())
    assert "no TensorBoard logs: the package tensorboard is not installed" in capsys.readouterr().out


def test_it_says_what_is_missing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = {
        ("-c", "absent0"): (1, "no pairs of videos for train"),
        ("-l", "720"): (1, "encode the content, or choose by --input-resolution and --duration"),
        ("-m", "EDSR_B9_F9_S3"): (1, "it has no EDSR_B9_F9_S3.pt"),
        ("-e", "20"): (1, "_e20.pt is missing: no epoch is there"),
        ("-m", "edsr", "-b", "1", "-f", "4", "--set", "train.epochs=0"): (2, "train.epochs"),
    }
    for more, (status, message) in cases.items():
        assert train.main(["-c", "lol0", "-m", MODELS[0], *_options(data, tmp_path, *more)]) == status, more
        assert message in capsys.readouterr().err
    written = training_folder(tmp_path, content_pair(data, "lol0", 48, 1, 3), MODELS[0])
    written.mkdir(parents=True)
    (written / f"{MODELS[0]}.pt").hardlink_to(data / "weights" / f"{MODELS[0]}.pt")
    assert train.main(["-c", "lol0", "-m", MODELS[0], *_options(data, tmp_path)]) == 2
    assert "would be written over by the training that starts from it" in capsys.readouterr().err
    (written / f"{MODELS[0]}.pt").unlink()
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")
    assert train.main(["-c", "lol0", "-m", MODELS[0], *_options(data, tmp_path, "-g", "0")]) == 2
    assert "name the GPUs where that is started" in capsys.readouterr().err
    wrong = (
        (["-m", "resnet"], "unknown model"),
        (["-h", "1080"], "makes 2160 rows of 720"),
        (["-e", "2"], "--weights"),
    )
    for arguments, message in wrong:
        with pytest.raises(SystemExit) as stopped:
            train.main(arguments)
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


def test_the_published_command_line_is_understood() -> None:
    published = "-g 0 -c lol0 -l 720 -h 2160 -s 3 -b 8 -f 16 -m edsr"
    options = train.arguments(published.split())
    assert (options.gpus, options.content, options.input_resolution, options.model) == (
        ["0"],
        ["lol0"],
        720,
        ["EDSR_B8_F16_S3"],
    )
    options = train.arguments(["-m", "edsr", "--num_blocks", "4", "--num-channels=8"])
    assert options.model == ["EDSR_B4_F8_S3"]
