"""The plan cache: what is read again, and what is built again."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from ns_ray.errors import ModelError
from ns_ray.sr import refittable_plan
from ns_ray.sr.gpus import Gpu
from ns_ray.sr.plans import PlanKey, mismatch, obtain_plan, record_path
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.tensorrt_package import TensorRt

KEY = PlanKey("tensorrt", "10.13.0", "Tesla T4", "7.5", "EDSR_B8_F32_S3", 1280, 720)


def _never() -> bytes:
    raise AssertionError("built although a good plan was there")


def test_named_and_placed_as_published(tmp_path):
    plan = obtain_plan(KEY, tmp_path, lambda: b"plan")
    assert plan.path == tmp_path / "EDSR_B8_F32_S3" / "Tesla_T4" / "1280x720_fp16.plan"
    assert plan.rebuilt == "there was none"
    super_ = dataclasses.replace(KEY, gpu="NVIDIA GeForce RTX 2080 SUPER")
    assert super_.path(Path()).parent.name == "NVIDIA_GeForce_RTX_2080_SUPER"
    names = sorted(entry.name for entry in plan.path.parent.iterdir())
    assert names == ["1280x720_fp16.plan", "1280x720_fp16.plan.json"]


def test_a_good_plan_is_read_again(tmp_path):
    obtain_plan(KEY, tmp_path, lambda: b"plan")
    again = obtain_plan(KEY, tmp_path, _never)
    assert (again.data, again.rebuilt) == (b"plan", "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"package": "tensorrt-rtx"}, "package was tensorrt, is tensorrt-rtx"),
        ({"version": "10.14.0"}, "version was 10.13.0, is 10.14.0"),
        ({"capability": "8.6"}, "capability was 7.5, is 8.6"),
        ({"refit": False}, "refit was True, is False"),
        ({"onnx": "2" * 64}, f"onnx was , is {'2' * 64}"),
    ],
)
def test_what_differs_is_built_again(tmp_path, change, reason):
    obtain_plan(KEY, tmp_path, lambda: b"old")
    other = dataclasses.replace(KEY, **change)
    plan = obtain_plan(other, tmp_path, lambda: b"new")
    assert (plan.data, plan.rebuilt) == (b"new", reason)
    assert obtain_plan(other, tmp_path, _never).data == b"new"


def test_plans_of_other_gpus_models_and_sizes_stay(tmp_path):
    keys = [
        KEY,
        *(dataclasses.replace(KEY, **one) for one in ({"gpu": "A10"}, {"model": "EDSR_B8_F16_S3"}, {"width": 8})),
    ]
    for number, key in enumerate(keys):
        obtain_plan(key, tmp_path, lambda number=number: bytes([number]))
    assert [obtain_plan(key, tmp_path, _never).data for key in keys] == [b"\0", b"\1", b"\2", b"\3"]


def test_any_weights_will_do_where_they_are_replaced(tmp_path):
    own = dataclasses.replace(KEY, onnx="1" * 64)
    obtain_plan(own, tmp_path, lambda: b"plan")
    assert obtain_plan(KEY, tmp_path, _never).data == b"plan"


def test_damage_is_built_again(tmp_path):
    path = obtain_plan(KEY, tmp_path, lambda: b"plan").path
    record = record_path(path).read_text()
    foreign = json.dumps(json.loads(record) | {"model": "EDSR_B8_F16_S3"})
    cases = [
        (b"pla", record, "the file was damaged"),
        (b"plan", "{", "it had no record"),
        (b"plan", "[]", "its record was no record"),
        (b"plan", "{}", "package was None, is tensorrt"),
        (b"plan", foreign, "model was EDSR_B8_F16_S3, is EDSR_B8_F32_S3"),
    ]
    for data, text, reason in cases:
        path.write_bytes(data)
        record_path(path).write_text(text)
        assert obtain_plan(KEY, tmp_path, lambda: b"plan").rebuilt == reason
        assert (path.read_bytes(), record_path(path).read_text()) == (b"plan", record)


def test_killed_between_plan_and_record(tmp_path):
    path = obtain_plan(KEY, tmp_path, lambda: b"old").path
    newer = dataclasses.replace(KEY, version="10.14.0")
    path.write_bytes(b"new")  # as far as a killed build of `newer` came
    assert mismatch(KEY, json.loads(record_path(path).read_text()), b"new") == "the file was damaged"
    assert obtain_plan(newer, tmp_path, lambda: b"new").data == b"new"
    assert obtain_plan(newer, tmp_path, _never).data == b"new"


def test_a_build_that_fails_leaves_what_was_there(tmp_path):
    path = obtain_plan(KEY, tmp_path, lambda: b"old").path

    def fail() -> bytes:
        raise ModelError("no GPU of that kind")

    with pytest.raises(ModelError, match="no GPU of that kind"):
        obtain_plan(dataclasses.replace(KEY, version="11"), tmp_path, fail)
    assert obtain_plan(KEY, tmp_path, _never).path == path


@pytest.fixture
def package(monkeypatch):
    """TensorRT whose runtime loads only the plans in `loadable`; building yields `plan 1`, `plan 2`, ..."""
    built = []
    loadable = set()

    class Runtime:
        def __init__(self, logger):
            pass

        def deserialize_cuda_engine(self, plan):
            return plan if plan in loadable else messages.append("wrong driver")

    def build_plan(package, onnx, size, capability, refit=True):
        assert (size, capability, refit) == ((64, 36), (7, 5), True)
        built.append(f"plan {len(built) + 1}".encode())
        return SimpleNamespace(data=built[-1])

    messages: list[str] = []
    monkeypatch.setattr(refittable_plan, "build_plan", build_plan)
    monkeypatch.setattr(refittable_plan, "to_onnx", lambda *_: SimpleNamespace(SerializeToString=lambda: b"onnx"))
    fake = TensorRt("tensorrt", "10.13.0", SimpleNamespace(Runtime=Runtime), None, messages)
    return SimpleNamespace(trt=fake, built=built, loadable=loadable)


def test_a_plan_that_does_not_load_is_built_again(tmp_path, package):
    request = package.trt, Gpu(0, "Tesla T4", (7, 5)), ModelSpec.parse("EDSR_B8_F32_S3"), 64, 36, tmp_path
    package.loadable |= {b"plan 1"}
    assert refittable_plan.load_refittable_plan(*request) == b"plan 1"
    assert refittable_plan.load_refittable_plan(*request) == b"plan 1"
    assert len(package.built) == 1
    package.loadable.clear()  # the driver was exchanged
    package.loadable |= {b"plan 2"}
    assert refittable_plan.load_refittable_plan(*request) == b"plan 2"
    package.loadable.clear()
    with pytest.raises(ModelError, match=r"64x36_fp16\.plan does not load: wrong driver"):
        refittable_plan.load_refittable_plan(*request)
    assert len(package.built) == 3
