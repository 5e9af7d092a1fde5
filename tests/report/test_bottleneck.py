import pytest
import synthetic_results

from ns_ray.report.bottleneck import gpu_limit, limit, pool_loads, waiting_ms
from ns_ray.report.results import EpochResult, Span, StreamResult, Usage
from ns_ray.report.tables import profile_grid

CONFIG = {
    "decoder": {"actors": 2, "nvdec": 1, "nvdec_sessions": 2},
    "enhancer": {"actors": 1},
    "host": {"actors": 2},
    "encoder": {"actors": 4, "anchors": "enhancer"},
}


def run(**changes):
    """One epoch in 10 s: 8 s of decoding on 4 sessions, and a GPU at work for 1.5 s."""
    spans = [
        Span("schedule", 0.0, 0.1),
        Span("decode", 0.0, 7.0),
        Span("take", 7.0, 8.0),
        Span("inference", 8.0, 9.5),
        Span("encode", 8.5, 9.5),
        Span("write", 9.8, 10.0),
    ]
    epochs = [EpochResult("a", 0, 0.0, None, spans), EpochResult("b", 0, 0.0, None, [Span("schedule", 0.0, 0.1)])]
    stream = StreamResult("a", "a.webm", frames=600, seconds=10.0, anchors={"KEY": 1, "ALTREF": 4, "NORMAL": 25})
    values = {
        "config": CONFIG,
        "options": {"num_gpus": 1, "method": "neuroscaler"},
        "wall_seconds": 10.0,
        "media_seconds": 10.0,
        "usage": Usage(20.0, 2.0, 100.0, job_cpu_seconds=1.0),
        "epochs": epochs,
        "streams": [stream],
        "host": {"cores": 4},
    }
    result = synthetic_results.make_result(1, 1)
    for name, value in (values | changes).items():
        setattr(result, name, value)
    return result


def test_utilisation_is_work_over_the_time_of_all_workers():
    loads = {load.name: load for load in pool_loads(run())}
    assert loads["decoder"].workers == 4
    assert loads["decoder"].busy_seconds == pytest.approx(8.0)
    assert loads["decoder"].utilisation == pytest.approx(0.2)
    assert loads["enhancer"].busy_seconds == pytest.approx(1.5), "what overlaps counts once"
    assert loads["scheduler"].busy_seconds == pytest.approx(0.1), "the streams of a round share it"
    assert loads["host"].utilisation == pytest.approx(0.01), "0.2 s of writing by two"
    assert loads["job"].utilisation == pytest.approx(0.1)
    assert "encoder" not in loads


def test_the_most_loaded_pool_is_named():
    assert "Most loaded: decoder (decoding, copying anchors), 20 %" in limit(run())
    assert "50 % of the CPU cores" in limit(run())
    few = CONFIG | {"decoder": {"actors": 40}}
    assert "Most loaded: enhancer" in limit(run(config=few))
    apart = CONFIG | {"encoder": {"actors": 1, "anchors": "encoder"}, "decoder": {"actors": 100}}
    loads = {load.name: load for load in pool_loads(run(config=apart))}
    assert loads["encoder"].utilisation == pytest.approx(0.1)


def test_the_gpus_own_limit():
    """30 anchors in 1.5 s are 50 ms each; a stream asks for 3 a second."""
    found = gpu_limit(run())
    assert found is not None
    assert (found.anchor_ms, found.anchors_per_second) == (pytest.approx(50.0), pytest.approx(3.0))
    assert found.streams == pytest.approx(1000 / 150)
    two = gpu_limit(run(options={"num_gpus": 2, "method": "neuroscaler"}))
    assert two is not None
    assert two.streams == pytest.approx(2000 / 150)
    assert gpu_limit(run(streams=[])) is None


def test_waiting_is_what_no_stage_accounts_for():
    assert waiting_ms(run().epochs[0]) == pytest.approx(300)
    early = EpochResult("a", 0, 1.0, None, [Span("read", 0.0, 0.5), Span("decode", 1.5, 2.0)])
    assert waiting_ms(early) == pytest.approx(500)


def test_the_grid_says_it_all():
    grid = profile_grid(run())
    assert grid.rows[0].cells[0] == ("decoder",)
    assert "alone could serve" in grid.note
    assert "Waiting in queues and in Ray" in grid.note
    assert not pool_loads(run(epochs=[]))
