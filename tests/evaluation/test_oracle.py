"""NEMO's anchors: what trying finds is what a client sees, and no other choice of as many adds more."""

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import pytest

from ns_ray.errors import MediaError
from ns_ray.evaluation.method import Method
from ns_ray.evaluation.oracle import Tried, nemo, tried
from ns_ray.evaluation.trial import Trial
from ns_ray.video.packets import read_packets


@pytest.fixture(scope="module")
def gops(clip, engine):
    info, originals = clip
    with ThreadPoolExecutor(2) as pool:
        return list(tried(info, engine, read_packets(info), originals, pool))


def test_a_candidate_alone_gives_what_a_client_shows(clip, engine, gops):
    info, originals = clip
    (gop,) = gops
    assert gop.names == tuple((i, 0) for i in range(8))
    methods = [Method(frozenset({name})) for name in gop.names]
    for number, shown in enumerate(Trial(info, engine, methods).run(originals)):
        floor = shown.upscaled["bilinear"].psnr_y
        assert gop.floor[number] == pytest.approx(floor)
        for (begin, _), seen, quality in zip(gop.names, shown.methods, gop.qualities[:, number], strict=True):
            expected = max(floor, seen.errors.psnr_y) if number >= begin else floor
            assert quality == pytest.approx(expected)


def test_each_epoch_gets_as_many_as_another_selection_has_there():
    rng = np.random.default_rng(0)
    names = tuple((i, 0) for i in range(120))
    gop = Tried(names, 0, np.full(120, 30.0), rng.uniform(30, 35, (120, 120)))
    later = Tried(tuple((i + 120, 0) for i in range(40)), 120, np.full(40, 30.0), rng.uniform(30, 35, (40, 40)))
    like = [(0, 0), (1, 0), (50, 0), (130, 0)]
    chosen = nemo([gop, later], like)
    assert sorted(i // 40 for i, _ in chosen) == [0, 0, 1, 3]

    def added(some):
        return np.maximum(30, gop.qualities[list(some), :40].max(axis=0)).sum()

    best = max(added(some) for some in combinations(range(40), 2))
    mine = added([i for i, _ in chosen if i < 40])
    assert best - 40 * 30 > mine - 40 * 30 >= (1 - 1 / np.e) * (best - 40 * 30) or mine == pytest.approx(best)


def test_a_frame_that_cannot_be_decoded_is_named(clip, engine):
    info, originals = clip
    packets = [packet for packet in read_packets(info) if not packet.key]
    with ThreadPoolExecutor(1) as pool, pytest.raises(MediaError, match="packet 1"):
        list(tried(info, engine, packets, originals, pool))
