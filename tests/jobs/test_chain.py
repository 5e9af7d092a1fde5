"""The README's sequence from a 2160p file to a DNN of its own, an engine and a hybrid stream, as it stands there."""

import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import pytest

from jobs.quality import reference
from ns_ray.picture.yuv import resize, to_frame

ROOT = Path(__file__).parents[2]
SECONDS = 1


def commands() -> str:
    """The shell lines of "The whole chain"; the first names the user's file and gives way to the test's."""
    block = re.search(
        r"## The whole chain.*?```sh\nexport SOURCE=.*?\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert block
    return block[1]


@pytest.fixture
def source(tmp_path):
    """The sample at 2160p60, twice SECONDS long."""
    path = tmp_path / "match.mkv"
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("libx264", rate=60, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 3840, 2160, "yuv420p"
        context = stream.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        pictures = reference(str(ROOT / "dataset/sample/1080p_d4_test.webm"), (1920, 1080))
        for index, picture in enumerate(islice(pictures, 120 * SECONDS)):
            frame = to_frame(resize(picture, (3840, 2160), "BILINEAR"))
            frame.pts, frame.time_base = index, Fraction(1, 60)
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


def test_the_whole_chain_runs_as_the_readme_says(source, shared, tmp_path):
    data, result = tmp_path / "data", tmp_path / "result"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = shared | {"SOURCE": str(source), "S": str(SECONDS), "DATA": str(data), "RESULT": str(result)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()],
        cwd=ROOT,
        env=environment | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    model = result / "match0/checkpoint" / f"360p_700kbps_d{SECONDS}_train.webm" / "EDSR_B8_F16_S3"
    trained = json.loads((model / "training.json").read_text())
    assert trained["final"]["EDSR_B8_F16_S3"]["psnr"]["match0 360p"] > trained["baseline"]["bicubic"]["match0 360p"]
    judged = json.loads((result / "evaluation/sr" / f"360p_700kbps_d{SECONDS}_test.json").read_text())["mean"]
    assert judged["EDSR_B8_F16_S3"] > judged["bilinear"]
    assert (model / "640x360_fp16.onnx").is_file()
    assert next(model.glob("*T4/640x360_fp16.plan")).stat().st_size > 100_000
    streams = list((result / "evaluation").glob("*/360p/EDSR_B8_F16_S3/*/streams/*.mkv"))
    assert len(streams) == 1
    with av.open(str(streams[0])) as hybrid:
        sizes = [(track.width, track.height) for track in hybrid.streams.video]
    assert sizes == [(640, 360), (1920, 1080)]
