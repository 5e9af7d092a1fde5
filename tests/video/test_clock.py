"""Times of every kind of source, on one clock."""

import pickle
from fractions import Fraction
from itertools import pairwise

from ns_ray.video.clock import Clock, SideClock

MS = Fraction(1, 1000)


def placed(raws, hidden=(), interval=Fraction(100, 3), base=MS):
    clock = Clock(base, interval)
    both = [clock.place(raw, i not in hidden) for i, raw in enumerate(raws)]
    return [pts for pts, _ in both], [note for _, note in both if note]


def test_times_that_begin_at_0_stay_as_they_are():
    raws = [0, 33, 67, 100, 5000, 5001, 90_000]
    assert placed(raws) == (raws, [])


def test_a_beginning_elsewhere_is_subtracted_once():
    for start, said in ((200, "0.200"), (-495, "-0.495")):
        times, notes = placed([start, start + 33, start + 67, start + 900])
        assert times == [0, 33, 67, 900]
        assert notes == [f"its times begin at {said} s: all are moved to begin at 0"]


def test_what_comes_after_a_step_back_follows_on_by_the_usual_interval():
    times, notes = placed([0, 33, 67, 0, 33, 67, 100])
    assert times == [0, 33, 67, 100, 133, 167, 200]
    assert notes == ["times went back by 0.067 s at packet 3: the rest is moved to follow on"]


def test_a_step_far_ahead_is_no_pause():
    day = 86_400_000
    times, notes = placed([0, 33, 33 + day, 2**60, 100])
    assert times == [0, 33, 33 + day, 66 + day, 99 + day]
    assert len(notes) == 2
    assert "ahead by" in notes[0]


def test_notes_are_few_whatever_the_source():
    times, notes = placed([i % 2 for i in range(1000)])
    assert len(notes) == 8
    assert notes[-1].endswith("(further ones are not listed)")
    assert all(b > a for a, b in pairwise(times))


def test_packets_without_times_follow_on_without_drift():
    times, notes = placed([None] * 31)
    assert times == [round(i * 100 / 3) for i in range(31)]
    assert not notes
    assert placed([0, None, None, 100, None])[0] == [0, 33, 67, 100, 133]
    assert placed([None, 500, 533])[0] == [0, 33, 66]


def test_equal_times_are_moved_apart_by_a_tick_and_nothing_else_is():
    assert placed([0, 0, 33, 33, 67, 100])[0] == [0, 1, 33, 34, 67, 100]
    assert placed([0, 1, 1, 1, 2, 3, 200], interval=Fraction(1))[0] == [0, 1, 2, 3, 4, 5, 200]


def test_the_same_time_again_and_again_is_none():
    times, _ = placed([0] * 30)
    assert times[-1] - times[1] == round(28 * 100 / 3)


def test_a_packet_that_shows_nothing_has_the_time_of_the_next():
    assert placed([0, 33, 33, 67], hidden={1})[0] == [0, 33, 33, 67]
    assert placed([0, 0, 33], hidden={0})[0] == [0, 0, 33]
    times, notes = placed([0, 33, 900, 67, 100], hidden={2})
    assert (times, notes) == ([0, 33, 66, 67, 100], [])


def test_what_is_cut_off_takes_a_tick_each():
    clock = Clock(Fraction(1, 15360), Fraction(512))
    (first, note), *others = [clock.hurry() for _ in range(3)]
    assert (first, others) == (0, [(1, ""), (2, "")])
    assert note.startswith("an edit list cuts off packets from packet 0 on")
    assert [clock.place(raw)[0] for raw in (100, 612)] == [3, 515]
    assert [clock.hurry() for _ in range(2)] == [(1027, ""), (1028, "")]
    assert clock.place(1124) == (1029, "")


def test_a_source_that_begins_again_follows_on_without_a_word():
    clock = Clock(MS, Fraction(50, 3))
    assert [clock.place(raw) for raw in (0, 17, 33)] == [(0, ""), (17, ""), (33, "")]
    clock.restart()
    assert [clock.place(raw) for raw in (0, 17, 33)] == [(50, ""), (67, ""), (83, "")]


def test_a_copy_goes_on_alike():
    clock = Clock(MS, Fraction(100, 3))
    for raw in (100, 133, 0):
        clock.place(raw)
    other = pickle.loads(pickle.dumps(clock.copy()))
    assert [clock.place(raw) for raw in (33, 10, None)] == [other.place(raw) for raw in (33, 10, None)]


def test_tracks_beside_the_video_move_with_it():
    video = Clock(Fraction(1, 90000), Fraction(3000))
    video.place(18000)
    side = SideClock(Fraction(1, 48000), "audio 1")
    assert side.place(0, 0, video.offset, video)[0] is None
    assert side.place(9600, 0, video.offset, video) == (0, "")
    assert side.place(9601, 0, video.offset, video) == (1, "")


def test_a_track_around_a_step_back_goes_with_the_nearer_side():
    video = Clock(MS, Fraction(100, 3))
    for raw in (0, 33, 67):
        video.place(raw)
    before = video.offset
    video.place(0)
    side = SideClock(MS, "audio 1")
    assert [side.place(raw, 0, before, video)[0] for raw in (80, 99, 5, 20)] == [80, 99, 105, 120]


def test_a_track_that_goes_back_alone_loses_packets_and_says_so_once():
    video = Clock(MS, Fraction(100, 3))
    video.place(0)
    side = SideClock(MS, "audio 1")
    placed = [side.place(raw, 0, 0, video) for raw in (0, 20, 10, 5, 20, 40, -5, -9)]
    assert [pts for pts, _ in placed] == [0, 20, None, None, 20, 40, None, None]
    assert [note for _, note in placed if note] == [
        "audio 1: times went back at 0.010 s; such packets are left out",
        "audio 1: packets before the video's first are left out",
    ]


def test_what_begins_before_the_video_and_lasts_into_it_is_kept():
    video = Clock(MS, Fraction(100, 3))
    video.place(0)
    side = SideClock(MS, "audio 1")
    assert [side.place(raw, 20, 0, video)[0] for raw in (-41, -20, -7, 13)] == [None, -20, -7, 13]


def test_a_single_wrong_time_moves_nothing_else():
    times, notes = placed([0, 33, 67, 50, 133, 167, 200, 10, 267, 300])
    assert times == [0, 33, 67, 100, 133, 167, 200, 233, 267, 300]
    assert notes == [
        "times went back by 0.017 s at packet 3: the rest is moved to follow on",
        "they came back at packet 4: what follows is not moved",
        "times went back by 0.190 s at packet 7: the rest is moved to follow on",
        "they came back at packet 8: what follows is not moved",
    ]


def test_pairs_that_changed_places_do_not_run_away():
    right = [round(n * 100 / 3) for n in range(200)]
    times, _ = placed([right[n ^ 1] for n in range(200)])
    assert times == sorted(set(times))
    assert max(abs(a - b) for a, b in zip(times, [at - right[1] for at in right], strict=True)) <= 100


def test_a_pause_after_a_step_back_is_one_of_its_own():
    times, _ = placed([0, 33, 67, 20, 53, 87, 120, 1120, 1153])
    assert times == [0, 33, 67, 100, 133, 167, 200, 1200, 1233]
