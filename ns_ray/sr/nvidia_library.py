"""Shared libraries of NVIDIA's, as the system or packages from PyPI have them."""

import ctypes
import importlib.util
from pathlib import Path


def nvidia_library(name: str) -> ctypes.CDLL | None:
    """Loads a library.

    Args:
        name: of its file, such as `libnvrtc.so.13`; or a pattern, such as `libnvjpeg.so.*`, of which the newest in
            NVIDIA's packages that can be loaded is taken.

    Returns:
        None where there is none that can be loaded.
    """
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    found = [path for folder in folders for path in folder.glob(f"*/lib/{name}")]
    for candidate in (name, *map(str, sorted(found, key=_version, reverse=True))):
        try:
            return ctypes.CDLL(candidate)
        except OSError:
            continue
    return None


def _version(path: Path) -> int:
    number = path.name.partition(".so.")[2].partition(".")[0]
    return int(number) if number.isdecimal() else 0
