"""The torch engine against the plain network, and how engines are chosen."""

from collections.abc import Callable

import numpy as np
import pictures
import pytest
import torch
from numpy.typing import NDArray

from ns_ray.errors import ModelError
from ns_ray.sr import calibrate, strips
from ns_ray.sr.color import rgb_to_uint8, rgb_to_yuv, yuv_to_rgb
from ns_ray.sr.engine import Planes
from ns_ray.sr.gpus import Gpu
from ns_ray.sr.models import build
from ns_ray.sr.torch_engine import TorchEngine


def _engine(model: str, width: int, height: int, seed: int = 0) -> TorchEngine:
    engine = TorchEngine(model, width, height)
    engine.load(build(model, seed).state_dict())
    return engine


@torch.inference_mode()
def _plain(model: str, planes: Planes, seed: int = 0) -> torch.Tensor:
    y, u, v = map(torch.from_numpy, planes)
    result: torch.Tensor = build(model, seed)(yuv_to_rgb(y, u, v))
    return result


def _apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.abs(a.astype(int) - b).max())


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (33, 17), (97, 50)])
@pytest.mark.parametrize("model", ["EDSR_B2_F8_S3", "EDSR_B1_F4_S2", "EDSR_B1_F4_S4"])
def test_equals_the_plain_network(model: str, size: tuple[int, int]) -> None:
    planes = pictures.noise(*size)
    engine, expected = _engine(model, *size), _plain(model, planes)
    torch.testing.assert_close(engine.infer_device(planes), expected, rtol=1e-4, atol=1e-5)
    assert _apart(engine.infer(planes), rgb_to_uint8(expected).numpy()) <= 1
    for ours, theirs in zip(engine.infer(planes, "yuv"), rgb_to_yuv(expected), strict=True):
        assert ours.shape == theirs.shape
        assert _apart(ours, theirs.numpy()) <= 1


@pytest.mark.parametrize(("body", "tail"), [(1, 1), (200, 3000), (10**9, 10**9)])
def test_strips_of_any_size(monkeypatch: pytest.MonkeyPatch, body: int, tail: int) -> None:
    monkeypatch.setattr(strips, "_BODY_PIXELS", body)
    monkeypatch.setattr(strips, "_TAIL_VALUES", tail)
    planes = pictures.noise(41, 23)
    engine = _engine("EDSR_B2_F8_S3", 41, 23)
    for _ in range(2):  # what a frame leaves in the buffers does not reach the next
        torch.testing.assert_close(engine.infer_device(planes), _plain("EDSR_B2_F8_S3", planes), rtol=1e-4, atol=1e-5)
        engine.infer(pictures.noise(41, 23, seed=1))


def test_strided_and_read_only_planes() -> None:
    y, u, v = pictures.noise(34, 18)
    wide = np.zeros((18, 100), np.uint8)
    wide[:, :34] = y
    interleaved = np.stack((u, v), axis=-1)
    interleaved.setflags(write=False)
    engine = _engine("EDSR_B1_F4_S3", 34, 18)
    strided = (wide[:, :34], interleaved[..., 0], interleaved[..., 1])
    assert np.array_equal(engine.infer(strided), engine.infer((y, u, v)))


def test_results_are_the_callers_and_the_same_every_time() -> None:
    engine = _engine("EDSR_B1_F4_S3", 20, 12)
    first = engine.infer(pictures.noise(20, 12))
    kept = first.copy()
    engine.infer(pictures.noise(20, 12, seed=1))
    assert np.array_equal(first, kept)
    assert np.array_equal(engine.infer(pictures.noise(20, 12)), kept)
    assert first.flags.c_contiguous
    assert first.flags.writeable


@pytest.mark.parametrize("model", ["EDSR_B1_F4_S3", "EDSR_B1_F4_S4"])
def test_load_switches_weights(model: str) -> None:
    planes = pictures.noise(16, 16)
    engine = _engine(model, 16, 16, seed=1)
    first = engine.infer(planes)
    engine.load(build(model, 2).state_dict())
    assert _apart(engine.infer(planes), rgb_to_uint8(_plain(model, planes, 2)).numpy()) <= 1
    engine.load(build(model, 1).state_dict())
    assert np.array_equal(engine.infer(planes), first)


def test_many_frames_in_order() -> None:
    engine = _engine("EDSR_B1_F4_S3", 16, 10)
    frames = [pictures.noise(16, 10, seed) for seed in range(4)]
    for ours, planes in zip(engine.infer_all(frames), frames, strict=True):
        assert np.array_equal(np.asarray(ours), engine.infer(planes))


def test_what_an_engine_refuses() -> None:
    engine = TorchEngine("EDSR_B1_F4_S3", 16, 10)
    y, u, v = pictures.noise(16, 10)
    with pytest.raises(ModelError, match="no weights yet"):
        engine.infer((y, u, v))
    with pytest.raises(ModelError, match="is not for EDSR_B1_F4_S3"):
        engine.load(build("EDSR_B1_F8_S3").state_dict())
    engine.load(build("EDSR_B1_F4_S3").state_dict())
    with pytest.raises(ModelError, match="16x10 got planes of"):
        engine.infer(pictures.noise(18, 10))
    with pytest.raises(ModelError, match="8 bits"):
        engine.infer((y.astype(np.uint16), u, v))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="at least 1"):
        TorchEngine("EDSR_B1_F4_S3", 0, 10)
    with pytest.raises(ModelError, match="float16 on cpu"):
        TorchEngine("EDSR_B1_F4_S3", 16, 10, dtype=torch.float16)
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="no GPU"):
            TorchEngine("EDSR_B1_F4_S3", 16, 10, "cuda")


def test_calibration_takes_the_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = build("EDSR_B1_F4_S3").state_dict()
    chosen = calibrate.calibrate("EDSR_B1_F4_S3", weights, 16, 10)
    assert chosen.engine.name == "torch"
    assert chosen.engine.latency_ms == chosen.latencies_ms["torch"] > 0
    assert chosen.engine.infer(pictures.noise(16, 10)).shape == (30, 48, 3)
    monkeypatch.setitem(calibrate.ENGINES, "absent", "ns_ray.sr.no_such_module:Engine")
    refused = calibrate.calibrate("EDSR_B1_F4_S3", weights, 16, 10).refused
    assert list(refused) == ["fused", "tensorrt", "absent"]
    assert "not installed" in refused["absent"]
    with pytest.raises(ModelError, match="engine absent is not installed"):
        calibrate.calibrate("EDSR_B1_F4_S3", weights, 16, 10, engine="absent")
    with pytest.raises(ModelError, match="choose auto, "):
        calibrate.calibrate("EDSR_B1_F4_S3", weights, 16, 10, engine="nonsense")


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[..., calibrate.Calibration]:
    """Calibrates on a GPU in name only, whose engines, but for those that are missing, are torch by other names."""

    def run(name: str, capability: tuple[int, int], missing: str = "") -> calibrate.Calibration:
        def create(engine: str, model: str, width: int, height: int, device: str) -> TorchEngine:
            if engine == missing:
                raise ModelError(f"engine {engine} is not installed here")
            made = TorchEngine(model, width, height)
            made.name = engine
            return made

        monkeypatch.setattr(calibrate, "find_gpu", lambda device: Gpu(0, name, capability))
        monkeypatch.setattr(calibrate, "create_engine", create)
        return calibrate.calibrate("EDSR_B1_F4_S3", build("EDSR_B1_F4_S3").state_dict(), 16, 10, "cuda:0")

    return run


@pytest.mark.parametrize(
    ("gpu", "capability", "timed"),
    [
        ("Tesla T4", (7, 5), {"tensorrt"}),
        ("NVIDIA GeForce RTX 2080 SUPER", (7, 5), {"tensorrt"}),
        ("NVIDIA L4", (8, 9), {"tensorrt"}),
        ("NVIDIA H100 80GB HBM3", (9, 0), {"fused", "tensorrt", "torch"}),
    ],
)
def test_tensorrt_is_first_choice_on_gpus_before_hopper(
    on_gpu: Callable[..., calibrate.Calibration], gpu: str, capability: tuple[int, int], timed: set[str]
) -> None:
    chosen = on_gpu(gpu, capability)
    assert chosen.latencies_ms.keys() == timed
    assert chosen.engine.name in timed


def test_where_it_is_missing_the_log_says_so_and_the_fastest_is_taken(
    on_gpu: Callable[..., calibrate.Calibration], caplog: pytest.LogCaptureFixture
) -> None:
    chosen = on_gpu("Tesla T4", (7, 5), missing="tensorrt")
    assert chosen.latencies_ms.keys() == {"fused", "torch"}
    assert chosen.latencies_ms[chosen.engine.name] == min(chosen.latencies_ms.values())
    assert "on cuda:0 does not run: engine tensorrt is not installed here" in caplog.text
