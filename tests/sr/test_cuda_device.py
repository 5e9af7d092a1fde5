"""The device through PyCUDA's interface: what is passed to it, and what becomes of its errors."""

import importlib
import sys
from functools import partial

import fake_pycuda
import host_device
import numpy as np
import pictures
import pytest

from ns_ray.errors import ModelError
from ns_ray.sr import tensorrt_engine
from ns_ray.sr.models import build
from ns_ray.sr.tensorrt_engine import TensorRtEngine
from ns_ray.sr.torch_engine import TorchEngine

pytestmark = host_device.needs_compiler


@pytest.fixture
def module(monkeypatch, tmp_path_factory):
    fake_pycuda.install(monkeypatch, host_device.kernels(tmp_path_factory.getbasetemp()))
    yield importlib.import_module("ns_ray.sr.cuda_device")
    del sys.modules["ns_ray.sr.cuda_device"]
    assert fake_pycuda.Context.depth == 0, "the thread's context is as it was"


def test_an_engine_through_it(module, monkeypatch):
    size, model = (33, 17), "EDSR_B1_F4_S3"
    session = partial(host_device.HostSession, build(model).spec, (17, 33))
    monkeypatch.setattr(host_device.HostSession, "run", lambda self, stream: self._run())
    monkeypatch.setattr(host_device.HostSession, "refit", lambda self, stream: self._refit())
    monkeypatch.setattr(tensorrt_engine, "_open", lambda *_: (module.CudaDevice(0), session))
    engine, reference = TensorRtEngine(model, *size), TorchEngine(model, *size)
    for one in (engine, reference):
        one.load(build(model).state_dict())
    planes = pictures.noise(*size)
    assert int(np.abs(engine.infer(planes).astype(int) - reference.infer(planes)).max()) <= 1
    for ours, theirs in zip(engine.infer(planes, "yuv"), reference.infer(planes, "yuv"), strict=True):
        assert int(np.abs(ours.astype(int) - theirs).max()) <= 1


def test_its_errors_are_ours(module, monkeypatch):
    with pytest.raises(ModelError, match="cuda:1 cannot be used through PyCUDA"):
        module.CudaDevice(1)
    device = module.CudaDevice(0)
    with pytest.raises(ModelError, match="CUDA failed: out of memory"), device.active():
        raise fake_pycuda.CudaError("out of memory")

    def no_compiler(*_, **__):
        raise OSError("nvcc was not found")

    monkeypatch.setattr(module, "SourceModule", no_compiler)
    with pytest.raises(ModelError, match="nvcc was not found"):
        module.CudaDevice(0)
