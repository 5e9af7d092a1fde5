"""From measured figures to streams, costs and ratios."""

import json
from pathlib import Path

import pytest
import yaml
from synthetic_results import make_result

from ns_ray.config.load import load_config
from ns_ray.jobs import measure_throughput
from ns_ray.shipped import FOLDER
from ns_ray.whole_file import write_record


@pytest.fixture
def results(tmp_path):
    """An H100-like machine: F16 at 1000, F32 at 400 frames a second, VP9 at 45 and 61 in 8 and 16 threads."""
    machine = tmp_path / "evaluation" / "box"
    for model, fps, alone in (("EDSR_B8_F16_S3", 1000, 1980), ("EDSR_B8_F32_S3", 400, 780)):
        figures = {"num frames": 600, "latency": 600 / fps, "throughput": fps, "on device": {"throughput": alone}}
        write_record(machine / "720p" / model / "infer_result.json", figures)
    software = {key: {"throughput": fps} for key, fps in (("8", 45.0), ("16", 61.0))}
    write_record(machine / "2160p" / "software_encode_result.json", {"about": {}} | software)
    write_record(machine / "2160p" / "engorgio_encode_result.json", {"throughput": 90.0, "workers": 2})
    write_record(machine / "720p" / "decode_result.json", {"num_streams": 3})
    config = tmp_path / "box.yaml"
    stated = {"fps": 120, "source": "a brochure"}
    box = {"vcpus": 20, "gpus": 1, "price_usd": 3.0, "price_source": "a list", "hardware_encoder": stated}
    config.write_text(yaml.safe_dump({"instance": "box", "instances": {"box": box}}))
    return tmp_path


def measured(results: Path, target: str, *options: str) -> tuple[dict, dict]:
    paths = ["--config", str(results / "box.yaml"), "--result_dir", str(results)]
    assert measure_throughput.main([*paths, "--target", target, *options]) == 0
    stem = target.replace("-", "_")
    folder = results / "artifact" / "box"
    return tuple(json.loads((folder / f"{stem}_{kind}.json").read_text()) for kind in ("throughput", "cost"))


def test_per_frame_by_the_published_formulas(results):
    """DNN: 1000 / 60 = 16; 20 - 1 - 3 = 16 CPUs, one encoder of 16 threads; stated: 120 / 60 = 2."""
    throughput, cost = measured(results, "per-frame", "--num_blocks", "8", "--num_channels", "16")
    assert throughput == {"Per-frame (Software codec)": 1}
    software = cost["ways"]["Per-frame (Software codec)"]
    assert (software["limit"], software["usd_an_hour_and_stream"]) == ("software encoder", 3.0)
    assert software["parts"]["inference"] == {"streams": 16, "exact": pytest.approx(1000 / 60)}
    stated = cost["ways"]["Per-frame (Hardware codec, stated)"]
    assert (stated["streams"], stated["stated"], stated["usd_an_hour_and_stream"]) == (2, True, 1.5)
    assert cost["dnn_alone"]["streams"] == 33
    figures = ["720p/EDSR_B8_F16_S3/infer_result.json", "2160p/software_encode_result.json"]
    assert cost["figures"] == [f"evaluation/box/{path}" for path in figures]


def test_selective_and_a_measured_hardware_encoder(results):
    """DNN: 400 / 0.2 / 60 = 33; hardware: 150 / 60 = 2."""
    write_record(results / "evaluation" / "box" / "2160p" / "hardware_encode_result.json", {"throughput": 150.0})
    throughput, cost = measured(results, "selective", "--num_anchors", "8")
    assert throughput == {"Selective (Software codec)": 1, "Selective (Hardware codec)": 2}
    assert cost["ways"]["Selective (Hardware codec)"]["parts"]["inference"]["streams"] == 33


def test_engorgio_is_what_runs_showed_beside_the_others(results, capsys):
    runs = results / "evaluation" / "box" / "720p" / "EDSR_B8_F32_S3"
    for count, holds, paced in ((2, True, True), (6, True, True), (7, False, True), (9, True, False)):
        result = make_result(count, 2, paced=paced, real_time=holds)
        write_record(runs / f"s{count}g1" / "latest" / "benchmark.json", result.to_json())
    write_record(runs / "s3g1" / "latest" / "benchmark.json", make_result(3, 2, real_time=None).to_json())
    write_record(runs / "s8g2" / "latest" / "benchmark.json", make_result(8, 2).to_json())  # of another number of GPUs
    measured(results, "per-frame")
    throughput, cost = measured(results, "engorgio")
    assert throughput == {"engorgio": 6}
    way = cost["ways"]["engorgio"]
    assert way["usd_an_hour_and_stream"] == 0.5
    assert all(text in way["limit"] for text in ("paced", "s6g1", "Most loaded"))
    parts = {name: part["streams"] for name, part in way["parts"].items()}
    assert parts["inference"] == 88  # 400 / 0.075 / 60
    assert parts["decoders on all CPUs"] == 60
    assert parts["anchor encoder (2 threads)"] == 20  # 90 / (60 x 3 / 40)
    assert list(cost["times"]) == ["Per-frame (Software codec)", "Per-frame (Hardware codec, stated)"]
    software, stated = cost["times"].values()
    assert (software["whole_streams"], stated["whole_streams"]) == (6, 3)
    assert software["by_dnn_alone"] == pytest.approx((780 / 4.5) / (1980 / 60))
    assert software["their_limit"] == "software encoder"
    assert "software encoder" in capsys.readouterr().out


def test_what_was_not_measured_is_asked_for(results, capsys):
    paths = ["--config", str(results / "box.yaml"), "--result-dir", str(results)]
    assert measure_throughput.main([*paths, "--target", "engorgio"]) == 1
    assert "jobs/benchmark.py" in capsys.readouterr().err
    assert measure_throughput.main([*paths, "--target", "per-frame", "--num_blocks", "4"]) == 1
    assert "jobs/benchmark_infer.py" in capsys.readouterr().err
    assert measure_throughput.main([*paths, "--target", "per-frame", "-i", "moon"]) == 2
    assert "describes box" in capsys.readouterr().err


def test_published_machines():
    instances = load_config(FOLDER / "configs" / "artifact.yaml").instances
    published = {"ae_server": (16, 1), "g4dn.xlarge": (4, 1), "g4dn.2xlarge": (8, 1), "g4dn.4xlarge": (16, 1)}
    for name, size in (published | {"g4dn.12xlarge": (48, 4)}).items():
        assert (instances[name].vcpus, instances[name].gpus) == size
        assert (instances[name].price_usd is None) == (name == "ae_server")
