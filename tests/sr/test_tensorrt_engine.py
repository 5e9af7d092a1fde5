"""The TensorRT engine on a stand-in for the GPU, against the torch engine; and what it refuses."""

import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import host_device
import numpy as np
import pictures
import pytest
import torch

from ns_ray.errors import ModelError
from ns_ray.sr import tensorrt_engine
from ns_ray.sr.buffers import plan_buffers
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.gpus import Gpu, find_gpu
from ns_ray.sr.models import build
from ns_ray.sr.refit import check_refittable, pack, refit_layout
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.tensorrt_engine import TensorRtEngine
from ns_ray.sr.tensorrt_package import find_tensorrt
from ns_ray.sr.torch_engine import TorchEngine

MODEL = "EDSR_B1_F4_S3"


def _weights(model=MODEL, seed=0):
    return build(model, seed).state_dict()


def _torch(model, width, height, seed=0):
    engine = TorchEngine(model, width, height)
    engine.load(_weights(model, seed))
    return engine


def _apart(a, b):
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b).max())


@pytest.fixture(params=[(), (0,), (2,), (0, 1, 2)], ids=["late", "early uploads", "early downloads", "in order"])
def opened(request, monkeypatch, tmp_path_factory):
    """Stand-ins for the GPU behind engines, in the order in which they were made; whose streams work in any order."""
    library = host_device.kernels(tmp_path_factory.getbasetemp())
    devices = []

    def stand_in(spec, width, height, device, plans):
        devices.append(host_device.HostDevice(library, request.param))
        return devices[-1], partial(host_device.HostSession, spec, (height, width))

    monkeypatch.setattr(tensorrt_engine, "_open", stand_in)
    return devices


@host_device.needs_compiler
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (33, 17), (64, 36)])
@pytest.mark.parametrize("model", [MODEL, "EDSR_B1_F4_S4"])
def test_as_the_torch_engine(opened, model, size):
    engine, reference = TensorRtEngine(model, *size), _torch(model, *size)
    engine.load(_weights(model))
    planes = pictures.noise(*size)
    rgb = engine.infer(planes)
    assert _apart(rgb, reference.infer(planes)) <= 1
    assert rgb.flags.c_contiguous
    for ours, theirs in zip(engine.infer(planes, "yuv"), reference.infer(planes, "yuv"), strict=True):
        assert _apart(ours, theirs) <= 1
    assert not opened[0].overrun()


@host_device.needs_compiler
def test_many_frames_in_order_and_the_callers_to_keep(opened):
    engine, reference = TensorRtEngine(MODEL, 16, 10), _torch(MODEL, 16, 10)
    engine.load(_weights())
    frames = [pictures.noise(16, 10, seed) for seed in range(5)]
    got = list(engine.infer_all(frames))
    for ours, planes in zip(got, frames, strict=True):
        assert _apart(ours, reference.infer(planes)) <= 1
    assert all(not np.array_equal(one, other) for one, other in pairwise(got))


@host_device.needs_compiler
def test_frames_on_their_way_keep_their_weights(opened):
    engine = TensorRtEngine(MODEL, 16, 10)
    engine.load(_weights())
    frames = [pictures.noise(16, 10, seed) for seed in range(3)]
    running = engine.infer_all(frames)
    first = next(running)  # the second is on its way
    engine.load(_weights(seed=1))
    between = engine.infer(frames[0])
    second, third = running
    assert _apart(first, _torch(MODEL, 16, 10).infer(frames[0])) <= 1
    assert _apart(second, _torch(MODEL, 16, 10).infer(frames[1])) <= 1
    assert _apart(between, _torch(MODEL, 16, 10, seed=1).infer(frames[0])) <= 1
    assert _apart(third, _torch(MODEL, 16, 10, seed=1).infer(frames[2])) <= 1


@host_device.needs_compiler
def test_callers_take_turns(opened):
    engine, reference = TensorRtEngine(MODEL, 16, 10), _torch(MODEL, 16, 10)
    engine.load(_weights())
    frames = [pictures.noise(16, 10, seed) for seed in range(12)]
    turns = zip(*(engine.infer_all(frames[start::3]) for start in range(3)), strict=True)
    got = [picture for turn in turns for picture in turn]
    for ours, planes in zip(got, frames, strict=True):
        assert _apart(ours, reference.infer(planes)) <= 1


@host_device.needs_compiler
def test_calibration_counts_it_in(opened):
    calibrated = calibrate(MODEL, _weights(), 16, 10)
    assert calibrated.latencies_ms.keys() >= {"torch", "tensorrt"}
    assert calibrated.latencies_ms[calibrated.engine.name] == min(calibrated.latencies_ms.values())


@host_device.needs_compiler
def test_what_the_engine_refuses(opened):
    engine = TensorRtEngine(MODEL, 16, 10)
    with pytest.raises(ModelError, match="no weights yet"):
        engine.infer(pictures.noise(16, 10))
    engine.load(_weights())
    expected = engine.infer(pictures.noise(16, 10))
    with pytest.raises(ModelError, match="16x10 got planes of"):
        engine.infer(pictures.noise(18, 10))
    with pytest.raises(ModelError, match="is not for EDSR_B1_F4_S3"):
        engine.load(_weights("EDSR_B1_F8_S3"))
    large = {name: tensor * 1e9 for name, tensor in _weights().items()}
    with pytest.raises(ModelError, match=r"'head\.weight' of EDSR_B1_F4_S3 does not fit into float16"):
        engine.load(large)
    assert np.array_equal(engine.infer(pictures.noise(16, 10)), expected), "refused weights change nothing"


def test_without_a_gpu():
    with pytest.raises(ModelError, match="needs an NVIDIA GPU, cpu is none"):
        TensorRtEngine(MODEL, 16, 10, "cpu")
    with pytest.raises(ModelError, match="cuda:99: PyTorch finds"):
        TensorRtEngine(MODEL, 16, 10, "cuda:99")
    calibrated = calibrate(MODEL, _weights(), 16, 10)
    assert calibrated.engine.name == "torch"
    assert "needs an NVIDIA GPU" in calibrated.refused["tensorrt"]


@pytest.fixture
def pretended_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (7, 5))


def _hide(monkeypatch, *modules):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def test_gpus_by_name(pretended_gpu):
    assert find_gpu("cuda") == find_gpu("cuda:0") == Gpu(0, "Tesla T4", (7, 5))
    with pytest.raises(ModelError, match="cuda:1: PyTorch finds 1 GPUs"):
        find_gpu("cuda:1")


def test_missing_packages_are_named(monkeypatch, pretended_gpu):
    packages = ("tensorrt", "tensorrt_bindings", "tensorrt_rtx", "tensorrt_rtx_bindings")
    with monkeypatch.context() as without:
        _hide(without, *packages)
        with pytest.raises(ModelError, match=r"TensorRT is not installed .*pip install tensorrt, or tensorrt-rtx"):
            TensorRtEngine(MODEL, 16, 10)
    pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX is not installed")
    _hide(monkeypatch, "pycuda", "pycuda.driver")
    with pytest.raises(ModelError, match=r"needs PyCUDA .*pip install pycuda"):
        TensorRtEngine(MODEL, 16, 10)


def test_an_unknown_package_names_the_choices():
    with pytest.raises(ModelError, match="choose tensorrt or tensorrt-rtx"):
        find_tensorrt("tensorflow")


@pytest.mark.parametrize("size", [(1, 1), (33, 17), (1280, 720)])
def test_buffers(size):
    width, height = size
    buffers = plan_buffers(ModelSpec.parse("EDSR_B8_F32_S3"), width, height)
    chroma = (width + 1) // 2 * ((height + 1) // 2)
    assert buffers.lr.offsets == (0, width * height, width * height + chroma)
    assert buffers.lr.nbytes == width * height + 2 * chroma
    assert buffers.hr.shapes[0] == (3 * height, 3 * width)
    assert (buffers.lr_tensor, buffers.hr_tensor) == (6 * width * height, 54 * width * height)
    assert buffers.rgb == 27 * width * height
    assert buffers.output == max(buffers.rgb, buffers.hr.nbytes)


def test_weights_lie_apart_in_the_block():
    spec = ModelSpec.parse("EDSR_B2_F8_S3")
    layout, weights = refit_layout(spec), _weights("EDSR_B2_F8_S3")
    assert layout.places.keys() == weights.keys()
    block = np.zeros(layout.nbytes, np.uint8)
    pack(spec, weights, block)
    end = 0
    for name, (offset, count) in layout.places.items():
        assert offset >= end
        assert offset % 256 == 0
        end = offset + 2 * count
        values = torch.from_numpy(block[offset:end].view(np.float16).copy())
        assert torch.equal(values, weights[name].half().flatten())
    assert end <= layout.nbytes


def test_a_plan_with_other_weights_is_refused():
    spec = ModelSpec.parse(MODEL)
    names = list(refit_layout(spec).places)
    check_refittable(spec, names)
    with pytest.raises(ModelError, match=r"cannot replace 'head\.bias'.*build it again"):
        check_refittable(spec, [name for name in names if name != "head.bias"])
    with pytest.raises(ModelError, match="would also replace 'onnx::Conv_7'"):
        check_refittable(spec, [*names, "onnx::Conv_7"])


def test_no_gpu_package_is_imported_with_the_library():
    source = Path(tensorrt_engine.__file__).parent
    for module in source.glob("*.py"):
        if module.name != "cuda_device.py":
            lines = module.read_text().splitlines()
            assert not any(line.startswith(("import pycuda", "from pycuda", "import tensorrt")) for line in lines)
