"""The face of the engine benchmark, at a size that a CPU does in no time."""

import json
from pathlib import Path

import pytest

from ns_ray.jobs import engine_benchmark


def test_figures_are_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "figures.json"
    options = ["--model", "EDSR_B8_F16_S3", "--size", "40x24", "--runs", "2", "--frames", "3", "--json", str(out)]
    assert engine_benchmark.main([*options, "--device", "cpu"]) == 0
    shown = capsys.readouterr().out
    assert "needs an NVIDIA GPU" in shown  # why the fused engine is not in the table
    (result,) = json.loads(out.read_text())["results"]
    assert result["engine"] == "torch"
    assert len(result["anchor_ms"]) == 2
    assert min(*result["anchor_ms"], *result["dnn_ms"]) > 0
    assert min(result["psnr"]) == 100


def test_no_engine_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert engine_benchmark.main(["--engine", "fused", "--device", "cpu", "--size", "16x16"]) == 1
    assert "no engine of fused" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--size", "720p"], ["--runs", "0"], ["--engine", "nonsense"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        engine_benchmark.main(arguments)
    assert exit.value.code == 2
