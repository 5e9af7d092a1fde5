"""How a session binds memory and names to a TensorRT engine; the objects of TensorRT are recorded calls."""

from types import SimpleNamespace

import pytest

from ns_ray.errors import ModelError
from ns_ray.sr.models import build
from ns_ray.sr.refit import refit_layout
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.tensorrt_package import TensorRt
from ns_ray.sr.tensorrt_session import TensorRtSession

SPEC = ModelSpec.parse("EDSR_B1_F4_S3")
STREAM = SimpleNamespace(handle=77)


class Recorded:
    """TensorRT's interface as far as a session uses it, and what was done through it."""

    def __init__(self):
        self.addresses, self.weights, self.calls = {}, {}, []
        self.tensors = {"lr": "half", "hr": "half"}
        self.names = list(build(SPEC).state_dict())
        self.accepts = True
        self.package = TensorRt("tensorrt", "10.13.0", self, "logger", [])
        self.float16 = "half"
        self.TensorLocation = SimpleNamespace(DEVICE="device")
        self.num_io_tensors = 2

    def get_tensor_name(self, index):
        return list(self.tensors)[index]

    def get_tensor_dtype(self, name):
        return self.tensors[name]

    def create_execution_context(self):
        return SimpleNamespace(
            set_tensor_address=self.addresses.__setitem__,
            execute_async_v3=lambda stream: self.calls.append(("run", stream)) or self._answer("no memory"),
        )

    def Weights(self, dtype, address, count):
        return dtype, address, count

    def Refitter(self, engine, logger):
        assert (engine, logger) == (self, "logger")
        return SimpleNamespace(
            get_all_weights=lambda: self.names,
            set_named_weights=self._set,
            refit_cuda_engine_async=lambda stream: self.calls.append(("refit", stream)) or self._answer("wrong count"),
        )

    def _set(self, name, weights, location):
        assert location == "device"
        self.weights[name] = weights
        return self._answer("wrong type")

    def _answer(self, reason):
        if not self.accepts:
            self.package.messages.append(reason)
        return self.accepts

    def session(self):
        return TensorRtSession(self.package, self, SPEC, 1000, 2000, 4096)


@pytest.fixture
def engine():
    return Recorded()


def test_every_weight_is_bound_by_its_name(engine):
    session = engine.session()
    assert engine.addresses == {"lr": 1000, "hr": 2000}
    assert engine.weights.keys() == build(SPEC).state_dict().keys()
    for name, tensor in build(SPEC).state_dict().items():
        offset = refit_layout(SPEC).places[name][0]
        assert engine.weights[name] == ("half", 4096 + offset, tensor.numel())
    session.refit(STREAM)
    session.run(STREAM)
    assert engine.calls == [("refit", 77), ("run", 77)]


def test_what_it_refuses(engine):
    session = engine.session()
    engine.accepts = False
    with pytest.raises(ModelError, match="did not run: no memory"):
        session.run(STREAM)
    with pytest.raises(ModelError, match="did not take the weights: wrong count"):
        session.refit(STREAM)
    with pytest.raises(ModelError, match=r"does not take float16 weights for 'head\.weight': wrong type"):
        engine.session()
    engine.names.append("onnx::Conv_3")
    with pytest.raises(ModelError, match="would also replace 'onnx::Conv_3'"):
        engine.session()
    for tensors in ({"input": "half", "hr": "half"}, {"lr": "float", "hr": "half"}):
        engine.tensors = tensors
        with pytest.raises(ModelError, match="float16 lr and hr are needed"):
            engine.session()
