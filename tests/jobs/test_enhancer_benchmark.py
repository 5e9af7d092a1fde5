import json

import pytest

from jobs import enhancer_benchmark


def test_anchors_a_second_of_each_number_of_enhancers(tmp_path, plain_video, capsys):
    arguments = ["-m", "EDSR_B8_F16_S3", "--seconds", "0.5", "--input", str(plain_video), "--result-dir", str(tmp_path)]
    assert enhancer_benchmark.main([*arguments, "--set", "enhancer.actors=2"]) == 0
    found = json.loads((tmp_path / "enhancers" / "enhancers.json").read_text())
    assert len(found["anchors_per_second"]) == 2
    assert all(rate > 1 for rate in found["anchors_per_second"])
    assert "times one" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--seconds", "0"], ["--call-frames", "0"], ["-g", "-1"], ["--quality", "0"]])
def test_wrong_usage(arguments):
    with pytest.raises(SystemExit) as stop:
        enhancer_benchmark.main(arguments)
    assert stop.value.code == 2
