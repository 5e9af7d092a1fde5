"""What comes with the package and is no code: configurations, weights, the sample, dataset lists."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_COPY = _PACKAGE / "shipped_files"
FOLDER = _COPY if _COPY.is_dir() else _PACKAGE.parent
"""The folder with `configs`, `dataset` and `result/pretrained`: a checkout's root, or the copy of these in a wheel."""


def named(name: str) -> str:
    """A file (or URL) as it was named; where nothing has that name and a file that ships has it, the path of that."""
    ships = FOLDER / name
    return str(ships) if ships.is_file() and not Path(name).exists() else name


def found(name: str | Path) -> Path:
    """The same as an absolute path, for who works in another folder; the file need not exist."""
    return Path.cwd() / named(str(name))


def everywhere(path: Path) -> str:
    """A file as it is called in every clone and installation, if it is one that ships; else its path."""
    return str(path.relative_to(FOLDER) if path.is_relative_to(FOLDER) else path)
