"""The jobs that export a model, build its engine and check it: from weights to a plan, without a GPU."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from ns_ray.jobs import build_engine, check_engine, export_onnx
from ns_ray.shipped import FOLDER
from ns_ray.sr.weights import load_weights, save_weights

FRAMES = FOLDER / "dataset" / "sample" / "360p_700kbps_d4_test.webm"
MODEL = ("-m", "edsr", "-b", "8", "-f", "16", "-s", "3", "-l", "64x36")
EXPORT = (*MODEL, "--shapes", "dynamic", "--count", "1")
TURING = ("--package", "tensorrt-rtx", "--capability", "7.5", "--gpu-name", "Tesla T4", "--no-refit")
NAMES = ["dynamic_fp16.onnx", "dynamic_fp32.onnx", "export.json"]


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What an unbroken export of the weights that ship leaves."""
    folder = tmp_path_factory.mktemp("result")
    assert export_onnx.main([*EXPORT, "--result-dir", str(folder)]) == 0
    return folder


def test_export_writes_checked_files_and_says_so(results, capsys):
    folder = results / "generic" / "EDSR_B8_F16_S3"
    assert sorted(files(folder)) == NAMES
    record = json.loads((folder / "export.json").read_text())
    figures = {one["file"]: one["psnr_db"] for one in record["files"]}
    assert figures["dynamic_fp32.onnx"] > 60
    assert 45 < figures["dynamic_fp16.onnx"] < 100
    before = files(folder)
    assert export_onnx.main([*EXPORT, "--result-dir", str(results)]) == 0
    assert capsys.readouterr().out.count("was there") == 2
    assert files(folder) == before


def test_killed_and_started_again(results, tmp_path):
    options = (*EXPORT, "--precision", "fp16", "--result-dir", str(tmp_path))
    command = [sys.executable, "-m", "ns_ray.jobs.export_onnx", *options]
    folder = tmp_path / "generic" / "EDSR_B8_F16_S3"
    job = subprocess.Popen(command, cwd=FOLDER, env=os.environ | {"PYTHONPATH": str(FOLDER)})
    while not folder.exists() and job.poll() is None:  # the file is being written
        time.sleep(0.002)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    assert not (folder / "export.json").exists()
    assert export_onnx.main([*options]) == 0
    left = {name: data for name, data in files(folder).items() if not name.endswith(".part")}
    whole = files(results / "generic" / "EDSR_B8_F16_S3")
    assert sorted(left) == ["dynamic_fp16.onnx", "export.json"]
    assert left["dynamic_fp16.onnx"] == whole["dynamic_fp16.onnx"]
    told, record = (json.loads(found["export.json"]) for found in (left, whole))
    assert told == record | {"files": [one for one in record["files"] if one["precision"] == "fp16"]}


def test_a_contents_own_weights(results, tmp_path, capsys):
    content = ("-c", "lol0", "-l", "36", "-d", "60")
    assert export_onnx.main([*EXPORT, *content, "--result-dir", str(tmp_path)]) == 1
    assert "train the content" in capsys.readouterr().err
    folder = tmp_path / "lol0" / "checkpoint" / "36p_50kbps_d60_train.webm" / "EDSR_B8_F16_S3"
    trained = {name: tensor * 0.9 for name, tensor in load_weights("EDSR_B8_F16_S3").items()}
    save_weights(trained, folder / "EDSR_B8_F16_S3.pt")
    assert export_onnx.main([*EXPORT, *content, "--precision", "fp16", "--result-dir", str(tmp_path)]) == 0
    own = (folder / "dynamic_fp16.onnx").read_bytes()
    assert trained["tail.bias"].numpy().astype(np.float16).tobytes() in own
    assert own != (results / "generic" / "EDSR_B8_F16_S3" / "dynamic_fp16.onnx").read_bytes()

    epoch = (*MODEL, *content, "--result-dir", str(tmp_path), "-e", "2")
    assert export_onnx.main([*epoch, "--shapes", "dynamic"]) == 1
    assert "EDSR_B8_F16_S3_e2.pt is missing: no epoch is there" in capsys.readouterr().err
    save_weights({name: tensor * 0.8 for name, tensor in trained.items()}, folder / "EDSR_B8_F16_S3_e2.pt")
    pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX has no package for this platform")
    assert build_engine.main([*epoch, *TURING]) == 1
    assert "has other weights than EDSR_B8_F16_S3_e2.pt" in capsys.readouterr().err
    assert export_onnx.main([*epoch, "--shapes", "dynamic", "--precision", "fp16", "--count", "1"]) == 0
    assert json.loads((folder / "export.json").read_text())["weights"] == "EDSR_B8_F16_S3_e2.pt"
    assert build_engine.main([*epoch, *TURING]) == 0


def test_build_for_turing_without_a_gpu(results, capsys):
    pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX has no package for this platform")
    build = [*MODEL, *TURING, "--result-dir", str(results)]
    assert build_engine.main(build) == 0
    told = capsys.readouterr().out
    assert "built, there was none" in told
    assert "HALF (1, 3, 108, 192)" in told
    plan = results / "generic" / "EDSR_B8_F16_S3" / "Tesla_T4" / "64x36_fp16.plan"
    record = plan.with_name("64x36_fp16.plan.json")
    first = plan.read_bytes(), record.read_bytes()
    assert len(first[0]) > 122_000
    assert build_engine.main(build) == 0
    assert "was there" in capsys.readouterr().out

    older = json.loads(first[1]) | {"version": "1.0"}
    record.write_text(json.dumps(older))
    assert build_engine.main(build) == 0
    assert "built, version was 1.0, is" in capsys.readouterr().out
    assert (plan.read_bytes(), record.read_bytes()) == first


def test_build_says_what_is_missing(results, tmp_path, capsys):
    missing = [*MODEL, *TURING, "--result-dir", str(tmp_path)]
    pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX has no package for this platform")
    assert build_engine.main(missing) == 1
    assert "64x36_fp16.onnx is missing: write it with jobs/export_onnx.py" in capsys.readouterr().err
    hopper = [*MODEL, *TURING, "--capability", "9.0", "--result-dir", str(results)]
    assert build_engine.main(hopper) == 1
    assert "does not build for compute capability 9.0" in capsys.readouterr().err


def test_wrong_usage(results, capsys):
    assert build_engine.main([*MODEL, *TURING, "--capability", "75", "--result-dir", str(results)]) == 2
    for main, wrong in ((build_engine.main, ["--gpu-name", "T4"]), (export_onnx.main, ["-l", "big"])):
        with pytest.raises(SystemExit) as stopped:
            main(wrong)
        assert stopped.value.code == 2
    assert export_onnx.main([*EXPORT, "-e", "20", "--result-dir", str(results)]) == 2
    assert "name it by -c" in capsys.readouterr().err
    assert export_onnx.main(["-m", "EDSR_B8", "--result-dir", str(results)]) == 2
    assert "unknown model 'EDSR_B8'" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
@pytest.mark.parametrize("main", [build_engine.main, check_engine.main])
def test_without_a_gpu_jobs_say_so(results, capsys, main):
    assert main([*MODEL, "--result-dir", str(results)]) == 1
    assert "PyTorch finds 0 GPUs here" in capsys.readouterr().err
