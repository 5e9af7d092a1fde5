"""A pipeline with its event loop, for tests of the actors."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from actors.pipeline import Pipeline
from actors.stream_run import Plan, StreamRun

from actors.messages import Stream
from ns_ray.anchors.policies import Fraction
from ns_ray.config import Config

MODEL = "EDSR_B1_F8_S3"
CONFIG = Config(epoch_seconds=20 / 60)


@dataclass
class Bench:
    """A pipeline with the event loop it lives on."""

    pipeline: Pipeline
    runner: asyncio.Runner
    weights: Path

    def stream(self, name: str, path: Path, model: str = MODEL, weights: Path | None = None) -> Stream:
        info = self.runner.run(self.pipeline.probe(str(path)))
        return Stream(name, info, model, str(weights or self.weights))

    def run(self, opened: list[Stream], output: Path, progress=lambda name, frames: None, **plan) -> list[StreamRun]:
        output.mkdir(exist_ok=True)
        settings = {
            "method": "neuroscaler",
            "policy": Fraction(0.1),
            "quality": 90,
            "frames": 100,
            "paced": False,
        } | plan

        async def prepared() -> list[StreamRun]:
            await self.pipeline.prepare(opened)
            return await self.pipeline.run(opened, Plan(output=output, **settings), progress)

        self.pipeline.losses.clear()
        return self.runner.run(prepared())


def start(config: Config, runner: asyncio.Runner) -> Pipeline:
    pipeline = Pipeline(config, 0)
    runner.run(pipeline.start())
    return pipeline
