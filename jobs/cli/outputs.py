"""What a job writes is never what it reads."""

import argparse
import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from ns_ray.errors import ConfigError


def require_other_output(options: argparse.Namespace, name: str) -> None:
    """Refuse an output that is an input: the same file, by whatever path, link or hard link.

    The inputs are the files that any other option names, by its path or by one below the data folder. What the output
    is written as before it is whole (`.part`) counts, too.

    Args:
        options: of the command line.
        name: the option that names the output; None as its value is none.

    Raises:
        ConfigError: it is one of them; says which.
    """
    output: Path | None = getattr(options, name)
    if output is None:
        return
    outputs = (
        output,
        output.with_name(f"{output.name}.part"),
        output.with_name(f"{output.stem}.part{output.suffix}"),
    )
    others = {key: value for key, value in vars(options).items() if key != name}
    for (key, value), out in product(others.items(), outputs):
        for path in _paths(value, options.data_dir):
            if _same(path, out):
                raise ConfigError(
                    f"{output}: it would be written over {path}, which is an input ({key}); name another place"
                )


def _paths(value: object, data_dir: Path) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _paths(one, data_dir)
    elif isinstance(value, (str, Path)):
        yield str(value)
        yield os.path.join(data_dir, value)


def _same(one: str, other: Path) -> bool:
    """Whether both are there and the same file."""
    return os.path.isfile(one) and os.path.isfile(other) and os.path.samefile(one, other)
