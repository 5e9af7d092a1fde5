"""Who works for whom: by speed, together where that costs little, and others when somebody goes."""

from collections import Counter
from fractions import Fraction

import pytest

from ns_ray.actors.messages import Stream
from ns_ray.actors.service.seating import Measured, Seating, engine_key
from ns_ray.config.actors import DecoderPool
from ns_ray.errors import ConfigError
from ns_ray.video.probe import VideoInfo


def stream(number, rate=60):
    info = VideoInfo("x.mkv", "vp9", 640, 360, Fraction(rate), Fraction(1, 90_000), "yuv420p")
    return Stream(f"s{number}", info, "EDSR_B8_F32_S3")


def seating(hosts=1, decoders=1, enhancers=1, encoders=0, **pool):
    made = Seating(DecoderPool.model_validate(pool))
    kinds = {"host": hosts, "decoder": decoders, "enhancer": enhancers, "encoder": encoders}
    made.take_names(f"{kind}-{i}" for kind, count in kinds.items() for i in range(count))
    return made


def counts(made, what):
    return Counter(what(seat) for _, seat in made.seats.values())


def test_equals_get_equally_much():
    made = seating(hosts=4, decoders=4, enhancers=2, encoders=3)
    for i in range(48):
        made.seat(stream(i))
    assert set(counts(made, lambda seat: seat.placement.enhancer).values()) == {24}
    assert set(counts(made, lambda seat: seat.placement.encoder).values()) == {16}
    for what in (lambda seat: seat.host, lambda seat: seat.placement.decoder):
        assert max(counts(made, what).values()) - min(counts(made, what).values()) <= 4
        assert len(counts(made, what)) == 4


def test_streams_that_work_together_stay_together():
    """A host's calls go to few: its streams' decoders, and a decoder's frames to one enhancer."""
    made = seating(hosts=2, decoders=4, enhancers=2)
    for i in range(32):
        made.seat(stream(i))
    pairs = {(seat.placement.decoder, seat.placement.enhancer) for _, seat in made.seats.values()}
    assert len(pairs) <= 6, "of 8"


def test_enhancers_by_measured_speed_and_cost_told():
    made = seating(enhancers=2)
    key = engine_key(stream(0))
    made.engine_ms = {("enhancer-0", key): 1.0, ("enhancer-1", key): 3.0}
    seats = [made.seat(stream(i)) for i in range(40)]
    assert counts(made, lambda seat: seat.placement.enhancer) == {"enhancer-0": 30, "enhancer-1": 10}
    assert {(seat.placement.enhancer, seat.placement.cost_ms) for seat in seats} == {
        ("enhancer-0", 1.0),
        ("enhancer-1", 3.0),
    }


def test_nvdec_first_until_it_is_full():
    made = seating(decoders=4, nvdec=2, nvdec_full=0.6)
    samples = 640 * 360
    kinds = {
        "decoder-0": ("cpu", 300),
        "decoder-1": ("cpu", 300),
        "decoder-2": ("cuda", 600),
        "decoder-3": ("cuda", 600),
    }
    made.decoders = {name: Measured(kind, speed * samples, "slow") for name, (kind, speed) in kinds.items()}
    for i in range(12):
        made.seat(stream(i))
    assert counts(made, lambda seat: seat.placement.decoder).keys() == {"decoder-2", "decoder-3"}
    for i in range(12, 20):
        made.seat(stream(i))
    found = made.results()
    assert found["cpu"].streams > 0
    assert found["cpu"].streams + found["cuda"].streams == 20
    assert (found["cuda"].actors, found["cuda"].frames_per_second) == (2, pytest.approx(600))


def test_those_who_lost_somebody_are_found_and_seated_anew():
    made = seating(hosts=2, decoders=2, enhancers=2, encoders=2)
    for i in range(8):
        made.seat(stream(i))
    assert made.without_worker() == []
    for gone in ("host-0", "decoder-1", "enhancer-0", "encoder-1"):
        there = [name for names in made.actors.values() for name in names if name != gone]
        made.take_names(there)
        lost = made.without_worker()
        assert lost
        for name in lost:
            made.seat(made.seats[name][0])
        assert made.without_worker() == []
        assert len(made.seats) == 8


def test_a_kind_of_which_there_is_none_is_named():
    with pytest.raises(ConfigError, match="no enhancer"):
        seating(enhancers=0).seat(stream(0))
