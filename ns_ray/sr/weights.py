"""Weights on disk: plain float32 state dicts, one file a model, read without running any code from them."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.sr.checkpoints import weights_path
from ns_ray.sr.models import Edsr
from ns_ray.sr.spec import ModelSpec
from ns_ray.whole_file import write_whole

Weights = Mapping[str, Tensor]


def load_weights(model: ModelSpec | str, path: Path | None = None) -> dict[str, Tensor]:
    """Reads a model's weights into host memory, float32.

    Args:
        model: the model they are for.
        path: the file; left out, the pretrained one.

    Raises:
        ModelError: no such model, or the file is missing, damaged or for another model.
    """
    spec = ModelSpec.parse(model) if isinstance(model, str) else model
    path = path or weights_path(spec)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(
            f"no weights for {spec} at {path}: train them (jobs/pretrain.py) or name another file"
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        # What torch says of a foreign file is advice to read it unsafely.
        pickled = isinstance(error, pickle.UnpicklingError)
        reason = "no state dict of plain tensors" if pickled else str(error).partition("\n")[0]
        raise ModelError(f"{path} is no weights file ({reason}): train it again or fetch it again") from None
    return check_weights(spec, state, str(path))


def check_weights(spec: ModelSpec, state: object, origin: str) -> dict[str, Tensor]:
    """Returns `state` as float32 if it holds exactly the tensors of `spec`, in their shapes.

    Raises:
        ModelError: it does not; the message names `origin`.
    """
    remedy = f"name a file that was trained as {spec}"
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(f"{origin} holds no state dict: {remedy}")
    with torch.device("meta"):
        wanted = Edsr(spec).state_dict()
    if state.keys() != wanted.keys():
        odd = sorted(map(str, state.keys() ^ wanted.keys()))
        raise ModelError(f"{origin} is not for {spec}: it differs in '{odd[0]}' and {len(odd) - 1} more: {remedy}")
    for key, tensor in wanted.items():
        if state[key].shape != tensor.shape:
            raise ModelError(
                f"{origin} is not for {spec}: '{key}' is {tuple(state[key].shape)}, "
                f"{tuple(tensor.shape)} is needed: {remedy}"
            )
    return {str(key): value.to(torch.float32) for key, value in state.items()}


def save_weights(weights: Weights, path: Path) -> None:
    """Writes weights as float32 on the CPU; readers never see half a file."""
    data = io.BytesIO()
    torch.save({key: value.detach().to("cpu", torch.float32).contiguous() for key, value in weights.items()}, data)
    write_whole(path, data.getvalue())


def varied(weights: Weights, number: int) -> Weights:
    """Weights that differ a little for every number, to stand for streams with DNNs of their own; 0: the same ones."""
    return {key: value * (1 + number / 65536) for key, value in weights.items()}
