import pytest

from ns_ray.share import in_order, least_busy


def shared(loads, speeds, **more):
    """Give each load in turn to the worker that is then least busy; who got which."""
    busy = dict.fromkeys(speeds, 0.0)
    owners = []
    for load in loads:
        then = {name: (busy[name] + load) / speeds[name] for name in speeds}
        owner = least_busy(then, **more)
        busy[owner] += load
        owners.append(owner)
    return owners


def of(kind, count, speed):
    return {f"{kind}-{i}": speed for i in range(count)}


def test_workers_of_one_speed_take_turns():
    assert shared([60.0] * 7, of("d", 3, 170.0)) == ["d-0", "d-1", "d-2", "d-0", "d-1", "d-2", "d-0"]


def test_a_faster_worker_gets_more_and_none_is_overloaded_while_another_has_room():
    speeds = of("cpu", 12, 170.0) | of("gpu", 2, 455.0)
    owners = shared([60.0] * 40, speeds)
    assert max(60.0 * owners.count(name) / speed for name, speed in speeds.items()) <= 1.06
    assert [owners.count("gpu-0"), owners.count("gpu-1")] == [8, 8]
    assert owners == shared([60.0] * 40, speeds)


def test_heavy_streams_count_for_more():
    assert shared([400.0, 100.0, 100.0, 100.0, 100.0], of("d", 2, 1.0)) == ["d-0", "d-1", "d-1", "d-1", "d-1"]


def test_there_must_be_a_worker():
    with pytest.raises(ValueError, match="empty"):
        least_busy({})


def test_some_are_filled_before_the_others_get_anything():
    speeds = of("cpu", 4, 170.0) | of("gpu", 2, 1000.0)
    early = {"first": ["gpu-0", "gpu-1"], "full": 0.6}
    assert shared([60.0] * 20, speeds, **early) == ["gpu-0", "gpu-1"] * 10
    assert shared([60.0] * 24, speeds, **early)[20:] == ["cpu-0", "cpu-1", "cpu-2", "cpu-3"]
    owners = shared([60.0] * 42, speeds, **early)
    assert max(60.0 * owners.count(name) / speed for name, speed in speeds.items()) <= 1.06


def test_near_ones_are_taken_where_they_are_hardly_busier():
    busy = {"d-0": 1.0, "d-1": 2.0, "d-2": 4.0}
    assert least_busy(busy, near=["d-1", "d-2"], slack=1.0) == "d-1"
    assert least_busy(busy, near=["d-1", "d-2"], slack=0.5) == "d-0"
    assert least_busy(busy, near=["gone"], slack=9.0) == "d-0"


def test_numbers_in_names_are_numbers():
    names = [f"host-{i}" for i in range(12)]
    assert sorted(sorted(names), key=in_order) == names
    assert least_busy(dict.fromkeys(["d-10", "d-9"], 1.0)) == "d-9"
