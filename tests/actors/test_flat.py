"""An hour of streams, most of which come and go: nothing that lives grows."""

import asyncio
import gc
import sys
from collections import Counter

from simulated import CONFIG, World, constant

HOUR = 3600
LOOK = 300


def living():
    """What lives: objects by type, and all blocks of memory that Python gave out."""
    gc.collect()
    return Counter(type(one).__qualname__ for one in gc.get_objects()), sys.getallocatedblocks()


def test_an_hour_of_streams_is_flat(monkeypatch):
    """Slots of 4 s, and looks as rare, so that the hour passes in seconds; hosts have the 200 epochs they keep soon."""
    monkeypatch.setattr("ns_ray.actors.service.manager._LOOK_SECONDS", 4.0)
    monkeypatch.setattr("ns_ray.actors.following._LOOK_SECONDS", 4.0)
    config = CONFIG.model_copy(update={"epoch_seconds": 4.0, "kept_epochs": 200, "gop_frames": 20})
    looks = []

    async def come_and_go(world, following):
        loop, count = asyncio.get_running_loop(), 0
        while loop.time() - world.plan.began < HOUR - 100:
            name = f"c{count % 50}"
            world.videos[name] = short
            await following.add([world.order(name, first=world.next_slot())])
            await asyncio.sleep(40)
            ended = [one for one in following.streams if one not in following.running]
            await following.drop(ended)
            for one in ended:
                del world.finished[one]
            count += 1
            if loop.time() - world.plan.began > LOOK * (len(looks) + 1):
                world.offered.clear()
                looks.append(living())

    short = constant(5, 60, gop=20)
    videos = {name: constant(5, HOUR, gop=20) for name in ("a", "b", "c")}
    for video in (short, *videos.values()):
        assert video.packets
    world = World(dict(videos), config=config, hosts=2, keeps=False)
    runs = world.run(meanwhile=come_and_go, limit=2 * HOUR)
    assert all(run.report.state == "done" for run in runs.values())
    assert [runs[name].report.totals.shown for name in videos] == [5 * HOUR] * 3
    assert [runs[name].report.totals.epochs for name in videos] == [HOUR // 4] * 3
    (early, early_blocks), (late, late_blocks) = looks[3], looks[-1]
    assert len(looks) >= 10
    print(late_blocks - early_blocks, sum(late.values()) - sum(early.values()), [blocks for _, blocks in looks])
    grown = {name: count - early[name] for name, count in late.items() if count - early[name] > 30}
    assert not grown
    assert late_blocks - early_blocks < 2000
