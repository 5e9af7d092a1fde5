"""Where a model's weights, ONNX files and plans are: beside each other, in folders named as published.

    <result>/<content>/checkpoint/720p_4125kbps_d60_train.webm/EDSR_B8_F32_S3/                  weights, ONNX files
                                                                              EDSR_B8_F32_S3.pt, and after epoch 20
                                                                              EDSR_B8_F32_S3_e20.pt
    <result>/<content>/checkpoint/720p_4125kbps_d60_train.webm/EDSR_B8_F32_S3/<GPU name>/       plans

What is not of one content (the weights that ship, the plans that engines refit) is in <result>/generic instead.
"""

from pathlib import Path

from ns_ray.errors import ModelError
from ns_ray.shipped import FOLDER
from ns_ray.sr.spec import ModelSpec

GENERIC = Path("result") / "generic"
"""Where engines keep plans unless told otherwise: below the current folder, as results are."""
PRETRAINED = FOLDER / "result" / "pretrained"
"""Where weights are looked for, as `<NAME>.pt`, unless told otherwise."""


def weights_path(model: ModelSpec | str, directory: Path | None = None) -> Path:
    """Where the weights of a model lie; the file need not exist.

    Raises:
        ModelError: no such model.
    """
    spec = ModelSpec.parse(model) if isinstance(model, str) else model
    return (directory or PRETRAINED) / f"{spec.name}.pt"


def checkpoint_folder(result_dir: Path, content: str | None, height: int, seconds: int) -> Path:
    """The folder of what was trained on a content's LR video; of what is generic where `content` is None.

    Raises:
        ModelError: nothing, or more than one thing, was trained on that content at that height and duration.
    """
    if content is None:
        return result_dir / "generic"
    parent = result_dir / content / "checkpoint"
    pattern = f"{height}p_*kbps_d{seconds}_train.webm"
    found = sorted(parent.glob(pattern))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "no folder"
        raise ModelError(
            f"{parent}: {names} where one {pattern} is needed: train the content, or set --input-resolution and "
            "--duration"
        )
    return found[0]


def trained_weights(folder: Path, spec: ModelSpec, content: str | None, epoch: int | None = None) -> Path:
    """The weights file of a model in its checkpoint folder; the one that ships where `content` is None.

    Raises:
        ModelError: there is none of that epoch.
    """
    return weights_in(folder / spec.name, spec, epoch) if content else weights_path(spec)


def weights_in(folder: Path, spec: ModelSpec, epoch: int | None = None) -> Path:
    """The file of a model's weights in a folder, by its published name: the final ones, or those after an epoch.

    Raises:
        ModelError: there is none of that epoch.
    """
    path = folder / f"{spec.name}.pt"
    if epoch is None:
        return path
    path = folder / epoch_name(spec.name, epoch)
    if not path.is_file():
        numbers = [one.stem.removeprefix(f"{spec.name}_e") for one in folder.glob(f"{spec.name}_e*.pt")]
        there = sorted(int(number) for number in numbers if number.isdecimal())
        epochs = f"epochs {there[0]} to {there[-1]} are there" if there else "no epoch is there"
        raise ModelError(f"{path} is missing: {epochs}; train on with jobs/train.py, or leave --epoch out")
    return path


def epoch_name(model: str, epoch: int) -> str:
    """The published name of the weights after an epoch: `EDSR_B8_F32_S3_e20.pt`."""
    return f"{model}_e{epoch}.pt"


def lr_size(text: str) -> tuple[int, int]:
    """Reads `720` (16:9, columns rounded to an even number) or `1280x720`: LR columns and rows.

    Raises:
        ValueError: it is neither.
    """
    columns, by, rows = text.partition("x")
    size = (int(columns), int(rows)) if by else (round(int(text) * 16 / 9 / 2) * 2, int(text))
    if min(size) < 1:
        raise ValueError(f"{text} is no size")
    return size
