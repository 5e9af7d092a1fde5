"""Nodes that go, and take actors and objects with them."""

from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest
from actors.pipeline import Pipeline
from bench import CONFIG, Bench, start

from actors import kept
from ns_ray.anchors.baselines import PerFrame
from ns_ray.anchors.policies import Fraction
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

KINDS = ("source", "decoder", "scheduler", "enhancer", "encoder", "packager")


class Away:
    """A node that offers `away`, beside the one that offers `home`; another takes over when it goes."""

    def __init__(self, cluster) -> None:
        self._cluster = cluster
        self.nodes = [self._add()]

    def _add(self):
        return self._cluster.add_node(
            num_cpus=1, resources={"away": 100}, object_store_memory=128 * 2**20, include_dashboard=False
        )

    def replace(self) -> None:
        self.nodes.append(self._add())
        self.remove()

    def remove(self) -> None:
        self._cluster.remove_node(self.nodes.pop(0), allow_graceful=False)


@pytest.fixture
def away(cluster):
    made = Away(cluster)
    yield made
    while made.nodes:
        made.remove()


def placed(kinds, place: str, **more):
    """A configuration in which those kinds run in a place, and all others at home."""
    places = {kind: {"resources": {place if kind in kinds else "home": 1}} for kind in KINDS}
    tree = CONFIG.model_dump()
    return CONFIG.model_validate(tree | more | {kind: tree[kind] | places[kind] for kind in KINDS})


@contextmanager
def running(config, runner, weights):
    pipeline = start(config, runner)
    yield Bench(pipeline, runner, weights)
    pipeline.stop()


def before(monkeypatch, pipeline: Pipeline, method: str, number: int, act) -> None:
    """Acts before the call of a method that has that number."""
    calls = count(1)
    for pool in pipeline._pools._all:

        async def call(index, called, returns, arguments, real=pool._call):
            if called == method and next(calls) == number:
                act()
            return await real(index, called, returns, arguments)

        monkeypatch.setattr(pool, "_call", call)


@pytest.fixture
def repeated(monkeypatch) -> list[bool]:
    """Grows with each call that is repeated as its results are gone."""
    times = []
    real = kept.Making.repeat

    async def repeat(self, lost):
        times.append(lost in self.refs)
        await real(self, lost)

    monkeypatch.setattr(kept.Making, "repeat", repeat)
    return times


def test_what_goes_with_a_node_is_made_again(away, runner, weights, videos, expected, tmp_path, monkeypatch, repeated):
    """Anchors are lost, the frames that they were made of, and the packets of those, with the actors that made them."""
    with running(placed(("source", "decoder", "enhancer"), "away"), runner, weights) as bench:
        opened = [bench.stream(name, path) for name, path in videos.items()]
        before(monkeypatch, bench.pipeline, "write", 8, away.replace)
        runs = bench.run(opened, tmp_path)
        assert not any(run.failed for run in runs)
        assert {run.stream.name: run.path.read_bytes() for run in runs} == expected
        assert sum(repeated) >= 3
        lost = {loss.actor for loss in bench.pipeline.losses}
    assert lost == {"source 0", "decoder 0", "enhancer 0"}


def test_video_encoded_anew_goes_on_after_its_node(away, runner, weights, videos, tmp_path, monkeypatch, repeated):
    with running(placed(("source", "enhancer", "encoder"), "away"), runner, weights) as bench:
        opened = [bench.stream("even", videos["even"])]
        before(monkeypatch, bench.pipeline, "write", 3, away.replace)
        run = bench.run(opened, tmp_path, method="per-frame", policy=PerFrame(), frames=80)[0]
        assert not run.failed
        decoded = VideoDecoder(probe(str(run.path))).decode(read_packets(probe(str(run.path))))
        assert (len(decoded.frames), decoded.damaged) == (80, [])
        assert sum(repeated) >= 3


def test_a_node_that_is_not_replaced_ends_its_streams_alone(cluster, runner, weights, videos, tmp_path, monkeypatch):
    """Two sources, each on a node; the one whose node goes has nowhere to go."""
    node = cluster.add_node(
        num_cpus=1, resources={"either": 1}, object_store_memory=128 * 2**20, include_dashboard=False
    )
    config = placed(("source",), "either")
    config = config.model_copy(update={"source": config.source.model_copy(update={"actors": 2})})
    with running(config, runner, weights) as bench:
        sources = bench.pipeline._pools.sources
        sources._recovery = replace(sources._recovery, start_seconds=3)
        opened = [bench.stream(name, path) for name, path in videos.items()]
        before(monkeypatch, bench.pipeline, "decode", 4, lambda: cluster.remove_node(node, allow_graceful=False))
        runs = bench.run(opened, tmp_path, policy=Fraction(0.1, scope="stream"))
        (loss,) = bench.pipeline.losses
    for index, run in enumerate(runs):
        packets = [one.packet for one in read_hybrid(str(run.path))]
        assert run.failed == (loss.actor == f"source {index % 2}")
        assert packets == list(read_packets(run.stream.info))[: len(packets)]
        assert len(packets) < 100 if run.failed else len(packets) == 100
        assert ("did not come back within 3 s" in run.reason) == run.failed
