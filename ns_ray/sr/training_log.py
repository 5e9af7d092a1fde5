"""TensorBoard logs of a training, where the package is installed."""

import importlib.util
from pathlib import Path
from typing import Any


def have_tensorboard() -> bool:
    """Whether logs can be written: the package `tensorboard` is installed."""
    return importlib.util.find_spec("tensorboard") is not None


class TrainingLog:
    """Scalars over steps, in TensorBoard's event files; does nothing where the package is not installed."""

    def __init__(self, folder: Path, step: int) -> None:
        """Goes on at a step: what an interrupted run logged of later ones is taken back."""
        self._writer: Any = None
        if have_tensorboard():
            # Imported late: without the package, the import fails.
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def write(self, step: int, scalars: dict[str, float]) -> None:
        """Logs the scalars of a step, so that they can be read at once."""
        if self._writer is not None:
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, step)
            self._writer.flush()

    def close(self) -> None:
        """Ends the event file."""
        if self._writer is not None:
            self._writer.close()
