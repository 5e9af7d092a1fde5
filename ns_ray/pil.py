"""Which distribution `PIL` is of: Pillow, or pillow-simd, which has the same modules and gives the same images."""

from importlib.metadata import PackageNotFoundError, version

from ns_ray.errors import ConfigError

_OWNERS = ("pillow", "pillow-simd")


def pil_owner() -> str:
    """Name and version of the distribution that is installed.

    Raises:
        ConfigError: both are, so that the files of one lie over those of the other; or none is.
    """
    found = [f"{name} {had}" for name in _OWNERS if (had := _version(name))]
    if len(found) != 1:
        raise ConfigError(
            f"PIL is of {' and '.join(found) or 'no known distribution'}, but must be of one: "
            "pip uninstall pillow pillow-simd, then pip install --no-deps one of them (`make simd` does both)"
        )
    return found[0]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
