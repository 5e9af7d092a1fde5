"""What a benchmark's run takes in: videos, their originals, files of weights."""

import argparse
from pathlib import Path

from ns_ray import shipped
from ns_ray.actors.orders import misfit
from ns_ray.config.config import Config
from ns_ray.dataset.ladder import LADDER, hr_name, video_folder
from ns_ray.errors import ConfigError, MediaError
from ns_ray.evaluation.original import Despite, Original
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.address import regular
from ns_ray.video.probe import VideoInfo, probe


def inputs_of(options: argparse.Namespace, config: Config) -> list[str]:
    """The videos to take: those named, the content's prepared test video, or the configuration's.

    Raises:
        ConfigError: there is none.
    """
    if options.input:
        return [shipped.named(path) for path in options.input]
    if options.resolution not in LADDER:
        known = ", ".join(map(str, LADDER))
        raise ConfigError(f"--input-resolution {options.resolution}: prepared videos have {known} rows")
    name = LADDER[options.resolution].name(options.duration, "test")
    prepared = video_folder(options.data_dir, options.content) / name
    if prepared.exists():
        return [str(prepared)]
    if not config.inputs:
        raise ConfigError(f"{prepared} is not there: name videos by --input, or make it by jobs/encode.py")
    return [str(shipped.found(path)) for path in config.inputs]


def references_of(options: argparse.Namespace, config: Config, inputs: list[str]) -> dict[str, str]:
    """The originals at HR that are known, by their videos: those named, the content's, or the configuration's.

    Raises:
        ConfigError: those named are not one for each video, or not there.
    """
    if options.reference:
        originals = [shipped.named(path) for path in options.reference]
        wrong = [f"--reference {path}: there is no such file" for path in originals if not Path(path).is_file()]
        if len(options.reference) != len(inputs):
            wrong.append(f"--reference: {len(options.reference)} are named for {len(inputs)} videos; name one each")
        if wrong:
            raise ConfigError(*wrong)
        return dict(zip(inputs, originals, strict=True))
    rows = options.resolution * ModelSpec.parse(options.model_name).scale
    prepared = video_folder(options.data_dir, options.content)
    known = {shipped.found(lr): shipped.found(hr) for lr, hr in config.references.items()}
    if options.resolution in LADDER:
        lr = prepared / LADDER[options.resolution].name(options.duration, "test")
        known[lr] = prepared / hr_name(rows, options.duration, "test")
    there = {lr.resolve(): str(hr) for lr, hr in known.items() if hr.is_file()}
    return {path: there[Path(path).resolve()] for path in inputs if Path(path).resolve() in there}


def require_original(lr: str, hr: str, scale: int, differing: Despite) -> None:
    """Refuse an original that does not belong to its video, as far as this is a file that can be read.

    Raises:
        MediaError: it does not; says what differs.
    """
    try:
        known = regular(lr) is not None and probe(lr)
    except MediaError:  # which is told for itself
        return
    if known:
        Original(hr, lr, scale, differing)


def require_rate(info: VideoInfo, rate: float | None) -> None:
    """Refuse a video of another frame rate than the one that was asked for; raises MediaError."""
    if rate is not None and abs(float(info.frame_rate) - rate) > 0.01:
        raise MediaError(f"{info.path}: it has {float(info.frame_rate):g} frames/s, not {rate:g}")


def require_method(option: str, method: str, info: VideoInfo) -> None:
    """Refuse a method, named by an option, that cannot enhance a video; raises ConfigError."""
    if why := misfit(method, info):
        raise ConfigError(f"{option} {method}: {info.path}: {why}")


def weights_of(options: argparse.Namespace) -> list[Path | None]:
    """The files that --weights names: the model's, or where a folder has none one a stream; None for what ships.

    Raises:
        ConfigError: it is a folder with fewer files than there are streams, or one to copy for each stream.
    """
    folder: Path | None = options.weights
    if folder is None or not folder.is_dir():
        return [folder]
    own = folder / f"{options.model_name}.pt"
    if own.is_file():
        return [own]
    files = sorted(folder.glob("*.pt"))
    if options.own_weights:
        raise ConfigError(
            f"--weights {folder}: it has no {own.name}; name one file to copy for --own-weights, not a folder of others"
        )
    if len(files) < options.num_videos:
        raise ConfigError(
            f"--weights {folder}: it holds {len(files)} .pt files for {options.num_videos} streams, and no {own.name}"
        )
    return list(files)
