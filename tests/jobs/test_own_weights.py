"""Streams with weights of their own: copies changed a little, or a folder of files."""

import pytest
import torch
from test_benchmark import MODEL

from ns_ray.jobs import benchmark
from ns_ray.report.html import load_result
from ns_ray.sr.models import build
from ns_ray.sr.weights import load_weights, save_weights


def test_each_stream_is_enhanced_by_its_own(job, tmp_path, plain_video):
    shipped = tmp_path / "w.pt"
    save_weights(build(MODEL).state_dict(), shipped)
    common = ("-m", MODEL, "-n", 60, "-v", 2, "--input", plain_video, "--scope", "stream")
    common += ("--anchor-codec", "jpeg", "--quality", 100)  # coarser ones lose so small a difference
    done = job("benchmark", *common, "--weights", shipped, "--own-weights", "--result-dir", tmp_path / "own")
    assert done.status == 0, done.out + done.err
    folder = next((tmp_path / "own").rglob("s2g0")) / "latest"
    files = sorted((folder / "weights").iterdir())
    one, other = (load_weights(MODEL, path) for path in files)
    base = load_weights(MODEL, shipped)
    for key, value in base.items():
        assert torch.allclose(value, other[key], rtol=1e-4)
        assert torch.equal(one[key], other[key]) == (not value.any())
    result = load_result(folder / "benchmark.json")
    assert result.switches.count >= 2
    assert 0 < result.switches.seconds < 5
    assert "switches of weights" in done.out
    assert "What limits" in done.out
    pictures = [(folder / "streams" / f"stream{i}.mkv").read_bytes() for i in range(2)]
    assert pictures[0] != pictures[1]
    again = job("benchmark", *common, "--weights", folder / "weights", "--result-dir", tmp_path / "again")
    assert again.status == 0, again.out + again.err
    streams = next((tmp_path / "again").rglob("s2g0")) / "latest" / "streams"
    assert [(streams / f"stream{i}.mkv").read_bytes() for i in range(2)] == pictures


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("-v", "3"), "it holds 1 .pt files for 3 streams"), (("-v", "1", "--own-weights"), "name one file")],
)
def test_folders_that_do_not_fit_are_refused(tmp_path, capsys, arguments, message):
    save_weights(build(MODEL).state_dict(), tmp_path / "a.pt")
    assert benchmark.main(["-m", MODEL, "--weights", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
