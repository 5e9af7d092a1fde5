"""Requests with weights of their own, at a size that a CPU does in no time."""

import json

import pytest

from ns_ray.jobs import benchmark_infer
from ns_ray.jobs.work import benchmark_infer as work

OPTIONS = ["-r", "32", "-m", "EDSR_B8_F16_S3", "-i", "box", "--device", "cpu", "--set", "enhancer.engine=torch"]


def test_figures_of_both_ways_are_written_and_every_request_has_its_own_weights(tmp_path, capsys, monkeypatch):
    seen = []
    load = work.load_weights
    monkeypatch.setattr(work, "load_weights", lambda spec, path: seen.append(path) or load(spec, path))
    counts = ["--requests", "2", "--warm-up", "1", "--request-frames", "3", "--naive-requests", "1"]
    assert benchmark_infer.main([*OPTIONS, *counts, "--result-dir", str(tmp_path)]) == 0
    assert "the weights that ship are taken" in capsys.readouterr().out.replace("\n", " ")
    folder = tmp_path / "evaluation" / "box" / "32p" / "EDSR_B8_F16_S3"
    ours, naive = (json.loads((folder / name).read_text()) for name in ("infer_result.json", "naive_result.json"))
    for figures, frames in ((ours, 6), (ours["on device"], 6), (naive, 3)):
        assert figures["num frames"] == frames
        assert figures["throughput"] == pytest.approx(frames / figures["latency"])
    assert (ours["engine"], ours["size"]) == ("torch", "56x32")
    assert len(set(seen)) == 1 + 3  # those that ship, and a file a request
    assert len(seen) == 1 + 3 + 1  # the naive way reads its own again


@pytest.mark.parametrize("wrong", [["-s", "2"], ["-m", "EDSR"], ["--set", "enhancer.engine=none"]])
def test_what_cannot_run_is_said(wrong, tmp_path, capsys):
    assert benchmark_infer.main([*OPTIONS, *wrong, "--requests", "1", "--result-dir", str(tmp_path)]) in (1, 2)
    assert "error: " in capsys.readouterr().err
