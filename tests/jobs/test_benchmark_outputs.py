"""The benchmark where hosts have disks of their own, or an object store; one machine stands for all nodes."""

import json
from pathlib import Path

import pytest

from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights

MODEL = "EDSR_B1_F8_S3"


@pytest.fixture
def bench(job, tmp_path, plain_video):
    """Runs two streams with settings; what it left where streams are, and its folder."""
    save_weights(build(MODEL).state_dict(), tmp_path / "w.pt")
    common = ("-v", 2, "-m", MODEL, "--weights", tmp_path / "w.pt", "-n", 60, "--input", plain_video)

    def run(result: str, **output: object):
        settings = [word for key, value in output.items() for word in ("--set", f"output.{key}={value}")]
        done = job("benchmark", *common, *settings, "--result-dir", tmp_path / result)
        return done, next(iter(sorted((tmp_path / result).rglob("benchmark.json"))), tmp_path).parent

    return run


def streams(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "streams").glob("*.mkv"))}


def test_the_same_files_come_of_every_kind_and_nothing_else_is_left(bench, tmp_path):
    disk, store = tmp_path / "disk", tmp_path / "store"
    done, shared = bench("shared")
    assert done.status == 0, done.err
    expected = streams(shared)
    assert sorted(expected) == ["stream0.mkv", "stream1.mkv"]

    done, collected = bench("collected", kind="collected", folder=disk)
    assert done.status == 0, done.err
    assert streams(collected) == expected
    assert not [path for path in disk.rglob("*") if path.is_file()]

    done, reports = bench("stored", kind="stored", folder=disk, url=f"file://{store}", save_seconds=0)
    assert done.status == 0, done.err
    assert not (reports / "streams").exists()
    stored = store / reports.relative_to(tmp_path / "stored")
    assert streams(stored) == expected
    assert f"stored file://{stored}" in done.out.replace("\n", "")
    assert (stored / "report.html").read_bytes() == (reports / "report.html").read_bytes()
    record = json.loads((stored / "benchmark.json").read_text())
    assert [stream["output"] for stream in record["streams"]] == [f"file://{stored}/streams/{n}" for n in expected]
    assert record["picture"]["crops"], "the picture is of what the store has"
    assert not [path for path in disk.rglob("*") if path.is_file()]
    assert {path.parent.name for path in store.rglob("*") if path.suffix == ".mkv"} == {"streams"}
    left = [path for path in store.rglob("*") if path.is_file()]
    assert not [path for path in left if "probe" in str(path.relative_to(store)) or ".part" in str(path)]


def test_what_cannot_be_used_is_refused_before_ray_starts(bench, tmp_path):
    (tmp_path / "file").touch()
    done, _ = bench("refused", kind="stored", url=f"file://{tmp_path}/file/in")
    assert done.status == 2
    assert "credentials" in done.err
    done, _ = bench("refused", kind="stored")
    assert done.status == 2
    assert "set both" in done.err
    assert not (tmp_path / "refused").exists()
