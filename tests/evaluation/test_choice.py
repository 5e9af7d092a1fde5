"""Which frames of a whole stream become anchors."""

from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.policies import Fraction
from ns_ray.codecs.records import FrameRecord, FrameType
from ns_ray.evaluation.choice import choose


def test_anchors_are_chosen_epoch_by_epoch():
    kinds = {0: FrameType.KEY, 120: FrameType.KEY}
    records = [FrameRecord(i, 0, kinds.get(i, FrameType.NORMAL), 100 + i % 7) for i in range(240)]
    chosen = choose(records, Fraction(0.075))
    assert {(0, 0), (120, 0)} <= chosen
    assert [sum(start <= i < start + 40 for i, _ in chosen) for start in range(0, 240, 40)] == [3] * 6


def test_equally_spaced_anchors_count_coded_frames_of_each_epoch():
    records = []
    for i in range(80):
        if i in (1, 17, 33):
            records.append(FrameRecord(i, 0, FrameType.ALTREF, 500, shown=False, refreshed=4))
        records.append(FrameRecord(i, i in (1, 17, 33), FrameType.NORMAL, 100, refreshed=1))
    coded = [(r.video_index, r.super_index) for r in records if r.video_index < 40]
    chosen = choose(records, Uniform(8 / 40, among="coded"))
    assert chosen == {coded[5 * i] for i in range(8)} | {(40 + 5 * i, 0) for i in range(8)}


def test_no_frames_have_no_anchors():
    assert choose([], Fraction(0.1)) == frozenset()
