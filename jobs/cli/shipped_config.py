"""Which configuration --config names."""

import argparse
from pathlib import Path

from ns_ray import shipped

_FOLDER = shipped.FOLDER / "configs"


def config_path(text: str) -> Path:
    """An option's value that is a configuration: a file's path, or the name of one that ships, such as `local`."""
    path = Path(text)
    if path.suffix or len(path.parts) > 1 or path.is_file():
        return Path(shipped.named(text))
    if not (_FOLDER / f"{text}.yaml").is_file():
        names = ", ".join(sorted(path.stem for path in _FOLDER.glob("*.yaml")))
        raise argparse.ArgumentTypeError(f"{text}: no such file, nor does one of that name ship; {names} do")
    return _FOLDER / f"{text}.yaml"
