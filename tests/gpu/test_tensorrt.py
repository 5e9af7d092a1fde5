"""The TensorRT engine on a GPU: the check that users run, at a small size."""

import importlib.util

import pytest
import torch

from ns_ray.errors import ModelError
from ns_ray.jobs import check_engine
from ns_ray.sr.tensorrt_package import find_tensorrt


def _missing() -> str:
    if not torch.cuda.is_available():
        return "no NVIDIA GPU"
    try:
        package = find_tensorrt()
    except ModelError as error:
        return str(error)
    if importlib.util.find_spec("pycuda") is None:
        return "PyCUDA is not installed"
    major, minor = torch.cuda.get_device_capability()
    known = getattr(package.api, "ComputeCapability", None)
    if package.name == "tensorrt-rtx" and f"SM{major}{minor}" not in known.__members__:
        return f"TensorRT for RTX does not know compute capability {major}.{minor}"
    return ""


@pytest.mark.skipif(bool(_missing()), reason=_missing() or "all is there")
def test_the_check_passes(tmp_path, capsys):
    assert check_engine.main(["-m", "EDSR_B8_F32_S3", "-l", "360", "--result-dir", str(tmp_path)]) == 0
    assert "verdict: PASS" in capsys.readouterr().out
