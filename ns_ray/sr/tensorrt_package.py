"""Finds TensorRT or TensorRT for RTX: two packages with one Python interface."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ns_ray.errors import ModelError

_MODULES = {
    "tensorrt": ("tensorrt", "tensorrt_bindings"),
    "tensorrt-rtx": ("tensorrt_rtx", "tensorrt_rtx_bindings"),
}
"""Package -> the modules that may hold its interface; the first is missing where only libraries and bindings are."""


@dataclass(frozen=True, slots=True)
class TensorRt:
    """An installed package.

    Attributes:
        name: `tensorrt` or `tensorrt-rtx`; plans of one are nothing to the other.
        version: such as `10.13.0.35`; plans of one are nothing to another.
        api: the module.
        logger: for all of its objects; keeps what it reports.
    """

    name: str
    version: str
    api: Any
    logger: Any
    messages: list[str] = field(default_factory=list)

    def reported(self) -> str:
        """What went wrong since this was last asked, in one line."""
        text = "; ".join(dict.fromkeys(self.messages))
        self.messages.clear()
        return text or "no reason given"


def find_tensorrt(prefer: str | None = None) -> TensorRt:
    """The installed package: TensorRT where both are.

    Args:
        prefer: take this one or none.

    Raises:
        ModelError: there is none that can be loaded.
    """
    problems: list[str] = []
    for name in (prefer,) if prefer else _MODULES:
        for module in _loadable(name, problems):
            messages: list[str] = []
            return TensorRt(name, str(module.__version__), module, _logger(module, messages), messages)
    reasons = "; ".join(problems)
    raise ModelError(f"TensorRT is not installed ({reasons}): pip install tensorrt, or tensorrt-rtx for RTX GPUs")


def _loadable(name: str, problems: list[str]) -> Iterator[ModuleType]:
    if name not in _MODULES:
        raise ModelError(f"unknown package '{name}': choose {' or '.join(_MODULES)}")
    for module in _MODULES[name]:
        try:
            yield importlib.import_module(module)
        except (ImportError, OSError) as error:  # OSError: its libraries are missing
            problems.append(f"{module}: {error}")


def _logger(api: Any, messages: list[str]) -> Any:
    class Logger(api.ILogger):  # type: ignore[misc]
        """Keeps errors for the exception that follows them, drops the rest."""

        def __init__(self) -> None:
            super().__init__()

        def log(self, severity: Any, message: str) -> None:
            if severity <= api.ILogger.Severity.ERROR:
                messages.append(message.strip())

    return Logger()
