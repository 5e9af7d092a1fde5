"""What is wrong is told at once, each thing in a line that names it and the remedy, before Ray starts."""

import re
from importlib import import_module

import h264_streams
import pytest
import ray

from ns_ray.errors import ConfigError, MediaError, ModelError
from ns_ray.jobs import benchmark
from ns_ray.jobs.cli.checks import Checks, weights_file
from ns_ray.sr.models import build
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.weights import save_weights

MODEL = "EDSR_B1_F4_S3"


@pytest.fixture
def wrong(tmp_path, monkeypatch, plain_video):
    """Paths at which nothing is as it should be, by name; Ray must not be started."""

    def started(**_: object) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(ray, "init", started)
    text = tmp_path / "text.webm"
    text.write_text("no video\n" * 100)
    (tmp_path / "empty").mkdir()
    save_weights(build("EDSR_B1_F8_S3").state_dict(), tmp_path / "other.pt")
    return {
        "GONE": tmp_path / "gone.webm",
        "TEXT": text,
        "GOOD": plain_video,
        "H264": h264_streams.write(tmp_path / "h264.mkv", 2, (32, 32)),
        "BELOW": text / "result",  # a folder below a file: also who may write anywhere cannot make it
        "EMPTY": tmp_path / "empty",
        "OTHER": tmp_path / "other.pt",
        "HERE": tmp_path / "out",
    }


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("-i ")]
    assert all(line.startswith("error: ") for line in lines), lines
    return lines


PAIR = ["-i", "GONE", "--reference", "TEXT", "-m", "EDSR_X", "--engine", "tensorr", "--weights", "GONE.pt"]
PAIR_TOLD = ["gone.webm", "text.webm", "EDSR_X", "choose tensorrt", "gone.webm.pt", "BELOW", "no such setting"]
PLACES = ["--result-dir", "BELOW", "--set", "enhancer.speed=3"]
CASES = {
    "all of a benchmark": (
        "benchmark",
        [
            *("--input", "GONE", "TEXT", "--weights", "GONE.pt", "-m", "EDSR_X", "--set", "enhancer.engine=tensorr"),
            *("--set", "gop_frames=0", "--set", "threads=4", "--reference", "GONE", *PLACES),
        ],
        2,
        [
            *(
                "gone.webm: it cannot",
                "text.webm: it cannot",
                "gone.webm.pt",
                "EDSR_X",
                "choose tensorrt",
                "gop_frames",
            ),
            *("choose decoder.threads", "--reference", "name one each", "BELOW", "`enhancer` has "),
        ],
    ),
    "files of a benchmark": (
        "benchmark",
        ["--input", "GONE", "GOOD", "TEXT", "-m", MODEL, "--weights", "OTHER"],
        1,
        ["gone.webm", "text.webm", f"other.pt is not for {MODEL}"],
    ),
    "methods that encode H.264 anew": (
        "benchmark",
        ["--input", "GOOD", "H264", "--method", "per-frame", "--against", "neuroscaler", "selective"],
        2,
        ["--method per-frame: H264: H.264 frames are shown", "--against selective: H264: H.264 frames are shown"],
    ),
    "a rate and a scale": (
        "benchmark",
        ["--input", "GOOD", "-a", "30", "-s", "2", "-m", "EDSR_B8_F16_S3"],
        2,
        ["plain.mkv: it has 60 frames/s, not 30", "--scale 2"],
    ),
    "no weights in a folder": (
        "evaluate_sr",
        ["GOOD", "GOOD", "-m", MODEL, "--weights", "EMPTY"],
        1,
        ["smaller", MODEL],
    ),
    "curves": ("curves", [*PAIR, *PLACES], 2, PAIR_TOLD),
    "rate_distortion": ("rate_distortion", [*PAIR, *PLACES], 2, PAIR_TOLD),
    "study": ("study", [*PAIR, *PLACES], 2, PAIR_TOLD),
    "evaluate_sr": ("evaluate_sr", [*PAIR, *PLACES], 2, PAIR_TOLD),
    "measure_quality": (
        "measure_quality",
        ["-i", "GONE", "--reference", "TEXT", "--num-blocks", "1000", "--engine", "x", *PLACES],
        2,
        ["gone.webm", "text.webm", "EDSR_B1000", "--engine", "BELOW", "no such setting"],
    ),
    "measure_quality of a content": (
        "measure_quality",
        ["--content", "nothing", "--data-dir", "EMPTY", "--result-dir", "EMPTY"],
        1,
        ["no pairs of videos", "no folder where one 720p_*kbps_d60_train.webm is needed"],
    ),
    "play": (
        "play",
        ["GONE", "-o", "BELOW/a.mp4", "--encoder", "x265x", "--set", "a=1"],
        2,
        ["gone.webm", "text.webm is no folder", "x265x", "no such setting"],
    ),
    "play onto itself": ("play", ["GOOD", "-o", "GOOD"], 2, ["which is an input (hybrid)"]),
    "quality": ("quality", ["GONE", "--reference", "TEXT", "--json", "EMPTY"], 1, ["gone", "text.webm", "a folder"]),
    "train": (
        "train",
        ["-c", "a0", "b0", "--data-dir", "EMPTY", "--weights", "EMPTY", "-m", MODEL, *PLACES],
        2,
        ["a0/video", "b0/video", "no weights at all", "BELOW", "no such setting"],
    ),
    "pretrain": (
        "pretrain",
        ["-m", "EDSR_X", MODEL, "--data-dir", "EMPTY", *PLACES],
        2,
        ["EDSR_X", "no pairs", "BELOW", "set"],
    ),
    "encode": ("encode", ["--xls-name", "GONE", "--data-dir", "BELOW"], 1, ["gone.webm", "is no folder"]),
    "download": ("download", ["--video", "a/b", "--data-dir", "BELOW"], 2, ["a/b", "is no folder"]),
    "prepare_stills": ("prepare_stills", ["GONE", "--data-dir", "BELOW"], 1, ["gone.webm", "is no folder"]),
    "export_onnx": (
        "export_onnx",
        ["-m", "EDSR_X", "-i", "GONE", "-e", "3", *PLACES],
        2,
        ["EDSR_X", "gone.webm", "--epoch 3", "BELOW", "no such setting"],
    ),
    "benchmark_decode": ("benchmark_decode", ["-i", "GONE", *PLACES], 2, ["gone.webm", "BELOW", "no such setting"]),
    "benchmark_encode": ("benchmark_encode", ["-i", "GONE", *PLACES], 2, ["gone.webm", "BELOW", "no such setting"]),
    "benchmark_encoder": ("benchmark_encoder", ["-i", "GONE", *PLACES], 2, ["gone.webm", "BELOW", "no such setting"]),
    "benchmark_infer": ("benchmark_infer", ["-m", "EDSR_X", *PLACES], 2, ["EDSR_X", "BELOW", "no such setting"]),
    "enhancer_benchmark": (
        "enhancer_benchmark",
        ["-m", MODEL, "-i", "GONE", *PLACES],
        2,
        [MODEL, "gone.webm", "BELOW", "no such setting"],
    ),
    "engine_benchmark": (
        "engine_benchmark",
        ["-m", "EDSR_X", MODEL, "--json", "EMPTY"],
        2,
        ["EDSR_X", MODEL, "a folder"],
    ),
    "control_benchmark": ("control_benchmark", PLACES, 2, ["BELOW", "no such setting"]),
    "simulate": ("simulate", ["--json", "EMPTY", "--set", "a=1"], 2, ["a folder", "no such setting"]),
    "microbenchmark": ("microbenchmark", ["--json", "EMPTY", "--set", "a=1"], 2, ["a folder", "no such setting"]),
    "artifact": ("artifact", ["--result-dir", "BELOW"], 1, ["BELOW"]),
}
"""Job, options, exit status, what each line says, whatever their order."""


@pytest.mark.parametrize("case", CASES)
def test_all_that_is_wrong_is_told_at_once(case, wrong, capsys):
    job, words, status, told = CASES[case]
    for name, path in wrong.items():
        words = [re.sub(rf"^{name}\b", str(path), word) for word in words]
    if "--result-dir" not in words and job != "play":
        words += ["--result-dir", str(wrong["HERE"])]
    assert import_module(f"ns_ray.jobs.{job}").main(words) == status
    lines = errors(capsys)
    for one in told:
        one = re.sub(r"\b(BELOW|H264)\b", lambda name: str(wrong[name[0]]), one)
        assert any(one in line for line in lines), (one, lines)
    assert len(lines) == len(told), lines
    assert not wrong["HERE"].exists()


def test_bad_inputs_may_be_left_to_the_others(wrong, capsys):
    options = ["--keep-going", "--input", str(wrong["GONE"]), str(wrong["GOOD"]), "--set", "a=1"]
    assert benchmark.main(options) == 2
    assert [line for line in errors(capsys) if "gone.webm" in line] == []


def test_addresses_are_left_to_who_reads_them(capsys):
    assert benchmark.main(["--input", "rtsp://127.0.0.1:1/live", "--set", "a=1"]) == 2
    assert len(errors(capsys)) == 1


def test_weights_are_a_file_or_a_folder(tmp_path):
    spec = ModelSpec.parse(MODEL)
    file = tmp_path / f"{MODEL}.pt"
    with pytest.raises(ModelError, match="no weights at all; name the folder"):
        weights_file(spec, tmp_path)
    file.touch()
    assert weights_file(spec, tmp_path) == weights_file(spec, file) == file
    for path, epoch, said in (
        (tmp_path, 2, "_e2.pt is missing"),
        (file, 2, "--epoch is of a training"),
        (tmp_path / "x", None, "no such"),
    ):
        with pytest.raises(ModelError, match=said):
            weights_file(spec, path, epoch)


def test_usage_comes_before_files(tmp_path):
    checks = Checks()
    checks.folder(tmp_path / "made" / "later", "--result-dir")
    checks.done()
    checks.video(tmp_path / "gone.webm")
    checks.video(tmp_path / "gone.webm")
    with pytest.raises(MediaError) as failed:
        checks.done()
    assert len(failed.value.args) == 1
    checks.wrong("--this")
    with pytest.raises(ConfigError, match=r"^--this; .*gone\.webm"):
        checks.done()
    assert not list(tmp_path.iterdir())
