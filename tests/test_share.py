import pytest

from ns_ray.share import share_out


def test_workers_of_one_speed_take_turns():
    assert share_out([60.0] * 7, [170.0] * 3) == [0, 1, 2, 0, 1, 2, 0]


def test_a_faster_worker_gets_more_and_none_is_overloaded_while_another_has_room():
    speeds = [170.0] * 12 + [455.0] * 2
    owners = share_out([60.0] * 40, speeds)
    busy = [60.0 * owners.count(worker) / speed for worker, speed in enumerate(speeds)]
    assert max(busy) <= 1.06
    assert [owners.count(12), owners.count(13)] == [8, 8]
    assert owners == share_out([60.0] * 40, speeds)


def test_heavy_streams_count_for_more():
    owners = share_out([400.0, 100.0, 100.0, 100.0, 100.0], [1.0, 1.0])
    assert owners == [0, 1, 1, 1, 1]


def test_a_worker_without_speed_gets_nothing():
    assert share_out([1.0] * 4, [0.0, 2.0]) == [1] * 4
    with pytest.raises(ValueError, match="no worker"):
        share_out([1.0], [0.0])


def test_some_are_filled_before_the_others_get_anything():
    speeds = [170.0] * 4 + [1000.0] * 2
    assert share_out([60.0] * 20, speeds, first=[4, 5], full=0.6) == [4, 5] * 10
    owners = share_out([60.0] * 24, speeds, first=[4, 5], full=0.6)
    assert owners == [4, 5] * 10 + [0, 1, 2, 3]
    busiest = share_out([60.0] * 42, speeds, first=[4, 5], full=0.6)
    busy = [60.0 * busiest.count(worker) / speed for worker, speed in enumerate(speeds)]
    assert max(busy) <= 1.06
