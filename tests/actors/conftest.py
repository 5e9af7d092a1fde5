"""A fleet for all tests of the actors, on streams so small that inference takes milliseconds."""

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import streams
from bench import CONFIG, MODEL, Bench, outputs, start

from ns_ray.actors.messages import Stream
from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("weights") / f"{MODEL}.pt"
    save_weights(build(MODEL).state_dict(), path)
    return path


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="session")
def bench(local_ray, runner, weights) -> Iterator[Bench]:
    fleet = start(CONFIG, runner)
    yield Bench(fleet, runner, weights)
    fleet.stop()


@pytest.fixture(scope="session")
def videos(tmp_path_factory) -> dict[str, Path]:
    """Three streams that differ in size, frame rate and hidden frames; one has odd sides."""
    folder = tmp_path_factory.mktemp("videos")
    return {
        "even": streams.encode(folder / "even.mkv", frames=100),
        "odd": streams.encode(folder / "odd.mkv", size=(131, 97), frames=100, first=20),
        "slow": streams.encode(folder / "slow.mkv", size=(64, 64), frames=100, first=40, rate=Fraction(30)),
    }


@pytest.fixture
def opened(bench, videos) -> list[Stream]:
    return [bench.stream(name, path) for name, path in videos.items()]


@pytest.fixture(scope="session")
def expected(bench, videos, tmp_path_factory) -> dict[str, bytes]:
    """What an undisturbed run writes."""
    opened = [bench.stream(name, path) for name, path in videos.items()]
    return outputs(bench.run(opened, tmp_path_factory.mktemp("expected")))
