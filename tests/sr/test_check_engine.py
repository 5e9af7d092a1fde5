"""The check that users run on their GPU, run around a stand-in: its verdict follows what the engine does."""

import json
import sys
from types import SimpleNamespace

import fake_pycuda
import host_device
import pictures
import pytest

from ns_ray.jobs import check_engine
from ns_ray.jobs.work import check_engine as work
from ns_ray.jobs.work.streams_served import Demand, anchor_ms, streams_served
from ns_ray.picture.coding import PUBLISHED
from ns_ray.sr import refittable_plan, tensorrt_engine
from ns_ray.sr.gpus import Gpu
from ns_ray.sr.models import build
from ns_ray.sr.tensorrt_package import TensorRt
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.weights import save_weights

pytestmark = host_device.needs_compiler
MODEL = "EDSR_B1_F4_S3"


class Runtime:
    def __init__(self, logger):
        pass

    def deserialize_cuda_engine(self, plan):
        return plan


@pytest.fixture
def gpu(monkeypatch, tmp_path_factory):
    """A T4 with TensorRT; returns the sessions' class, whose methods a test may spoil."""
    fake_pycuda.install(monkeypatch, host_device.kernels(tmp_path_factory.getbasetemp()))

    class Session(host_device.HostSession):
        def __init__(self, package, engine, spec, *addresses):
            super().__init__(spec, (36, 64), *addresses)

        def run(self, stream):
            self._run()

        def refit(self, stream):
            self._refit()

    package = TensorRt("tensorrt", "10.13.0", SimpleNamespace(Runtime=Runtime), None)
    t4 = Gpu(0, "Tesla T4", (7, 5))
    for module in (work, tensorrt_engine):
        monkeypatch.setattr(module, "find_gpu", lambda device: t4)
        monkeypatch.setattr(module, "find_tensorrt", lambda: package)
    monkeypatch.setattr(work, "TorchEngine", lambda model, width, height, *_, **__: TorchEngine(model, width, height))
    monkeypatch.setattr(tensorrt_engine, "TensorRtSession", Session)
    memory = property(lambda engine: "cpu", lambda engine, device: None)  # where pictures lie that stand in for a GPU's
    monkeypatch.setattr(tensorrt_engine.TensorRtEngine, "device", memory, raising=False)
    monkeypatch.setattr(refittable_plan, "to_onnx", lambda *_: SimpleNamespace(SerializeToString=lambda: b"onnx"))
    monkeypatch.setattr(refittable_plan, "build_plan", lambda *_: SimpleNamespace(data=b"plan"))
    yield Session
    sys.modules.pop("ns_ray.sr.cuda_device", None)


def _check(tmp_path, *more):
    save_weights(build(MODEL).state_dict(), tmp_path / "weights.pt")
    options = ["-m", MODEL, "-l", "64x36", "--weights", str(tmp_path / "weights.pt"), "--runs", "2", "--count", "2"]
    status = check_engine.main([*options, *more, "--result-dir", str(tmp_path)])
    record = json.loads((tmp_path / "generic" / MODEL / "check.json").read_text())
    return status, {one["what"]: one["passed"] for one in record["checks"]}


TIMES = {"latency, host to host", "many frames, each", "switch of weights"}


def test_what_works_passes(tmp_path, gpu, capsys):
    status, checks = _check(tmp_path)
    failed = {what for what, passed in checks.items() if not passed}
    assert failed <= TIMES  # a CPU that plays a GPU may be slow
    assert status == (1 if failed else 0)
    assert ("verdict: PASS" in capsys.readouterr().out) == (not failed)
    assert {
        "plan found again",
        "plan of another version",
        "weights switched, yuv",
        "many frames in order",
    } < checks.keys()


def test_it_tells_how_many_streams_the_gpu_could_serve(tmp_path, gpu, capsys):
    _check(tmp_path, "--config", "t4", "--frame-rate", "30", "--fraction", "0.1")
    record = json.loads((tmp_path / "generic" / MODEL / "check.json").read_text())
    assert record["streams"] == pytest.approx(1000 / (record["anchor_ms"] * 30 * 0.1))
    asked = record["of_streams"]
    assert (asked["frame_rate"], asked["fraction"], asked["coding"][:2]) == (30, 0.1, ["jpeg-residual", 75])
    told = " ".join(capsys.readouterr().out.split())
    assert f"could serve {record['streams']:.1f} streams of 64x36, 30 frames a second and 0.1 anchors a frame" in told
    assert "other weights every 2 anchors. Decoding is another limit" in told


def test_a_turn_is_what_a_stream_asks_for_in_an_epoch():
    demand = Demand(60, 0.075, PUBLISHED, 2 / 3)
    assert (demand.a_turn, streams_served(5.0, demand)) == (3, pytest.approx(1000 / 22.5))
    assert Demand(25, 0.01, PUBLISHED, 2 / 3).a_turn == 1
    network = build(MODEL)
    weights = [{name: tensor * by for name, tensor in network.state_dict().items()} for by in (1, 0.5)]
    loaded = []

    class Noting(TorchEngine):
        def load(self, weights):
            loaded.append(weights)
            super().load(weights)

        def begin_pixels(self, planes):
            loaded.append(planes)
            return super().begin_pixels(planes)

    frames = [pictures.noise(16, 10, seed) for seed in range(2)]
    assert anchor_ms(Noting(MODEL, 16, 10), weights, frames, demand, 2) > 0
    first, other = weights
    a, b = frames
    expected = [first, a, b, a, other, a, b, a, first, a, b, a]
    assert all(one is two for one, two in zip(loaded, expected, strict=True))


@pytest.mark.parametrize("wrong", [("--fraction", "0"), ("--fraction", "0.2"), ("--frame-rate", "0")])
def test_streams_that_nobody_has_are_wrong_usage(wrong):
    with pytest.raises(SystemExit) as stopped:
        check_engine.main([*wrong])
    assert stopped.value.code == 2


def test_weights_that_stay_fail(tmp_path, gpu, monkeypatch, capsys):
    refits = []

    def once(self, stream):
        if not refits:
            self._refit()
        refits.append(stream)

    monkeypatch.setattr(gpu, "refit", once)
    status, checks = _check(tmp_path)
    assert status == 1
    assert checks["weights loaded, rgb"]
    assert not checks["weights switched, rgb"]
    assert "verdict: FAIL (weights switched, rgb; weights switched, yuv" in capsys.readouterr().err


def test_plans_that_are_always_built_fail(tmp_path, gpu, monkeypatch):
    class Forgetful(tensorrt_engine.TensorRtEngine):
        def __init__(self, *arguments, plans):
            for plan in plans.rglob("*.plan"):
                plan.unlink()
            super().__init__(*arguments, plans=plans)

    monkeypatch.setattr(work, "TensorRtEngine", Forgetful)
    status, checks = _check(tmp_path)
    assert (status, checks["plan found again"]) == (1, False)
