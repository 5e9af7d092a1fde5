"""Training one model on one content: its frames are decoded once into memory, and patches cut out of them there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from ns_ray.sr.dataset import load_pools, spacing
from ns_ray.sr.pairs import VideoPair
from ns_ray.sr.spec import ModelSpec
from ns_ray.sr.training_run import Plan, TrainingRun
from ns_ray.sr.weights import load_weights


def training_folder(result_dir: Path, pair: VideoPair, model: str) -> Path:
    """As published: `<result>/<content>/checkpoint/720p_4125kbps_d60_train.webm/EDSR_B8_F32_S3`."""
    return result_dir / pair.collection / "checkpoint" / pair.lr.name / model


@dataclass(frozen=True, slots=True)
class ContentTraining:
    """One model to be trained on one content.

    Attributes:
        pair: its videos; the collection is the content.
        model: name of the model.
        weights: file to start from; None for the ones that ship.
        folder: where files go.
        plan: how it is trained.
        fps: frames taken a second of video.
        memory_gb: what frames may take, in 10^9 bytes.
        device: cpu, cuda or cuda:<index>.
        threads: CPU threads; the same weights come out of as many only.
    """

    pair: VideoPair
    model: str
    weights: Path | None
    folder: Path
    plan: Plan
    fps: float
    memory_gb: float
    device: str
    threads: int


def train_content(training: ContentTraining) -> Iterator[int]:
    """Trains, from the last checkpoint on if there is one; gives the progress in thousandths.

    Raises:
        ModelError: no such model, weights, videos or frames, or a checkpoint that does not fit.
    """
    torch.set_num_threads(training.threads)
    torch.backends.cudnn.benchmark = True  # shapes never change
    spec = ModelSpec.parse(training.model)
    start = {spec.name: load_weights(spec, training.weights)}
    every = spacing(training.pair, training.fps)
    pools = load_pools([training.pair], spec.scale, training.device, every, memory_gb=training.memory_gb)
    run = TrainingRun([spec.name], pools, training.plan, training.folder, training.device, start)
    for progress in run.run():
        yield int(progress * 1000)
