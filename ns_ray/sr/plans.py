"""Plans on disk: each beside a record of what it was built by and for, without which it is built again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ns_ray.sr.onnx_model import Precision
from ns_ray.whole_file import write_record, write_whole


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What a plan is good for; it is of no use where any of this differs.

    Attributes:
        package: `tensorrt` or `tensorrt-rtx`.
        version: of the package.
        gpu: the GPU's name, as in `Tesla T4`.
        capability: its compute capability, as in `7.5`.
        model: its name.
        width, height: LR.
        precision: of weights and arithmetic.
        refit: whether its weights can be replaced.
        onnx: SHA-256 of the ONNX model with its weights; empty where any weights will do, to be replaced.
    """

    package: str
    version: str
    gpu: str
    capability: str
    model: str
    width: int
    height: int
    precision: Precision = "fp16"
    refit: bool = True
    onnx: str = ""

    def path(self, folder: Path) -> Path:
        """As published: `<folder>/EDSR_B8_F32_S3/Tesla_T4/1280x720_fp16.plan`."""
        return folder / self.model / self.gpu.replace(" ", "_") / f"{self.width}x{self.height}_{self.precision}.plan"


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan in memory.

    Attributes:
        data: its bytes.
        path: its file.
        rebuilt: why it was built now, such as `version was 10.9, is 10.13`; empty where the file was good.
    """

    data: bytes
    path: Path
    rebuilt: str


def obtain_plan(key: PlanKey, folder: Path, build: Callable[[], bytes]) -> Plan:
    """Reads a plan, or builds and keeps it where the file is missing, damaged or for something else.

    Args:
        key: what it has to be good for.
        folder: the checkpoint folder under which plans are kept.
        build: makes one for `key`.

    Raises:
        ModelError: what `build` raises; the files are then as they were.
    """
    path = key.path(folder)
    try:
        record = json.loads(record_path(path).read_text())
        data = path.read_bytes()
    except (OSError, ValueError):
        reason = "there was none" if not path.exists() else "it had no record"
    else:
        reason = mismatch(key, record, data)
        if not reason:
            return Plan(data, path, "")
    data = build()
    # The plan first: killed between the two, its checksum is not that of the old record.
    write_whole(path, data)
    record = asdict(key) | {"sha256": hashlib.sha256(data).hexdigest()}
    write_record(record_path(path), record)
    return Plan(data, path, reason)


def discard_plan(path: Path) -> None:
    """Removes a plan and its record."""
    record_path(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def record_path(plan: Path) -> Path:
    """Where the record of a plan is: `<plan>.json`."""
    return plan.with_name(f"{plan.name}.json")


def mismatch(key: PlanKey, record: object, data: bytes) -> str:
    """Why a plan with that record is not good for `key`; empty if it is."""
    if not isinstance(record, dict):
        return "its record was no record"
    for name, wanted in asdict(key).items():
        found = record.get(name)
        if found != wanted and not (name == "onnx" and not wanted):
            return f"{name} was {found}, is {wanted}"
    return "" if record.get("sha256") == hashlib.sha256(data).hexdigest() else "the file was damaged"
