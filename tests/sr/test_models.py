"""Names of models, and weights on disk."""

from pathlib import Path

import pytest
import torch

from ns_ray.errors import ModelError
from ns_ray.sr.checkpoints import weights_path
from ns_ray.sr.models import build
from ns_ray.sr.spec import SHIPPED, ModelSpec
from ns_ray.sr.weights import load_weights, save_weights


def test_names_round_trip() -> None:
    spec = ModelSpec.parse("EDSR_B8_F32_S3")
    assert (spec.blocks, spec.features, spec.scale) == (8, 32, 3)
    assert spec.name == str(spec) == "EDSR_B8_F32_S3"


@pytest.mark.parametrize("name", ["", "edsr_b8_f32_s3", "EDSR_B8_F32", "EDSR_B8_F32_S5", "EDSR_B0_F32_S3", "../x"])
def test_an_unknown_model_names_the_choices(name: str) -> None:
    with pytest.raises(ModelError, match="EDSR_B8_F16_S3, EDSR_B8_F32_S3"):
        ModelSpec.parse(name)


@pytest.mark.parametrize(("name", "parameters"), [("EDSR_B8_F16_S3", 61_203), ("EDSR_B8_F32_S3", 242_211)])
def test_layers_are_as_published(name: str, parameters: int) -> None:
    network = build(name)
    features = network.spec.features
    convolution = features * features * 9 + features
    upsampling = 9 * (features * features * 9 + features)
    expected = (27 + 1) * features + 17 * convolution + upsampling + features * 27 + 3
    assert sum(parameter.numel() for parameter in network.parameters()) == expected == parameters


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_scale(scale: int) -> None:
    assert build(f"EDSR_B1_F4_S{scale}")(torch.zeros(1, 3, 5, 7)).shape == (1, 3, 5 * scale, 7 * scale)


def test_the_seed_decides() -> None:
    state = torch.random.get_rng_state()
    first, same, other = (build("EDSR_B1_F4_S3", seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_weights_round_trip(tmp_path: Path) -> None:
    weights = build("EDSR_B1_F4_S3").half().state_dict()
    path = weights_path("EDSR_B1_F4_S3", tmp_path / "new")
    save_weights(weights, path)
    loaded = load_weights("EDSR_B1_F4_S3", path)
    assert loaded.keys() == weights.keys()
    assert all(
        value.dtype == torch.float32 and torch.equal(value, weights[key].float()) for key, value in loaded.items()
    )
    assert [entry.name for entry in path.parent.iterdir()] == ["EDSR_B1_F4_S3.pt"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_load(name: str) -> None:
    assert all(bool(value.isfinite().all()) for value in load_weights(name).values())


def test_missing_weights_name_file_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no weights for EDSR_B8_F32_S3 at .*none\.pt: train them \(jobs/pretrain"):
        load_weights("EDSR_B8_F32_S3", tmp_path / "none.pt")


class _Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("code from a weights file was run",))


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    cases: list[tuple[object, str]] = [
        (build("EDSR_B1_F8_S3").state_dict(), r"'head\.weight' is \(8, 3, 3, 3\), \(4, 3, 3, 3\) is needed"),
        (build("EDSR_B2_F4_S3").state_dict(), r"it differs in 'blocks\.1\.first\.bias' and 3 more"),
        ([1, 2, 3], "holds no state dict"),
        ({"head.weight": 3}, "holds no state dict"),
        ({"head.weight": _Hostile()}, "is no weights file"),
    ]
    for content, message in cases:
        torch.save(content, path)
        with pytest.raises(ModelError, match=message):
            load_weights("EDSR_B1_F4_S3", path)
    whole = path.read_bytes()
    for damaged in (b"", b"no weights", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match="is no weights file"):
            load_weights("EDSR_B1_F4_S3", path)
    with pytest.raises(ModelError, match="is no weights file"):
        load_weights("EDSR_B1_F4_S3", tmp_path)
