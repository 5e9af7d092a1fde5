"""What is made of a source video: the reference and the LR videos of its parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ns_ray.dataset.cut import cut
from ns_ray.dataset.ladder import GOP, LADDER, hr_name, size_of, video_folder
from ns_ray.dataset.prepare import CUT, Output, can_copy, recipe
from ns_ray.dataset.raw import find_raw
from ns_ray.dataset.source import Source, open_source
from ns_ray.errors import MediaError
from ns_ray.whole_file import read_record

_SQUARE = 16  # 16:9 to a pixel, as 854x480 is


@dataclass(frozen=True, slots=True)
class Plan:
    """How sources are prepared.

    Attributes:
        seconds: duration of each part.
        reference: rows of the reference.
        resolutions: rows of the LR videos, each in the ladder and fewer than the reference's.
        rate: frames a second.
        crf, preset: quality and speed of a reference that is encoded rather than copied (SVT-AV1).
        require_hidden: LR videos of a GOP or longer have to have hidden frames.
        threads: decoding threads of each output.
    """

    seconds: int
    reference: int
    resolutions: tuple[int, ...]
    rate: Fraction
    crf: int
    preset: int
    require_hidden: bool = True
    threads: int = 1


def outputs(name: str, start: float, data_dir: Path, plan: Plan) -> list[Output]:
    """What has to be made of `data_dir/raw/<name>.*`, for `data_dir/<name>/video`.

    Raises:
        MediaError: the source is not there, not whole, or cannot be converted properly; or videos would stay beside the
            new ones that show other frames.
    """
    raw = find_raw(data_dir / "raw", name)
    if raw is None:
        raise MediaError(f"{data_dir / 'raw'}: there is no video {name}; get it by jobs/download.py")
    source = open_source(str(raw.path))
    size = size_of(plan.reference)
    _require_size(source, plan)
    whole = cut(source, start, plan.seconds, plan.rate, can_copy(source))
    copied = whole.aligned and (source.info.width, source.info.height) == size
    folder = video_folder(data_dir, name)
    made = []
    for part, times in whole.times.items():
        reference = Output(folder / hr_name(plan.reference, plan.seconds, part), source, times, whole.rate, size)
        made.append(reference if copied else _encoded_reference(reference, plan))
        for encoding in (LADDER[height] for height in plan.resolutions):
            made.append(
                Output(
                    folder / encoding.name(plan.seconds, part),
                    source,
                    times,
                    whole.rate,
                    encoding.size,
                    "libvpx-vp9",
                    encoding.options,
                    hidden=plan.require_hidden and len(times) >= GOP,
                    threads=plan.threads,
                )
            )
        _require_one_cut(made, folder.glob(f"*_d{plan.seconds}_{part}.json"))
    _require_other_source(raw.path, made)
    return made


def _require_other_source(source: Path, made: list[Output]) -> None:
    for output in made:
        if output.path.exists() and output.path.samefile(source):
            raise MediaError(f"{output.path}: it is the source {source} itself; copy that elsewhere and name the copy")


def _require_one_cut(made: list[Output], records: Iterable[Path]) -> None:
    """Videos of a part are pairs for training: refuse to leave some there that show other frames."""
    mine = {output.record for output in made}
    cut_now = recipe(made[-1])
    for path in records:
        record = read_record(path)
        video = path.with_suffix(".webm")
        if path in mine or record is None or not video.exists():
            continue
        if any(record.get(key) != cut_now[key] for key in CUT):
            raise MediaError(
                f"{video}: it shows other frames than what is to be made beside it; remove it, or make it anew, too "
                "(--input-resolution, --output-resolution)"
            )


def _encoded_reference(reference: Output, plan: Plan) -> Output:
    options = {"preset": str(plan.preset), "crf": str(plan.crf), "g": str(GOP)}
    return Output(
        reference.path,
        reference.source,
        reference.times,
        reference.rate,
        reference.size,
        "libsvtav1",
        options,
        threads=plan.threads,
    )


def _require_size(source: Source, plan: Plan) -> None:
    width, height = source.info.width, source.info.height
    if abs(width * 9 - height * 16) > _SQUARE:
        raise MediaError(
            f"{source.path}: {width}x{height} is not 16:9, which all published sizes are; crop or pad it first"
        )
    if height < plan.reference:
        raise MediaError(
            f"{source.path}: it has {height} rows, fewer than the reference's {plan.reference}; get a larger one, or "
            "choose a smaller --output-resolution"
        )
