from ns_ray.report.lateness import busy_share, causes, time_by_cause
from ns_ray.report.results import EpochResult, Span


def _epoch(*spans: Span, late: bool = True, dropped: int = 0) -> EpochResult:
    return EpochResult("s", 0, 10.0, 11.0, list(spans), dropped=dropped, late=late)


READ = Span("read", 9.5, 9.8)
DECODE = Span("decode", 10.25, 10.5)


def test_time_goes_to_stages_and_to_waiting_for_them_up_to_the_end_of_inference() -> None:
    spans = (READ, Span("schedule", 9.75, 10.25), DECODE, Span("inference", 11.5, 11.75), Span("write", 13.0, 14.0))
    assert time_by_cause(_epoch(*reversed(spans))) == {
        "schedule": 0.25,
        "decode": 0.25,
        "wait for inference": 1.0,
        "inference": 0.25,
    }


def test_work_side_by_side_counts_once() -> None:
    spans = (Span("decode", 10.0, 10.5), Span("inference", 10.25, 11.0), Span("inference", 10.5, 10.75))
    assert time_by_cause(_epoch(*spans)) == {"decode": 0.5, "inference": 0.5}


def test_anchors_that_were_never_made_waited_for_inference() -> None:
    dropped = _epoch(READ, DECODE, Span("write", 12.5, 12.75), dropped=3)
    assert time_by_cause(dropped)["wait for inference"] == 2.0
    assert time_by_cause(_epoch(READ, DECODE, Span("write", 12.5, 12.75)))["wait for write"] == 2.0


def test_causes_are_those_of_late_epochs_alone_the_most_frequent_first() -> None:
    decoding = _epoch(Span("decode", 10.0, 12.0))
    inferring = _epoch(DECODE, Span("inference", 10.5, 13.0))
    early = _epoch(Span("encode", 10.0, 12.0), late=False)
    assert list(causes([decoding, inferring, early, inferring, _epoch()]).items()) == [("inference", 2), ("decode", 1)]


def test_a_bundles_span_is_busy_once() -> None:
    spans = [Span("decode", 2.0, 3.0), Span("decode", 2.0, 3.0), Span("decode", 2.5, 4.0), Span("decode", 9.0, 12.0)]
    assert busy_share(spans, 0.0, 10.0) == 0.3
    assert busy_share([], 0.0, 0.0) == 0.0
