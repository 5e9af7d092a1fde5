"""Hybrid streams damaged at random, played in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mutations
import numpy as np

COUNT = int(os.environ.get("NS_RAY_MUTATIONS", "90"))
"""How many are played; see tests/fuzz/README.md."""


def test_damaged_streams_play_or_are_refused() -> None:
    """No crash, no hang, no wrong class of error, no memory above 1 GB; all that FFmpeg shows is shown."""
    script = Path(mutations.__file__)
    done = subprocess.run([sys.executable, str(script), str(COUNT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert sum(result["ends"].values()) == COUNT
    assert result["ends"]["played"] > COUNT / 2
    assert set(result["ends"]) <= {"played", "HybridError", "MediaError"}
    assert result["frames"]["anchor"] > COUNT
    assert result["frames"]["rebuilt"] > COUNT
    assert not result["fewer than FFmpeg shows"]
    assert result["MB at most"] < 1000
    assert result["slowest"][0] < 60


def test_the_same_number_is_the_same_mutation() -> None:
    files = [bytes(range(256)) * 20]
    assert [mutations.mutated(files, n) for n in range(30)] == [mutations.mutated(files, n) for n in range(30)]
    kinds = {name for n in range(200) for name in mutations.mutated(files, n)[0].split("+")}
    assert kinds == set(mutations.MUTATIONS)


def test_each_kind_changes_a_stream(tmp_path: Path) -> None:
    for original in mutations.originals(tmp_path)[::2]:
        for name, mutate in mutations.MUTATIONS.items():
            rng, changed = np.random.default_rng(1), 0
            for _ in range(10):
                data = bytearray(original)
                mutate(data, rng)
                changed += bytes(data) != original
            assert changed >= 5, name
