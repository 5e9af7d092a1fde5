"""What the published step 5 measures: the content's videos and weights, or those named."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ns_ray.errors import ConfigError, ModelError
from ns_ray.jobs.cli.checks import Checks
from ns_ray.sr.checkpoints import checkpoint_folder
from ns_ray.sr.pairs import content_pair
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.probe import VideoInfo

CHANNELS = {"per-frame": 16, "selective": 32, "engorgio": 32}
"""Published, of each target's DNN."""


@dataclass(frozen=True, slots=True)
class QualitySource:
    """What is measured: the LR video, the HR one, the model and the file of its weights."""

    info: VideoInfo
    hr: str
    spec: ModelSpec
    weights: Path

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of HR."""
        return self.info.width * self.spec.scale, self.info.height * self.spec.scale


def quality_source(options: argparse.Namespace, checks: Checks) -> QualitySource | None:
    """The videos and the model that the options name; None where something is wrong, which `checks` note."""
    named = checks.source(options.input, options.data_dir) if options.input else None
    rows = options.input_resolution or (named.height if named else 720)
    spec = checks(_spec, options, rows)
    if options.input:
        lr, hr, wanted = Path(options.input), Path(options.reference), options.weights
    elif spec is not None:
        folder = checks(checkpoint_folder, options.result_dir, options.content, rows, options.duration)
        wanted = options.weights or (folder and folder / spec.name)
        pair = checks(content_pair, options.data_dir, options.content, rows, options.duration, spec.scale, "test")
        if pair is None or wanted is None:
            return None
        lr, hr = pair.lr, pair.hr
    else:
        return None
    weights = checks.weights(spec, wanted)
    low, high = checks.pair(lr, hr, options, spec)
    if low is not None and low.height != rows:
        checks.wrong(f"{lr} has {low.height} rows, not {rows}: see --input-resolution")
    if low is None or high is None or spec is None or weights is None:
        return None
    return QualitySource(low, high.path, spec, weights)


def _spec(options: argparse.Namespace, rows: int) -> ModelSpec:
    scale, rest = divmod(options.output_resolution or 3 * rows, rows)
    if rest:
        raise ConfigError(f"{options.output_resolution} rows are no multiple of {rows}: choose other resolutions")
    channels = options.num_channels or CHANNELS[options.target]
    try:
        return ModelSpec.parse(f"EDSR_B{options.num_blocks}_F{channels}_S{scale}")
    except ModelError as error:
        raise ConfigError(str(error)) from None
