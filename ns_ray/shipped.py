"""What comes with the package and is no code: configurations, weights, the sample, dataset lists."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_COPY = _PACKAGE / "shipped_files"
SHIPPED = _COPY if _COPY.is_dir() else _PACKAGE.parent
"""The folder with `configs`, `dataset` and `result/pretrained`: a checkout's root, or the copy of these in a wheel."""


def found(path: str | Path) -> Path:
    """A file by its path from the current folder, or else from `SHIPPED`; it need not exist."""
    here = Path.cwd() / path
    return here if here.exists() else SHIPPED / path


def everywhere(path: Path) -> str:
    """A file as it is called in every clone and installation, if it is one that ships; else its path."""
    return str(path.relative_to(SHIPPED) if path.is_relative_to(SHIPPED) else path)


def configuration(name: str) -> Path:
    """A configuration that ships, by its name, such as `local`; it need not exist."""
    return SHIPPED / "configs" / f"{name}.yaml"


def configurations() -> list[str]:
    """The names of those that ship."""
    return sorted(path.stem for path in configuration("*").parent.glob("*.yaml"))
