"""TensorRT for RTX builds plans for Turing (T4, RTX 2080 Super) out of our ONNX files, without a GPU."""

import onnx_models
import pytest
import torch
from onnx_models import SPEC

from ns_ray.errors import ModelError
from ns_ray.sr.export import onnx_name
from ns_ray.sr.plan_builder import Port, build_plan, read_network
from ns_ray.sr.refit import check_refittable
from ns_ray.sr.tensorrt_package import find_tensorrt
from ns_ray.sr.weights import load_weights

pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX has no package for this platform")
TURING = (7, 5)
SIZE = (128, 72)


@pytest.fixture(scope="module")
def package():
    return find_tensorrt("tensorrt-rtx")


@pytest.mark.parametrize(("precision", "dtype", "width"), [("fp16", "HALF", 2), ("fp32", "FLOAT", 4)])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_plan_for_turing(package, precision, dtype, width, fixed):
    onnx = onnx_models.exported(precision, SIZE if fixed else None)
    plan = build_plan(package, onnx.SerializeToString(), SIZE, TURING, refit=False)
    assert plan.inputs == (Port("lr", dtype, (1, 3, 72, 128)),)
    assert plan.outputs == (Port("hr", dtype, (1, 3, 216, 384)),)
    assert plan.arithmetic == {dtype}
    weights = sum(tensor.numel() for tensor in load_weights(SPEC).values()) * width
    assert weights < len(plan.data) < weights + 4_000_000
    assert plan.data == build_plan(package, onnx.SerializeToString(), SIZE, TURING, refit=False).data


def test_plans_hold_the_weights(package):
    onnx = onnx_models.exported("fp16", SIZE)
    plan = build_plan(package, onnx.SerializeToString(), SIZE, TURING, refit=False).data
    assert load_weights(SPEC)["tail.bias"].half().numpy().tobytes() in plan


def test_tensorrt_knows_the_weights_by_their_names(package):
    builder = package.api.Builder(package.logger)
    network = read_network(package, builder, onnx_models.exported("fp16").SerializeToString(), SIZE)
    names = [name for name in load_weights(SPEC) if network.mark_weights_refittable(name)]
    check_refittable(SPEC, names)
    assert not network.mark_weights_refittable("head")


def test_what_it_refuses(package):
    onnx = onnx_models.exported("fp16", SIZE).SerializeToString()
    with pytest.raises(ModelError, match=r"does not build for compute capability 9\.0 .*SM75.* use TensorRT, or"):
        build_plan(package, onnx, SIZE, (9, 0), refit=False)
    with pytest.raises(ModelError, match=r"\(1, 3, 72, 128\), \(1, 3, 72, 130\) is needed: export it for 130x72"):
        build_plan(package, onnx, (130, 72), TURING, refit=False)
    with pytest.raises(ModelError, match="cannot read the ONNX model"):
        build_plan(package, onnx[:1000], SIZE, TURING, refit=False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_refittable_plans_need_the_gpu(package):
    onnx = onnx_models.exported("fp16", SIZE).SerializeToString()
    with pytest.raises(ModelError, match=r"built no plan .*REFIT are built only where the GPU is"):
        build_plan(package, onnx, SIZE, TURING)


def test_file_names():
    assert onnx_name("fp16", (1280, 720)) == "1280x720_fp16.onnx"
    assert onnx_name("fp32", None) == "dynamic_fp32.onnx"
