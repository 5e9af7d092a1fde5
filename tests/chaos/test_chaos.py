"""A short run of the chaos, as one would run it for hours."""

import json

import ray
import run


def test_streams_come_and_go_while_actors_are_killed(cluster, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(run, "join_ray", lambda cpus, memory: None)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    record = tmp_path / "chaos.json"
    settings = ("--seconds", "9", "--every", "0.9", "--kill-every", "2", "--life", "2", "4", "--json", str(record))
    assert run.main(settings) == 0, capsys.readouterr().out
    told = json.loads(record.read_text())
    assert [kill["actor"].rpartition("-")[0] for kill in told["kills"]] == ["host", "enhancer", "scheduler", "manager"]
    assert len(told["losses"]) == 4
    assert len(told["streams"]) >= 3
    assert not [stream for stream in told["streams"] if stream["problem"] or not stream["anchors"]]
