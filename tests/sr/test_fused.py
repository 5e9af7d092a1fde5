"""The fused kernels, run by an emulator, against the plain network; how they are tiled, and what they refuse."""

from pathlib import Path

import emulator
import pictures
import pytest
import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr import calibrate
from ns_ray.sr.color import rgb_to_uint8, yuv_to_rgb
from ns_ray.sr.engine import Planes
from ns_ray.sr.fused_engine import FusedEngine
from ns_ray.sr.fused_network import FusedNetwork, Tiling
from ns_ray.sr.fused_weights import pack
from ns_ray.sr.models import build
from ns_ray.sr.spec import ModelSpec

TURING = 64 * 1024
HOPPER = 227 * 1024


def _network(directory: Path, name: str, tiling: Tiling, width: int, height: int) -> FusedNetwork:
    spec = ModelSpec.parse(name)
    return FusedNetwork(spec, width, height, "cpu", emulator.build(directory, spec, tiling), tiling, processors=3)


def _run(network: FusedNetwork, name: str, planes: Planes, seed: int) -> Tensor:
    spec = ModelSpec.parse(name)
    network.load(pack(spec, build(name, seed).state_dict()))
    height, width = planes[0].shape
    pixels = torch.full((height * spec.scale, width * spec.scale, 3), 77, dtype=torch.uint8)
    y, u, v = map(torch.from_numpy, planes)
    network.run((y, u, v), pixels)
    return pixels


@torch.inference_mode()
def _expected(name: str, planes: Planes, seed: int) -> Tensor:
    y, u, v = map(torch.from_numpy, planes)
    return rgb_to_uint8(build(name, seed)(yuv_to_rgb(y, u, v)))


def _psnr(one: Tensor, other: Tensor) -> float:
    error = (one.to(torch.float32) - other.to(torch.float32)).square().mean().clamp_min(1e-6)
    return float(10 * torch.log10(255**2 / error))


# Tilings as small as they come, so that few pixels make several strips and segments.
@pytest.mark.parametrize(
    ("name", "tiling", "size"),
    [
        ("EDSR_B2_F16_S3", Tiling(1, 4, 1, 1, 3, 1), (33, 11)),
        ("EDSR_B1_F16_S3", Tiling(1, 3, 1, 2, 3, 2), (31, 4)),
        ("EDSR_B1_F16_S2", Tiling(1, 4, 2, 1, 4, 1), (17, 9)),
        ("EDSR_B1_F32_S3", Tiling(1, 3, 1, 1, 3, 1), (16, 5)),
        ("EDSR_B1_F32_S2", Tiling(1, 4, 1, 1, 4, 1), (15, 7)),
    ],
)
def test_equals_the_plain_network(tmp_path: Path, name: str, tiling: Tiling, size: tuple[int, int]) -> None:
    network = _network(tmp_path, name, tiling, *size)
    for seed in (1, 2):  # the second time with other weights
        planes = pictures.noise(*size, seed)
        result, expected = _run(network, name, planes, seed), _expected(name, planes, seed)
        assert expected.to(torch.float32).std() > 3
        assert int((result.int() - expected.int()).abs().max()) <= 1
        assert _psnr(result, expected) > 60


@pytest.mark.parametrize("size", [(1, 1), (2, 3)])
def test_the_smallest_frames(tmp_path: Path, size: tuple[int, int]) -> None:
    name, planes = "EDSR_B1_F16_S3", pictures.noise(*size)
    result = _run(_network(tmp_path, name, Tiling(1, 4, 1, 1, 3, 1), *size), name, planes, 3)
    assert int((result.int() - _expected(name, planes, 3).int()).abs().max()) <= 1


def test_packing_keeps_every_weight() -> None:
    spec = ModelSpec.parse("EDSR_B2_F16_S3")
    state = build(spec, 4).state_dict()
    packed = pack(spec, state)
    assert list(packed.sections) == ["head", "block0", "block1", "fuse", "upsample", "tail"]
    at = packed.sections["upsample"]
    halves = packed.data[at.weights : at.weights + 2 * 9 * 16 * 144].view(torch.float16)
    assert torch.equal(halves.sort().values, state["upsample.0.weight"].to(torch.float16).flatten().sort().values)
    biases = packed.data[at.bias : at.bias + 4 * 144].view(torch.float32)
    assert torch.equal(biases.reshape(9, 16).T.reshape(-1), state["upsample.0.bias"])


def test_where_weights_lie_depends_on_the_model_alone() -> None:
    spec = ModelSpec.parse("EDSR_B1_F32_S3")
    one, other = (pack(spec, build(spec, seed).state_dict()) for seed in (1, 2))
    assert one.sections == other.sections
    assert one.data.shape == other.data.shape
    assert not torch.equal(one.data, other.data)


@pytest.mark.parametrize("limit", [TURING, 99 * 1024, 163 * 1024, HOPPER])
@pytest.mark.parametrize("name", ["EDSR_B8_F32_S3", "EDSR_B8_F16_S3", "EDSR_B8_F32_S2", "EDSR_B8_F16_S2"])
def test_a_tiling_for_every_chip(name: str, limit: int) -> None:
    spec = ModelSpec.parse(name)
    tiling = Tiling.choose(spec, limit)
    assert max(tiling.shared(spec).values()) <= limit
    assert all(threads % 32 == 0 and threads <= 1024 for threads in tiling.threads(spec).values())


def test_more_shared_memory_makes_wider_strips() -> None:
    spec = ModelSpec.parse("EDSR_B8_F32_S3")
    assert Tiling.choose(spec, HOPPER).tail_tiles > Tiling.choose(spec, TURING).tail_tiles


@pytest.mark.parametrize("name", ["EDSR_B8_F8_S3", "EDSR_B8_F64_S3", "EDSR_B8_F32_S4"])
def test_models_that_the_kernels_do_not_run(name: str) -> None:
    with pytest.raises(ModelError, match="use the engine torch"):
        Tiling.choose(ModelSpec.parse(name), HOPPER)


def test_too_little_shared_memory() -> None:
    with pytest.raises(ModelError, match="shared memory"):
        Tiling.choose(ModelSpec.parse("EDSR_B8_F32_S3"), 32 * 1024)


def test_without_a_gpu_another_engine_is_chosen() -> None:
    model = "EDSR_B1_F16_S3"
    with pytest.raises(ModelError, match="needs an NVIDIA GPU"):
        FusedEngine(model, 16, 10, "cpu")
    chosen = calibrate.calibrate(model, build(model).state_dict(), 16, 10)
    assert chosen.engine.name == "torch"
    assert "NVIDIA GPU" in chosen.refused["fused"]
