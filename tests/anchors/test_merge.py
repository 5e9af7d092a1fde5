"""Merging, against the same done one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ns_ray.anchors.merge import affordable, within


@given(
    costs=st.lists(st.one_of(st.sampled_from([0.0, 0.1, 0.3, 1.3, 2.29]), st.floats(0, 10)), max_size=60),
    limit=st.floats(0, 40),
)
def test_what_fits_is_taken(costs: list[float], limit: float) -> None:
    spent, expected = 0.0, []
    for index, cost in enumerate(costs):
        if spent + cost <= limit:
            spent += cost
            expected.append(index)
    assert affordable(np.array(costs, np.float64), limit).tolist() == expected


@given(groups=st.lists(st.integers(0, 4), max_size=40), limits=st.lists(st.integers(0, 9), min_size=5, max_size=5))
def test_the_first_of_each_group(groups: list[int], limits: list[int]) -> None:
    expected = [groups[:index].count(group) < limits[group] for index, group in enumerate(groups)]
    assert within(np.array(groups, np.int64), np.array(limits)).tolist() == expected
