"""Checkpoints of a training: whole or not there, and only gone on with by the training that wrote them."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from ns_ray.errors import ModelError
from ns_ray.whole_file import write_whole


def save_checkpoint(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Writes a checkpoint in the place of the last one.

    Args:
        path: its file.
        identity: what has to be the same to go on: settings, models, data; plain values.
        state: the rest; plain values and tensors.
    """
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    write_whole(path, buffer.getvalue())


def load_checkpoint(path: Path, identity: dict[str, Any], device: str) -> dict[str, Any] | None:
    """The state in a checkpoint, its tensors on `device`; None if there is no file.

    Raises:
        ModelError: it cannot be read, or something of `identity` differs; the message names it.
    """
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        found: dict[str, Any] = saved["identity"]
        state: dict[str, Any] = saved["state"]
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{path} is no checkpoint ({reason}): remove it to train from the start") from None
    for name in identity.keys() | found.keys():
        if found.get(name) != identity.get(name):
            raise ModelError(
                f"{path} is of another training: {name} was {found.get(name)}, is {identity.get(name)}: set it back, "
                "remove the checkpoint to train from the start, or choose another result directory"
            )
    return state
