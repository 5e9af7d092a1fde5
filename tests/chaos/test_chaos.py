"""A short run of the chaos, as one would run it for hours."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_streams_come_and_go_while_actors_are_killed(tmp_path):
    record = tmp_path / "chaos.json"
    settings = ("--seconds", "12", "--every", "2", "--kill-every", "2.6", "--life", "3", "5", "--json", str(record))
    done = subprocess.run(
        [sys.executable, str(HERE / "run.py"), *settings],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(record.read_text())
    assert [kill["actor"].rpartition("-")[0] for kill in told["kills"]] == ["host", "enhancer", "scheduler", "manager"]
    assert len(told["losses"]) == 4
    assert len(told["streams"]) >= 3
    assert not [stream for stream in told["streams"] if stream["problem"] or not stream["anchors"]]
