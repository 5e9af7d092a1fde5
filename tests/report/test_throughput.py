"""The published formulas against cases computed by hand."""

import pytest

from ns_ray.report.cost import cost_of_stream, times
from ns_ray.report.throughput import hardware_encoder, inference, limit, software_encoder


def streams(capacity):
    return capacity.streams, round(capacity.exact, 3)


def test_inference_of_all_frames():
    assert streams(inference(119, 1)) == (1, 1.983)
    assert streams(inference(120, 1)) == (2, 2)
    assert streams(inference(119, 4)) == (7, 7.933)  # rounded once, over all GPUs


def test_inference_of_anchors_alone():
    """60 frames a second, 8 of 40 enhanced: 5 streams exactly; with 3 of 40 they are 13 and a third."""
    assert streams(inference(60, 1, 8)) == (5, 5)
    assert streams(inference(60, 1, 3)) == (13, 13.333)
    assert streams(inference(59.9, 1, 8)) == (4, 4.992)


def test_a_cpu_counts_as_one_device():
    assert streams(inference(3, 0)) == (0, 0.05)


def test_hardware_encoders_are_rounded_each():
    assert streams(hardware_encoder(119, 1)) == (1, 1.983)
    assert streams(hardware_encoder(119, 4)) == (4, 7.933)
    assert streams(hardware_encoder(59, 4)) == (0, 3.933)


@pytest.mark.parametrize(
    ("fps", "vcpus", "gpus", "expected"),
    [
        ({4: 30, 8: 61, 16: 90}, 16, 1, (1, 1.5)),  # 16 - 1 - 3 = 12 CPUs in eights
        ({4: 60, 8: 61, 16: 90}, 48, 4, (8, 8.75)),  # 48 - 1 - 12 = 35 in fours
        ({4: 70}, 4, 1, (0, 0)),  # g4dn.xlarge: nothing left
        ({4: 70}, 4, 4, (0, 0)),  # and never less than nothing
        ({4: 20, 8: 36, 16: 48}, 16, 1, (0, 1.0)),  # none reaches 60; 12 CPUs in fours at a third of a stream each
        ({}, 16, 1, (0, 0)),
    ],
)
def test_software_encoders_share_the_cpus_that_are_left(fps, vcpus, gpus, expected):
    assert streams(software_encoder(fps, vcpus, gpus)) == expected


def test_the_part_that_serves_fewest_limits():
    infer, software = inference(600, 1), software_encoder({8: 61}, 16, 1)
    assert limit([infer, software]) is software
    assert limit([inference(70, 1), hardware_encoder(65, 1)]).part == "hardware encoder"  # both 1: the lower one


def test_costs():
    assert cost_of_stream(1.204, 4) == pytest.approx(0.301)
    assert (cost_of_stream(None, 4), cost_of_stream(1.2, 0)) == (None, None)
    assert (times(22.3, 1), times(3, 0)) == (22.3, None)
