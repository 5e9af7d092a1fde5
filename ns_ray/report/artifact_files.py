"""Where the artifact's figures lie, named as published (published-scripts.md, step 4-2).

    <result>/evaluation/<instance>/<LR rows>p/<model>/infer_result.json           frames a second of the DNN
    <result>/evaluation/<instance>/<LR rows>p/<model>/s<videos>g<GPUs>/latest/    the last run of the whole system
    <result>/evaluation/<instance>/<LR rows>p/decode_result.json                  streams a decoder
    <result>/evaluation/<instance>/<HR rows>p/software_encode_result.json         frames a second by threads
    <result>/artifact/<instance>/<target>_throughput.json                         streams

Figures have the published keys; `naive_result.json` and `<target>_cost.json` are ours.
"""

from pathlib import Path
from typing import Any

from ns_ray.errors import ResultError
from ns_ray.run_folder import LATEST
from ns_ray.whole_file import read_record

INFER = "infer_result.json"
NAIVE = "naive_result.json"
DECODE = "decode_result.json"
SOFTWARE_ENCODE = "software_encode_result.json"
HARDWARE_ENCODE = "hardware_encode_result.json"
ANCHOR_ENCODE = "engorgio_encode_result.json"


def size_folder(result_dir: Path, instance: str, rows: int) -> Path:
    """Where figures of pictures with so many rows are."""
    return result_dir / "evaluation" / instance / f"{rows}p"


def model_folder(result_dir: Path, instance: str, rows: int, model: str) -> Path:
    """Where figures of a model at so many LR rows are."""
    return size_folder(result_dir, instance, rows) / model


def runs_folder(model: Path, videos: int, gpus: int) -> Path:
    """Where runs of the whole system are, a folder each, below `model_folder`."""
    return model / f"s{videos}g{gpus}"


def last_run(model: Path, videos: int, gpus: int) -> Path:
    """Where the last of them is; as published, where there are none but logs."""
    runs = runs_folder(model, videos, gpus)
    return runs if (runs / "0").is_dir() and not (runs / LATEST).exists() else runs / LATEST


def artifact_folder(result_dir: Path, instance: str) -> Path:
    """Where the conclusions are."""
    return result_dir / "artifact" / instance


def figures(path: Path, remedy: str) -> dict[str, Any]:
    """A file of figures.

    Raises:
        ResultError: it is not there, or damaged; says the remedy.
    """
    found = read_record(path)
    if found is None:
        raise ResultError(f"{path}: no figures are there; {remedy}")
    return found
