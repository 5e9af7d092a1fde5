"""Anchors keep to a rate over every 2 s, whatever comes, and whoever dies."""

import asyncio

import pytest
from simulated import World, constant

from ns_ray.actors.summary import stream_result
from ns_ray.anchors.account import Rate
from ns_ray.anchors.policies import Fraction

KBPS = 300
SLOTS = 3  # of 2/3 s
BUDGET = KBPS * 125 * 2
ALONE = {"policy": Fraction(0.075, scope="stream"), "rate": Rate(kbps=KBPS), "paced": False}
STILL = range(600, 900)


def taken(run):
    """Bytes of the anchors of each slot."""
    last = max(run.epochs)
    return [sum(anchor.bytes for anchor in run.epochs[slot].anchors) for slot in range(last + 1)]


def windows(run):
    """Those of each 2 s."""
    spent = taken(run)
    return [sum(spent[i : i + SLOTS]) for i in range(len(spent) - SLOTS + 1)]


def limited(video, **more):
    world = World({"s": video}, image_bytes=10**6)
    return world.run(**{**ALONE, **more})["s"]


@pytest.mark.parametrize("gop", [37, 120, 10**6])
def test_every_2_s_keep_to_the_rate(gop):
    run = limited(constant(60, 20, gop=gop))
    assert max(windows(run)) <= BUDGET
    assert min(windows(run)) > 0.9 * BUDGET
    totals = run.report.totals
    assert (totals.still, totals.unpaid, totals.dropped) == (0, 0, 0)
    assert sum(totals.anchors.values()) == pytest.approx(0.075 * 1200, abs=2)


def test_a_still_scene_needs_no_anchors_and_the_next_one_has_no_more_than_its_rate():
    run = limited(constant(60, 20, gop=300, still=STILL))
    quiet = [anchor for slot in run.epochs.values() for anchor in slot.anchors if anchor.video_index in STILL]
    assert [anchor.type for anchor in quiet] == ["KEY"]
    assert run.report.totals.still == pytest.approx(0.075 * len(STILL) - 1, abs=2)
    assert max(windows(run)) <= BUDGET
    assert min(windows(run)[:10] + windows(run)[-6:]) > 0.9 * BUDGET
    assert stream_result(run).still_anchors == run.report.totals.still


def test_few_bytes_go_to_fewer_anchors_and_all_others_are_counted():
    run = limited(constant(60, 20), rate=Rate(kbps=20))  # 1,667 bytes an epoch: of JPEG that size two are no use
    made = sum(run.report.totals.anchors.values())
    result = stream_result(run)
    assert made == len(run.epochs)
    assert result.unpaid_anchors == pytest.approx(0.075 * 1200 - made, abs=2)
    assert result.anchor_kbps == pytest.approx(20, rel=0.1)


def test_a_share_is_one_of_the_video():
    run = limited(constant(60, 20), rate=Rate(share=2))
    result = stream_result(run)
    assert result.anchor_share == pytest.approx(2, rel=0.05)
    assert result.anchor_kbps / result.lr_kbps == pytest.approx(result.anchor_share)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_host_that_dies_costs_no_byte():
    """What was given stands in the stream's own file."""
    video = constant(60, 20, gop=300, still=STILL)

    async def kill(world, following):
        for _ in range(4):
            await asyncio.sleep(0.7)
            world.named("host")[0].kill(0.1)

    world = World({"s": video}, image_bytes=10**6, keeps=False)
    run = world.run(**ALONE, meanwhile=kill)["s"]
    assert sum(process.deaths for process in world.named("host")) >= 4
    calm = limited(video)
    for number in run.epochs:
        assert run.epochs[number].anchors == calm.epochs[number].anchors
    assert len(run.epochs) > 20
