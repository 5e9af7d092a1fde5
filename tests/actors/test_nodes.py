"""Nodes that go, and take actors and objects with them."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest
from bench import CONFIG, Bench, Progress, outputs, start

from ns_ray.actors.fleet import Fleet
from ns_ray.anchors.baselines import PerFrame
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

KINDS = ("manager", "host", "decoder", "scheduler", "enhancer", "encoder")
STORE = 128 * 2**20


class Away:
    """A node that offers `away`, and one `either`, beside the one at home; another takes over when it goes."""

    def __init__(self, cluster) -> None:
        self._cluster = cluster
        self._node = self._add()

    def _add(self):
        return self._cluster.add_node(
            num_cpus=2, resources={"away": 100, "either": 1}, object_store_memory=STORE, include_dashboard=False
        )

    def replace(self) -> None:
        before, self._node = self._node, self._add()
        self._cluster.remove_node(before, allow_graceful=False)

    def remove(self) -> None:
        if self._node in self._cluster.worker_nodes:
            self._cluster.remove_node(self._node, allow_graceful=False)


def placed(kinds, place: str, **more):
    """A configuration in which those kinds run in a place, and all others at home."""
    tree = CONFIG.model_dump() | more
    places = {kind: tree[kind] | {"resources": {place if kind in kinds else "home": 1}} for kind in KINDS}
    return CONFIG.model_validate(tree | places)


def once(act: Callable[[], None], after: int) -> Progress:
    """Progress that acts when so many frames have been written."""
    left = [act]
    written = 0

    def progress(_: str, frames: int) -> None:
        nonlocal written
        written += frames
        if left and written >= after:
            left.pop()()

    return progress


@pytest.fixture(scope="module")
def away(cluster):
    made = Away(cluster)
    yield made
    made.remove()


@pytest.fixture
def apart(away, runner, weights):
    """Decoders and enhancers away, all others at home."""
    fleet = start(placed(("decoder", "enhancer"), "away"), runner)
    yield Bench(fleet, runner, weights)
    fleet.stop()


def decodings(run) -> int:
    """How often epochs were decoded, the most of one."""
    return max(sum(span.stage == "decode" for span in epoch.spans) for epoch in run.epochs)


def test_what_goes_with_a_node_is_made_again(apart, away, videos, expected, tmp_path):
    """Lost are frames that anchors are being made of, pictures that an encoder at home is to take, and their makers.

    The encoder stands still until the node has gone, the enhancer from when pictures wait for the encoder.
    """
    encoder = apart.fleet.pid("encoder-0")
    waiting = asyncio.Event()

    def stop_encoder() -> None:
        os.kill(encoder, signal.SIGSTOP)
        waiting.set()

    def go() -> None:
        os.kill(apart.fleet.pid("enhancer-0"), signal.SIGSTOP)
        time.sleep(1)  # the epochs in work come as far as that
        away.replace()
        os.kill(encoder, signal.SIGCONT)

    async def hybrid():
        await waiting.wait()
        return await apart.follow(opened, tmp_path, once(go, 60))

    opened = [apart.stream(name, path) for name, path in videos.items()]
    anew = [apart.stream("anew", videos["even"])]
    encoding = apart.follow(anew, tmp_path, once(stop_encoder, 20), method="per-frame", policy=PerFrame())
    runs, (encoded,) = apart.at_once(hybrid(), encoding)
    assert outputs(runs) == expected
    assert any(decodings(run) > 1 for run in runs)
    assert not encoded.failed
    decoded = VideoDecoder(probe(str(encoded.path))).decode(read_packets(probe(str(encoded.path))))
    assert (len(decoded.frames), decoded.damaged) == (100, [])
    assert decodings(encoded) > 1
    assert apart.lost() == [("decoder 0", "died"), ("enhancer 0", "died")]


async def _impatient(config, seconds: dict[str, float]) -> Fleet:
    """A fleet whose manager and host take what does not come back in so many seconds for gone."""
    fleet = Fleet(config, 0)
    await fleet.start({"scheduler": 1, "decoder": 2, "enhancer": 1})
    names = []
    for kind, patience in seconds.items():
        fleet._config = config.model_copy(update={"start_seconds": patience})
        names.append(fleet._make(kind))
    fleet._config = config
    await fleet._wait_for(names)
    return fleet


def test_streams_whose_decoder_has_no_node_any_more_go_on_with_another(
    away, runner, weights, videos, expected, tmp_path
):
    """One at home and one on another node, which goes.

    The host waits 10 s for the decoder, and as long for another; the manager finds out within 6 s, and waits 6 s.
    """
    fleet = runner.run(_impatient(placed(("decoder",), "either"), {"manager": 6, "host": 10}))
    bench = Bench(fleet, runner, weights)
    opened = [bench.stream(name, path) for name, path in videos.items()]
    runs = bench.run(opened, tmp_path, once(away.remove, 60))
    fleet.stop()
    assert outputs(runs) == expected
