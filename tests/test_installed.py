"""The package as its users have it: a wheel in an environment of its own, called in a folder that holds nothing."""

import json
import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODEL = "EDSR_B8_F16_S3"

# Every process says where it has the package from, once it has an actor's code from there.
WATCH = """
import os, sys
def _tell(event, args):
    if event == "import" and args[0] == "ns_ray.actors.worker":
        with open(os.environ["NS_RAY_TOLD"], "a") as told:
            told.write(f"{os.path.basename(sys.argv[0])} {sys.modules['ns_ray'].__file__}\\n")
if "NS_RAY_TOLD" in os.environ:
    sys.addaudithook(_tell)
"""


def pip(*words):
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, words)]
    subprocess.run(command, check=True, cwd=ROOT, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Of the checkout; what was compiled for it before is not compiled again."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def home(wheel, tmp_path_factory):
    """An environment that has the wheel, and borrows what it depends on from that of these tests.

    A folder that is named in a .pth file is searched for packages, but the .pth files in it are not read: that of the
    editable installation, which would lead back to the checkout, is not.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    pip("--python", home / "bin" / "python", "install", "--no-index", "--no-deps", wheel)
    (site,) = home.glob("lib/python*/site-packages")
    borrowed = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed))
    (site / "watch.py").write_text(WATCH)
    (site / "watch.pth").write_text("import watch\n")
    return home


def call(home, folder, *words, told=os.devnull):
    """`neuroscaler WORDS` in a folder, as from a new shell; returns the finished process."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "RAY_TMPDIR", "TMPDIR") if name in os.environ}
    environment = kept | {"PATH": f"{home / 'bin'}:{os.defpath}", "NS_RAY_TOLD": str(told), "COLUMNS": "200"}
    return subprocess.run(
        ["neuroscaler", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def test_a_wheel_holds_what_ships_and_no_names_of_its_own(wheel):
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"ns_ray", "neuroscaler_ray-0.1.0.dist-info"}
    shipped = "ns_ray/shipped_files"
    tracked = subprocess.run(
        ["git", "ls-files", "configs", "dataset", "result"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    expected = tracked or ["configs/local.yaml", "dataset/dataset_ae.xls", f"result/pretrained/{MODEL}.pt"]
    assert {f"{shipped}/{name}" for name in expected} <= set(names)
    if tracked:  # and no videos and results of whoever builds it
        assert {name for name in names if name.startswith(shipped)} == {f"{shipped}/{name}" for name in tracked}
    code = {str(path.relative_to(ROOT)) for top in ("actors", "jobs") for path in (ROOT / top).rglob("*.py")}
    library = {str(path.relative_to(ROOT)) for path in (ROOT / "ns_ray").rglob("*.py")}
    assert {f"ns_ray/{path}" for path in code} | library <= set(names)


def test_a_source_distribution_holds_what_a_wheel_is_made_of(tmp_path):
    build = "from scikit_build_core.build import build_sdist; import sys; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (made,) = tmp_path.iterdir()
    with tarfile.open(made) as archive:
        members = {name.partition("/")[2]: archive.getmember(name) for name in archive.getnames()}
    assert {top: members[f"ns_ray/{top}"].linkname for top in ("actors", "jobs")} == {
        "actors": "../actors",
        "jobs": "../jobs",
    }
    assert {"jobs/benchmark.py", "ns_ray/dataset/ladder.py", "dataset/sample/README.md"} <= set(members)
    assert f"result/pretrained/{MODEL}.pt" in members
    assert not any(name.startswith(("tests/", "docs/", "build/", ".venv/")) for name in members)


def test_the_benchmark_runs_in_an_empty_folder(home, tmp_path):
    folder, told = tmp_path / "empty", tmp_path / "told"
    folder.mkdir()
    words = ["-v", "1", "-n", "40", "-m", MODEL, "--config", "local"]
    for _ in range(3):
        done = call(home, folder, "benchmark", *words, told=told)
        if "timed out during startup" not in done.stderr:  # Ray gives up after 30 s, which a busy machine may take
            break
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in folder.iterdir()] == ["result"]
    (report,) = folder.rglob("report.html")
    record = json.loads(report.with_name("benchmark.json").read_text())
    assert "360p_700kbps_d4_test.webm" in json.dumps(record)
    assert list(report.parent.glob("streams/*.mkv"))
    (site,) = home.glob("lib/python*/site-packages")
    places = dict(line.rsplit(" ", 1) for line in told.read_text().splitlines())
    assert len(places) > 1  # the job, and workers
    assert set(places.values()) == {str(site / "ns_ray/__init__.py")}


EVALUATION = """
from pathlib import Path
from ns_ray.jobs.artifact import Processes
from ns_ray.report.step import Step
print(Processes(60)(Step("check", "check_realtime", ("--log_dir", "logs"), ()), Path("check.log")))
"""


def test_jobs_are_named_as_they_are_called(home, tmp_path):
    helped = call(home, tmp_path, "check-realtime", "--help")
    assert helped.returncode == 0
    assert helped.stdout.startswith("usage: neuroscaler check_realtime ")
    assert "neuroscaler check_realtime --log_dir" in helped.stdout
    step = subprocess.run(
        [home / "bin" / "python", "-c", EVALUATION], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "run neuroscaler benchmark first" in step.stdout
