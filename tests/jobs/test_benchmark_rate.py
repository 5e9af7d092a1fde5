"""What anchors may take, by what was said."""

import pytest

from ns_ray.anchors.account import Rate
from ns_ray.config.config import Config
from ns_ray.jobs import benchmark
from ns_ray.jobs.work.benchmark import coding_of, rate_of


@pytest.mark.parametrize(
    ("said", "quality", "rate"),
    [
        ("", 55, Rate(share=1)),
        ("--anchor-share none", 55, None),
        ("--anchor-share 0", 55, None),
        ("--quality 70", 70, None),
        ("--anchor-share 0.5", 95, Rate(share=0.5)),
        ("--anchor-share 0.5 --quality 70", 70, Rate(share=0.5)),
        ("--anchor-kbps 800", 95, Rate(kbps=800)),
        ("--anchor-codec jpeg", 90, None),
        ("--anchor-codec jpeg -f 0.15", 85, None),
        ("--anchor-codec jpeg --anchor-share 2", 95, Rate(share=2)),
        ("--anchor-codec jpeg-residual", 75, Rate(share=1)),
    ],
)
def test_the_default_is_the_videos_own_rate_and_published_qualities_stay(said, quality, rate):
    options = benchmark.arguments(said.split())
    coding = coding_of(options, Config())
    assert coding.quality == quality
    assert rate_of(options, coding) == rate
