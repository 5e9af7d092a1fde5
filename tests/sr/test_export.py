"""ONNX files: what is in them, that they compute what PyTorch does, and that none is left that does not."""

import copy
import sys

import numpy as np
import onnx
import onnx_models
import pictures
import pytest
import torch
from onnx import numpy_helper
from onnx_models import SPEC

from ns_ray.errors import ModelError
from ns_ray.sr import export as exporting
from ns_ray.sr.checkpoints import PRETRAINED, checkpoint_folder, lr_size, trained_weights
from ns_ray.sr.export import REQUIRED_DB, compare, export, onnx_name, read_onnx
from ns_ray.sr.frames import spaced_frames
from ns_ray.sr.models import build
from ns_ray.sr.onnx_model import digest, input_shape, precision_of, state_of, to_onnx
from ns_ray.sr.weights import load_weights

SIZE = (64, 36)
KINDS = [("fp32", None), ("fp32", SIZE), ("fp16", None), ("fp16", SIZE)]


@pytest.fixture
def shared_exports(monkeypatch):
    """Exports of the weights that ship come out of the cache; returns the list of those asked for."""
    asked = []

    def cached(spec, weights, precision, size):
        asked.append((precision, size))
        return copy.deepcopy(onnx_models.exported(precision, size))

    monkeypatch.setattr(exporting, "to_onnx", cached)
    return asked


@pytest.mark.parametrize(("precision", "size"), KINDS)
def test_what_is_in_a_file(tmp_path, shared_exports, precision, size):
    path = tmp_path / SPEC.name / onnx_name(precision, size)
    done = export(SPEC, load_weights(SPEC), path, onnx_models.frames(SIZE), precision, size)
    assert done.fresh
    assert done.psnr_db > REQUIRED_DB[precision] + 20  # float16 rounds; nothing else happens
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    model = read_onnx(path)
    assert precision_of(model) == precision
    assert input_shape(model) == (1, 3, *((36, 64) if size else (None, None)))
    assert {node.op_type for node in model.graph.node} == {"Conv", "Relu", "Add", "DepthToSpace"}
    wanted, state = load_weights(SPEC), state_of(model)
    assert state.keys() == wanted.keys()
    for name, values in state.items():
        assert values.dtype == (np.float16 if precision == "fp16" else np.float32)
        assert np.array_equal(values, wanted[name].numpy().astype(values.dtype))


def test_one_file_takes_any_size():
    for size in ((1, 1), (33, 17), (64, 36)):
        planes = [pictures.noise(*size)]
        for precision in ("fp32", "fp16"):
            worst = min(compare(onnx_models.exported(precision), SPEC, load_weights(SPEC), planes))
            assert worst > REQUIRED_DB[precision]


def test_the_same_bytes_every_time_and_nothing_of_this_machine():
    model = onnx_models.exported("fp16")
    again = to_onnx(SPEC, load_weights(SPEC), "fp16")
    assert model.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)
    assert digest(model) == digest(again) != digest(onnx_models.exported("fp32"))
    assert b"site-packages" not in model.SerializeToString()


def test_scale_4_keeps_the_names_too():
    model = to_onnx(build("EDSR_B1_F4_S4").spec, build("EDSR_B1_F4_S4").state_dict(), "fp16")
    assert state_of(model).keys() == build("EDSR_B1_F4_S4").state_dict().keys()


def _altered(model: onnx.ModelProto, by: float) -> onnx.ModelProto:
    altered = copy.deepcopy(model)
    tensor = next(one for one in altered.graph.initializer if one.name == "tail.bias")
    values = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(values + values.dtype.type(by), "tail.bias"))
    return altered


@pytest.mark.parametrize(("precision", "by"), [("fp32", 0.002), ("fp16", 0.01), ("fp32", np.nan)])
def test_what_computes_something_else_is_not_left(tmp_path, monkeypatch, precision, by):
    wrong = _altered(onnx_models.exported(precision), by)
    monkeypatch.setattr(exporting, "to_onnx", lambda *_: wrong)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"an earlier file")
    with pytest.raises(ModelError, match=r"dB from PyTorch's, over \d\d is needed; not written"):
        export(SPEC, load_weights(SPEC), path, onnx_models.frames(SIZE), precision)
    assert not list(tmp_path.iterdir())


def test_a_checked_file_is_not_written_again(tmp_path, shared_exports):
    path, weights = tmp_path / "model.onnx", load_weights(SPEC)
    first = export(SPEC, weights, path, onnx_models.frames(SIZE), "fp32")
    whole, written = path.read_bytes(), path.stat().st_mtime_ns
    again = export(SPEC, weights, path, [], "fp32")
    assert (again.fresh, again.psnr_db, path.stat().st_mtime_ns) == (False, first.psnr_db, written)

    unchecked = onnx.ModelProto.FromString(whole)
    unchecked.ClearField("metadata_props")
    other = _altered(onnx.ModelProto.FromString(whole), 0.5)
    for bad in (b"", whole[: len(whole) // 2], unchecked.SerializeToString(), other.SerializeToString()):
        path.write_bytes(bad)
        assert export(SPEC, weights, path, onnx_models.frames(SIZE), "fp32").fresh
        assert path.read_bytes() == whole
    assert shared_exports == [("fp32", None)] * 5
    assert export(SPEC, weights, path, onnx_models.frames(SIZE), "fp16").fresh, "another precision"


def test_other_weights_are_exported_again(tmp_path, shared_exports):
    path = tmp_path / "model.onnx"
    export(SPEC, load_weights(SPEC), path, onnx_models.frames(SIZE), "fp32")
    trained = {name: tensor + 0.5 for name, tensor in load_weights(SPEC).items()}
    with pytest.raises(ModelError, match="not written"):  # the cached export is of the earlier weights
        export(SPEC, trained, path, onnx_models.frames(SIZE), "fp32")
    assert len(shared_exports) == 2


def test_what_export_refuses(tmp_path, monkeypatch):
    weights = load_weights(SPEC)
    with pytest.raises(ModelError, match="is not for EDSR_B8_F16_S3"):
        export(SPEC, build("EDSR_B1_F4_S3").state_dict(), tmp_path / "m.onnx", onnx_models.frames(SIZE))
    with pytest.raises(ModelError, match="no frames to check it on"):
        export(SPEC, weights, tmp_path / "m.onnx", [])
    with pytest.raises(ModelError, match="do not fit into fp16: export fp32"):
        to_onnx(SPEC, {name: tensor * 1e8 for name, tensor in weights.items()}, "fp16")
    with pytest.raises(ModelError, match=r"m\.onnx is missing: write it with jobs/export_onnx\.py"):
        read_onnx(tmp_path / "m.onnx")
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"m\.onnx is no ONNX model"):
        read_onnx(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"pip install 'neuroscaler-ray\[export\]'"):
        compare(onnx_models.exported("fp32"), SPEC, weights, onnx_models.frames(SIZE))


def test_without_the_exporter(monkeypatch):
    def missing(*_, **__):
        raise ModuleNotFoundError("No module named 'onnxscript'")

    monkeypatch.setattr(torch.onnx, "export", missing)
    with pytest.raises(ModelError, match=r"onnxscript.*pip install 'neuroscaler-ray\[export\]'"):
        to_onnx(SPEC, load_weights(SPEC))


def test_frames_of_a_video(tmp_path):
    lr, _ = pictures.write_pair(tmp_path, frames=8)
    frames = spaced_frames(lr, 3, (32, 24), every=4)
    assert [plane.shape for plane in frames[0]] == [(24, 32), (12, 16), (12, 16)]
    assert len(frames) == 2
    assert spaced_frames(lr, 1)[0][0].shape == (48, 64)
    with pytest.raises(ModelError, match="cannot be read"):
        spaced_frames(tmp_path / "none.webm", 1)


def test_places_are_the_published_ones(tmp_path):
    assert checkpoint_folder(tmp_path, None, 720, 60) == tmp_path / "generic"
    assert trained_weights(tmp_path, SPEC, None) == PRETRAINED / "EDSR_B8_F16_S3.pt"
    with pytest.raises(ModelError, match=r"no folder where one 720p_\*kbps_d60_train\.webm is needed"):
        checkpoint_folder(tmp_path, "lol0", 720, 60)
    made = tmp_path / "lol0" / "checkpoint" / "720p_4125kbps_d60_train.webm"
    made.mkdir(parents=True)
    assert checkpoint_folder(tmp_path, "lol0", 720, 60) == made
    model = made / "EDSR_B8_F16_S3"
    assert trained_weights(made, SPEC, "lol0") == model / "EDSR_B8_F16_S3.pt"
    with pytest.raises(ModelError, match=r"EDSR_B8_F16_S3_e20\.pt is missing: no epoch is there"):
        trained_weights(made, SPEC, "lol0", 20)
    model.mkdir()
    for name in ("_e2", "_e10", "_early", ""):
        (model / f"EDSR_B8_F16_S3{name}.pt").touch()
    assert trained_weights(made, SPEC, "lol0", 10) == model / "EDSR_B8_F16_S3_e10.pt"
    with pytest.raises(ModelError, match="epochs 2 to 10 are there"):
        trained_weights(made, SPEC, "lol0", 20)


def test_lr_sizes():
    assert [lr_size(text) for text in ("720", "360", "480", "97x51")] == [(1280, 720), (640, 360), (854, 480), (97, 51)]
    for text in ("", "x", "720p", "0", "10x-1"):
        with pytest.raises(ValueError, match=r"size|invalid"):
            lr_size(text)
