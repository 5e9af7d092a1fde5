import pickle
from dataclasses import dataclass

import pytest

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.codecs.records import FrameRecord, FrameType


@briefly_pickled
@dataclass(frozen=True, slots=True)
class One:
    """Of a single field."""

    value: tuple[int, ...]


@pytest.mark.parametrize("protocol", [2, 5])
@pytest.mark.parametrize("what", [One((1, 2)), FrameRecord(3, 1, FrameType.ALTREF, 99, shown=False, width=7, height=9)])
def test_what_is_pickled_comes_back(what, protocol):
    again = pickle.loads(pickle.dumps(what, protocol))
    assert (again, type(again)) == (what, type(what))


def test_fields_are_not_named_one_by_one():
    assert b"refreshed" not in pickle.dumps(FrameRecord(3, 1, FrameType.KEY, 99))
