import json

import pytest

from ns_ray.jobs import enhancer_benchmark


def test_anchors_a_second_of_each_number_of_enhancers(job, tmp_path, plain_video):
    arguments = ("-m", "EDSR_B8_F16_S3", "--seconds", 0.5, "--input", plain_video, "--result-dir", tmp_path)
    arguments += ("--streams", 3, "--call-streams", 2, "--call-frames", 2, "--calls", 2)
    done = job("enhancer_benchmark", *arguments, "--set", "enhancer.actors=2")
    assert done.status == 0, done.out + done.err
    found = json.loads((tmp_path / "enhancers" / "latest" / "enhancers.json").read_text())
    assert len(found["anchors_per_second"]) == 2
    assert all(rate > 1 for rate in found["anchors_per_second"])
    assert found["engine_alone"] > 1
    assert found["of_engine_alone"][1] == found["anchors_per_second"][1] / 2 / found["engine_alone"]
    assert all(milliseconds > 0 for milliseconds in found["cpu_ms_an_anchor"])
    assert "│ engine alone │" in done.out, "headings take several lines"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seconds", "0"],
        ["--call-streams", "0"],
        ["--calls", "0"],
        ["--call-frames", "0"],
        ["-g", "-1"],
        ["--quality", "0"],
    ],
)
def test_wrong_usage(arguments):
    with pytest.raises(SystemExit) as stop:
        enhancer_benchmark.main(arguments)
    assert stop.value.code == 2
