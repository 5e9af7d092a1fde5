import pytest
from synthetic_results import make_result

from ns_ray.report.published_logs import StreamLog
from ns_ray.report.realtime import Pace, not_judged, published_not_judged, rules
from ns_ray.report.results import EpochResult, Span, StreamResult

EPOCH = 40 / 60


def pace(step: float, *, late: int = 0, encode: float = 0.01, epochs: int = 10) -> Pace:
    """Epochs whose decoding and inference end every `step` epochs' time."""
    results = []
    for number in range(epochs):
        at = (number + 1) * step * EPOCH
        spans = [Span("decode", at - 0.1, at), Span("inference", at, at + 0.1), Span("encode", at, at + 0.1 + encode)]
        results.append(EpochResult("s", number, at, at + 1, spans, late=number >= epochs - late, seconds=EPOCH))
    return Pace(EPOCH, results)


def met(*paces: Pace, paced: bool) -> dict[str, bool]:
    return {rule.name: rule.met for rule in rules(paces, paced=paced)}


def test_a_run_in_step_meets_every_rule():
    for paced in (True, False):
        found = rules([pace(1.0)], paced=paced)
        assert [rule.name for rule in found] == ["decoding", "inference", "encoding"]
        assert all(rule.met for rule in found)
    assert round(rules([pace(1.0)], paced=True)[0].value, 6) == 1


def test_decoding_below_59_of_60_frames_breaks_it():
    assert met(pace(1.01), paced=True)["decoding"]
    assert not met(pace(1.03), paced=True)["decoding"]


def test_the_worst_stream_counts():
    assert met(pace(0.5), pace(1.2), paced=True)["decoding"] is False
    assert met(pace(0.5), pace(1.2), paced=False) == {"decoding": True, "inference": False, "encoding": True}


def test_as_fast_as_possible_decoding_is_judged_by_its_own_work():
    """An epoch in 0.1 s: enough for 6 streams of one decoder, or 12 of two."""
    for streams, decoders, enough in ((6, 1, True), (7, 1, False), (12, 2, True), (14, 2, False)):
        rule = rules([pace(5.0) for _ in range(streams)], paced=False, decoders=decoders)[0]
        assert rule.met is enough
        assert round(rule.value, 3) == round(EPOCH / 0.1 * decoders / streams, 3)


def test_a_decoder_of_its_own_bounds_a_stream():
    """Two streams, one ten times the work of the other: more decoders do not help the heavier one."""
    heavy, light = pace(5.0), pace(5.0)
    for epoch in heavy.epochs:
        epoch.spans[0] = Span("decode", epoch.arrived - 1.0, epoch.arrived)
    assert round(rules([heavy, light], paced=False, decoders=1)[0].value, 3) == round(EPOCH / 1.1, 3)
    assert round(rules([heavy, light], paced=False, decoders=9)[0].value, 3) == round(EPOCH / 1.0, 3)


def test_a_slow_stream_does_not_hide_a_fast_one():
    """What counts is video time: frame rates are no matter, so a stream of 25 frames/s lowers no limit."""
    found = rules([pace(1.0), pace(1.1)], paced=True)[0]
    assert (round(found.value, 3), round(found.limit, 3), found.met) == (0.909, 0.983, False)


def test_pauses_and_a_short_end_are_video_time_too():
    """Slots 0, 1 and 7, the last a quarter of one: decoded in step with the clock."""
    epochs = [
        EpochResult("s", number, at, at + 1, [Span("decode", at, at + 0.01)], seconds=seconds)
        for number, seconds, at in ((0, EPOCH, EPOCH), (1, EPOCH, 2 * EPOCH), (7, EPOCH / 4, 7.25 * EPOCH))
    ]
    assert round(rules([Pace(EPOCH, epochs)], paced=True)[0].value, 6) == 1


def test_a_missed_deadline_breaks_a_paced_run():
    found = rules([pace(1.0), pace(1.0, late=2)], paced=True)[1]
    assert (found.value, found.met) == (2, False)


def test_a_paced_run_may_be_late_while_it_gets_under_way():
    early = pace(1.0)
    for epoch in early.epochs[:2]:
        epoch.late = True
    assert rules([early], paced=True)[1].met
    early.epochs[2].late = True
    assert not rules([early], paced=True)[1].met
    assert not met(pace(1.0, late=1, epochs=2), paced=True)["inference"]


def test_encoding_must_follow_within_an_epoch():
    assert met(pace(1.0, encode=0.6), paced=True)["encoding"]
    assert not met(pace(1.0, encode=0.7), paced=True)["encoding"]


def test_one_epoch_is_judged_by_its_own_time():
    assert met(pace(1.0, epochs=1), paced=False) == {"decoding": True, "inference": True, "encoding": True}


def test_nothing_run_means_no_rule():
    assert rules([], paced=True) == []
    assert rules([Pace(EPOCH, [])], paced=False) == []


def test_what_did_not_happen_has_no_rule():
    """No anchor in a run of one epoch: there is no speed of inference, and no absurd one."""
    quiet = EpochResult("s", 0, 0.0, None, [Span("decode", 0.0, 0.1)], seconds=EPOCH)
    assert [rule.name for rule in rules([Pace(EPOCH, [quiet])], paced=False)] == ["decoding"]
    still = EpochResult("s", 0, 0.0, None, [], seconds=EPOCH)
    for paced, names in ((True, ["inference"]), (False, [])):
        assert [rule.name for rule in rules([Pace(EPOCH, [still])], paced=paced)] == names
    together = [EpochResult("s", n, 0.0, None, [Span("inference", 0.0, 1.0)], seconds=EPOCH) for n in range(2)]
    assert rules([Pace(EPOCH, together)], paced=False) == []


def test_a_paced_run_of_five_epochs_with_anchors_is_judged():
    assert not not_judged(make_result(2, 5))
    late = make_result(1, 5)
    late.streams[0].anchors, late.streams[0].dropped_anchors = {}, 7
    assert not not_judged(late), "all anchors were too late"
    late.streams.append(StreamResult("refused", "x", "refused"))
    assert not not_judged(late)


@pytest.mark.parametrize(
    ("streams", "epochs", "paced", "anchors", "said"),
    [
        (1, 8, False, True, "as fast as possible"),
        (1, 4, True, True, "5 epochs or more, and there were 4"),
        (1, 8, True, False, "no anchor was made"),
        (0, 0, True, True, "no frame was decoded"),
    ],
)
def test_other_runs_are_not_judged(streams, epochs, paced, anchors, said):
    result = make_result(streams, epochs, paced=paced)
    for stream in result.streams:
        stream.dropped_anchors = 0
        stream.anchors = stream.anchors if anchors else {}
    assert said in not_judged(result)


def test_the_published_check_judges_as_little():
    def log(decoded: int, epochs: int) -> StreamLog:
        due = [float(epoch) for epoch in range(epochs) for _ in range(3)]
        return StreamLog("0", [(0.0, 1.0)] * decoded, [(0.0, 1.0)] * len(due), due, [])

    assert not published_not_judged([log(9, 5), log(9, 0)])
    for logs, said in (
        ([log(9, 4)], "there were 4"),
        ([log(9, 0)], "no anchor"),
        ([log(0, 0)], "no frame"),
        ([], "no frame"),
    ):
        assert said in published_not_judged(logs)


def test_epochs_without_anchors_do_not_count_against_inference():
    quiet = EpochResult("s", 0, 0.0, 1.0, [Span("decode", 0.0, 0.1)], seconds=EPOCH)
    assert all(rule.met for rule in rules([Pace(EPOCH, [quiet])], paced=True))
