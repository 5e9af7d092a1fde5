"""docs/published.sh, the published README's commands: from a video to DNNs, an engine, streams, costs and quality."""

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import av
import pytest

from ns_ray.sr.models import build
from ns_ray.sr.train import start_as_interpolation
from ns_ray.sr.weights import save_weights

SCRIPT = Path(__file__).parents[2] / "docs/published.sh"
MODEL = "EDSR_B1_F4_S3"

PUBLISHED = [
    "download.py --data_dir DATA",
    "encode.py --duration 60 --data_dir DATA",
    "train.py -c lol0 -l 720 -h 2160 -s 3 -b 8 -f 16 -m edsr",
    "train.py -c lol0 -l 720 -h 2160 -s 3 -b 8 -f 32 -m edsr",
    "export_onnx.py -c lol0 -l 720 -s 3 -b 8 -f 16 -m edsr -e 20",
    "export_onnx.py -c lol0 -l 720 -s 3 -b 8 -f 32 -m edsr -e 20",
    "build_engine.py -d 60 -c lol0 -m EDSR_B8_F32_S3",
    "benchmark.py -g 1 -v 1 -i ae_server -n 3000 -d 60",
    "check_realtime.py --log_dir RESULT/evaluation/ae_server/720p/EDSR_B8_F32_S3 --num_gpus 1 --num_videos 1",
    "build_engine.py -d 60 -c lol0 -m EDSR_B8_F16_S3",
    "benchmark_infer.py -i ae_server -d 60 -m EDSR_B8_F16_S3",
    "benchmark_infer.py -i ae_server -d 60 -m EDSR_B8_F32_S3",
    "benchmark_encoder.py --data_dir DATA --result_dir RESULT --instance ae_server --duration 60",
    "measure_throughput.py --instance ae_server --num_blocks 8 --num_channels 16 --target per-frame",
    "measure_throughput.py --instance ae_server --num_blocks 8 --num_channels 32 --target selective --num_anchors 8",
    "measure_throughput.py --target engorgio",
    "measure_quality.py --content lol0 --mode eval-small --target per-frame --input_resolution 720 "
    "--output_resolution 2160 --num_blocks 8 --num_channels 16",
    "measure_quality.py --content lol0 --mode eval-small --target selective --input_resolution 720 "
    "--output_resolution 2160 --num_blocks 8 --num_channels 32 --num_anchors 8",
    "measure_quality.py --content lol0 --mode eval-small --target engorgio --input_resolution 720 "
    "--output_resolution 2160 --num_blocks 8 --num_channels 32",
    "clear.py --content lol0 --mode eval-small --input_resolution 720 --output_resolution 2160",
    "clear.py --content lol0 --mode eval-small --num_blocks 8 --num_channels 16",
    "clear.py --content lol0 --mode eval-small --num_blocks 8 --num_channels 32",
    "clear.py --content lol0 --mode eval-small --num_blocks 8 --num_channels 32 --avg_anchors 3",
]
"""The published commands, with the names of the jobs here; the last target of measure_throughput is ours."""


def pairs(command: str) -> set[tuple[str, str]]:
    """Options with their values."""
    words = command.split()
    return {(option, value) for option, value in pairwise(words) if option.startswith("-")}


@pytest.fixture
def commands(tmp_path):
    """Runs the script with a `python` that notes its command lines and fails at one job; gives status and lines."""
    program = tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@" >> "$LOG"\n[ "$1" != "jobs/$FAILS.py" ]\n')
    program.chmod(0o755)
    log = tmp_path / "log"

    def run(fails: str) -> tuple[int, list[str]]:
        log.unlink(missing_ok=True)
        environment = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "DATA": "DATA", "RESULT": "RESULT"}
        ended = subprocess.run(
            ["bash", SCRIPT], env=environment | {"LOG": str(log), "FAILS": fails}, capture_output=True, timeout=60
        )
        return ended.returncode, log.read_text().splitlines()

    return run


def test_they_are_the_published_ones_in_their_order(commands):
    status, ran = commands("none")
    assert status == 0
    assert [line.split()[0] for line in ran] == [f"jobs/{line.split()[0]}" for line in PUBLISHED]
    for line, published in zip(ran, PUBLISHED, strict=True):
        assert pairs(published) <= pairs(line)


@pytest.mark.parametrize("job", ["download", "check_realtime", "measure_quality"])
def test_the_first_that_fails_is_the_last(commands, job):
    status, ran = commands(job)
    assert status == 1
    assert [line.split()[0] for line in ran].index(f"jobs/{job}.py") == len(ran) - 1


ASKS = """#!{python} -IS
import json, socket, sys
with socket.create_connection(("127.0.0.1", {port})) as asked, asked.makefile("rw") as lines:
    print(json.dumps(sys.argv[1:]), file=lines, flush=True)
    sys.exit(int(lines.readline()))
"""
"""A `python` that has what it is to run run by these tests' process, which has imported all of it."""


@pytest.fixture
def served(job, tmp_path, monkeypatch):
    """Runs the script, its jobs in this process; gives its status, and what the last job left."""
    monkeypatch.chdir(SCRIPT.parents[1])

    def run(variables: dict[str, str]) -> tuple[int, object]:
        last = None
        with socket.create_server(("127.0.0.1", 0)) as asked:
            asked.settimeout(0.1)
            python = tmp_path / "bin" / "python"
            python.parent.mkdir()
            python.write_text(ASKS.format(python=sys.executable, port=asked.getsockname()[1]))
            python.chmod(0o755)
            path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
            script = subprocess.Popen(["bash", SCRIPT], env=os.environ | variables | {"PATH": path})
            while script.poll() is None:
                with suppress(TimeoutError):
                    asking, _ = asked.accept()
                    with asking, asking.makefile("rw") as lines:
                        name, *arguments = json.loads(lines.readline())
                        last = job(Path(name).stem, *arguments)
                        print(last.status, file=lines, flush=True)
        return script.returncode, last

    return run


@pytest.fixture
def done(served, tmp_path):
    """What the script leaves: of one second of the sample, and a DNN too small for anything."""
    network = build(MODEL)
    start_as_interpolation(network)
    save_weights(network.state_dict(), tmp_path / "start" / f"{MODEL}.pt")
    training = ("train.epochs=1", "train.epoch_steps=2", "train.fps=2", "train.batch=2")
    status, last = served(
        {
            "SMALL": "1",
            "DATA": str(tmp_path / "data"),
            "RESULT": str(tmp_path / "result"),
            "BLOCKS": "1",
            "FEW": "4",
            "MANY": "4",
            "NUMBER": "20",
            "TRAIN_OPTIONS": " ".join([f"--weights {tmp_path / 'start'}", *(f"--set {one}" for one in training)]),
            "INFER_OPTIONS": "--requests 1 --warm-up 0 --naive-requests 0 --request-frames 1",
            "ENCODER_OPTIONS": "--num-frames 2 --threads 16",
            "QUALITY_OPTIONS": "--frames 5",
        }
    )
    assert status == 0, last
    return tmp_path


def record(path: Path) -> dict:
    return json.loads(path.read_text())


def test_they_run_through(done):
    result = done / "result"
    prepared = {path.name for path in (done / "data/sample0/video").glob("*.webm")}
    assert prepared == {f"{name}_d1_{part}.webm" for name in ("360p_700kbps", "1080p") for part in ("train", "test")}
    model = result / "sample0/checkpoint/360p_700kbps_d1_train.webm" / MODEL
    assert {f"{MODEL}.pt", "training.json", "640x360_fp16.onnx"} <= {path.name for path in model.iterdir()}
    assert record(model / "export.json")["weights"] == f"{MODEL}_e1.pt"
    assert (model / "Tesla_T4/640x360_fp16.plan").stat().st_size > 10_000

    machine = result / "evaluation/local"
    run = machine / "360p" / MODEL / "s1g0" / "latest"
    with av.open(str(next((run / "streams").glob("*.mkv")))) as hybrid:
        assert [(track.width, track.height) for track in hybrid.streams.video] == [(640, 360), (1920, 1080)]
    assert (run / "0/infer_latency.txt").read_text()
    assert len(record(run / "realtime.json")["rules"]) == 3
    assert record(machine / "360p" / MODEL / "infer_result.json")["throughput"] > 0
    assert record(machine / "1080p/software_encode_result.json")["16"]["num_frames"] == 2

    others = {"per_frame": "Per-frame (Software codec)", "selective": "Selective (Software codec)"}
    for target, way in others.items():
        assert list(record(result / f"artifact/local/{target}_throughput.json")) == [way]
    assert list(record(result / "artifact/local/engorgio_cost.json")["times"]) == list(others.values())
    for target in (*others, "engorgio"):
        quality = record(result / f"artifact/{target}_quality.json")
        assert (quality["content"], quality["frames"]) == ("sample0", 5)
    assert record(result / "artifact/size.json")["all"] > 0
