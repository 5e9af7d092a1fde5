from importlib.metadata import PackageNotFoundError

import pytest

from ns_ray import pil
from ns_ray.errors import ConfigError


@pytest.mark.parametrize(
    ("installed", "said"),
    [({"pillow": "13.0.0"}, "pillow 13.0.0"), ({"pillow-simd": "12.1.1.post0"}, "pillow-simd 12.1.1.post0")],
)
def test_the_one_owner_is_named(monkeypatch, installed, said):
    lay(monkeypatch, installed)
    assert pil.pil_owner() == said


@pytest.mark.parametrize(
    ("installed", "said"),
    [({"pillow": "13.0.0", "pillow-simd": "12.1.1"}, r"pillow 13\.0\.0 and pillow-simd 12\.1\.1"), ({}, "no known")],
)
def test_two_owners_are_refused(monkeypatch, installed, said):
    lay(monkeypatch, installed)
    with pytest.raises(ConfigError, match=rf"{said}.*make simd"):
        pil.pil_owner()


def lay(monkeypatch: pytest.MonkeyPatch, installed: dict[str, str]) -> None:
    def version(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(pil, "version", version)
