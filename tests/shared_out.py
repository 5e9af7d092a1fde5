"""Which tests stay together where processes share them (`make test`)."""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
_NEEDS_RAY = re.compile(r'\b(?:cluster|local_ray|bench)[,")]|\bjob\(')  # by the fixtures of conftest.py that start it


@cache
def _together(file: str) -> str:
    return "those that need Ray" if _NEEDS_RAY.search((ROOT / file).read_text()) else file


class WholeFiles(LoadScopeScheduling):
    """Files stay whole, as what they share is made once, and all that need Ray are one process's: it starts once."""

    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid.partition("::")[0])
