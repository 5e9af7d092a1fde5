"""Where NVIDIA's libraries are looked for, with libraries of the test's own in their places."""

import subprocess

import pytest

from ns_ray.errors import ModelError
from ns_ray.sr import cuda_program, gpu_grey_jpeg
from ns_ray.sr.nvidia_library import nvidia_library


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Packages that have, by folder and file, a library or something that is none."""
    for place in ("z/lib/libns_thing.so.9", "cu13/lib/libns_thing.so.13", "cu14/lib/libns_thing.so.14"):
        path = tmp_path / "nvidia" / place
        path.parent.mkdir(parents=True)
        if path.suffix == ".14":
            path.write_text("no library")
        else:
            subprocess.run(["c++", "-shared", "-x", "c++", "/dev/null", "-o", str(path)], check=True)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "nvidia"


@pytest.mark.parametrize(
    ("name", "place"),
    [("libns_thing.so.*", "cu13/lib/libns_thing.so.13"), ("libns_thing.so.9", "z/lib/libns_thing.so.9")],
)
def test_the_newest_that_can_be_loaded_is_taken(packages, name, place):
    found = nvidia_library(name)
    assert found is not None
    assert found._name == str(packages / place)


def test_the_systems_own_is_found_by_its_name():
    assert nvidia_library("libc.so.6") is not None


def test_what_is_nowhere_is_told_with_the_remedy(packages, monkeypatch):
    assert nvidia_library("libns_thing.so.14") is None
    for module, wanted, remedy in (
        (cuda_program._nvrtc, "libnvrtc", "install it or use torch"),
        (gpu_grey_jpeg._library, "libnvjpeg.so.", r"pip install 'neuroscaler-ray\[gpu\]'"),
    ):
        asked = []
        monkeypatch.setattr(f"{module.__module__}.nvidia_library", asked.append)
        with pytest.raises(ModelError, match=remedy):
            module()
        assert asked[0].startswith(wanted)
