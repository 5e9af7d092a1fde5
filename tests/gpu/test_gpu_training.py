"""Training on a GPU: both mixed precisions, recorded as graphs, stopped and gone on with."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ns_ray.sr.dataset import Pool
from ns_ray.sr.models import build
from ns_ray.sr.train import Halving, Objective, Precision
from ns_ray.sr.training_run import Plan, TrainingRun

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")

MODEL = "EDSR_B2_F16_S3"


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_the_loss_falls_and_goes_on_falling_after_a_stop(tmp_path: Path, precision: Precision) -> None:
    high = torch.randint(0, 256, (3, 24, 30, 3), dtype=torch.uint8, device="cuda")
    high = high.repeat_interleave(8, 1).repeat_interleave(8, 2)
    pool = Pool("made", high[:, 1::3, 1::3].contiguous(), high)
    plan = Plan(Objective(Halving(1e-3), precision=precision), 150, batch=16, patch=32, report=50, held_out=1)
    start = {MODEL: build(MODEL).state_dict()}
    for steps in (150, 300):
        run = TrainingRun([MODEL], [pool], replace(plan, steps=steps), tmp_path, "cuda", start)
        assert run.step == steps - 150
        assert list(run.run())[-1] == 1
    losses = [entry["models"][MODEL]["loss"] for entry in run.log]
    assert losses[0] > losses[2] > losses[5]
    assert run.record()["gpu"]["name"] == torch.cuda.get_device_name()
