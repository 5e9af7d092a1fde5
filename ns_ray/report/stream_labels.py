"""What streams are called where people read of them: by the files they came from."""

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from ns_ray.report.results import StreamResult


def stream_labels(streams: Iterable[StreamResult], length: int | None = None) -> dict[str, str]:
    """A label for each stream's name: its input's file name, numbered where several look the same.

    Args:
        streams: of a run.
        length: characters of which a label has no more, numbers of several digits aside; None for no limit.
    """
    whole = {stream.name: _file(stream.input) or stream.name for stream in streams}
    files = {name: shortened(file, length) if length else file for name, file in whole.items()}
    count = Counter(files.values())
    seen: Counter[str] = Counter()
    labels = {}
    for name, file in files.items():
        seen[file] += 1
        short = shortened(whole[name], length - len(" #1")) if length else file
        labels[name] = f"{short} #{seen[file]}" if count[file] > 1 else file
    return labels


def input_names(streams: Iterable[StreamResult]) -> list[str]:
    """The file names of all inputs, each once, in order."""
    return list(dict.fromkeys(_file(stream.input) or stream.name for stream in streams))


def shortened(label: str, length: int = 28) -> str:
    """A label that is no longer than that; its middle goes first."""
    return label if len(label) <= length else f"{label[: length // 2]}…{label[-(length - length // 2) + 1 :]}"


def _file(address: str) -> str:
    """The last part of a path or URL, without what follows a URL's path, which may be a secret."""
    if "://" in address:
        parts = urlsplit(address)
        return PurePosixPath(parts.path).name or parts.netloc.rpartition("@")[2]
    return PurePosixPath(address).name
