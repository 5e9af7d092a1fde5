"""The job as the README submits it, from an empty HOME, on a head alone and with two workers, by each kind of output.

    .venv/bin/python tests/cluster/outputs.py [--port PORT] [--only WORD ...]

Takes a quarter of an hour, and root, as each worker has a mount namespace of its own, in which a tmpfs lies over the
result folder and over `output.folder`: what it writes there nobody else sees. Every run's streams are compared with
those of a local run, byte by byte; what has to be refused is, before a stream begins. Then a worker is killed in the
middle of a run, so that its host goes to the other's disk. Exits with status 1 if anything is otherwise.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import psutil  # noqa: E402
import yaml  # noqa: E402

from ns_ray.config.load import load_config  # noqa: E402

STORE = 96 * 2**20
MODEL = "EDSR_B8_F16_S3"
PATIENCE = 240.0
_STARTS = 6
_LONG = 3000


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Trial:
    """A folder with an empty HOME and a Ray in it, and what went otherwise than it should."""

    def __init__(self, folder: Path, port: int, only: Sequence[str]) -> None:
        self.folder = folder
        self.wrong: list[str] = []
        self.only = only
        self._port = port
        self._workers: list[subprocess.Popen[bytes]] = []
        (folder / "home").mkdir()
        words = ("PATH", "LANG", "LD_LIBRARY_PATH")
        self.environment = {word: os.environ[word] for word in words if word in os.environ} | {
            "HOME": str(folder / "home"),
            "RAY_AUTH_MODE": "token",
            "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{port + 1}",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        for name in ("result", "disk", "shared"):
            (folder / name).mkdir()

    def python(self, *words: object) -> list[str]:
        return [sys.executable, *map(str, words)]

    def ray(self, *words: object) -> list[str]:
        return self.python("-c", "from ray.scripts.scripts import main; main()", *words)

    def run(self, command: Sequence[str]) -> None:
        """Run what starts a Ray; Ray gives up after 30 s, which a busy machine takes."""
        for _ in range(_STARTS):
            done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
            if not done.returncode:
                return
            say(f"{' '.join(command[1:3])} ended with status {done.returncode}; it is tried again")
            self._kill_all()
        sys.exit(done.stderr[-3000:])

    def start_head(self) -> None:
        more = ("--num-cpus=2", f"--object-store-memory={STORE}", "--resources", '{"alone": 1}')
        more += (f"--temp-dir={self.folder}/ray", f"--dashboard-agent-listen-port={self._port + 2}")
        more += (f"--ray-client-server-port={self._port + 3}",)
        command = self.python("jobs/head.py", "--port", self._port, "--dashboard-port", self._port + 1, "--", *more)
        self.run(command)
        say("the head is there")

    def start_worker(self) -> None:
        """A node that sees other folders in the places of the result folder and of hosts' disks."""
        number = len(self._workers)
        mounts = " && ".join(f"mount -t tmpfs away {self.folder}/{name}" for name in ("result", "disk"))
        start = self.ray(
            *("start", f"--address=127.0.0.1:{self._port}", "--node-ip-address=127.0.0.1", "--block", "--num-cpus=1"),
            *(f"--object-store-memory={STORE}", "--resources", '{"away": 1}'),
            f"--dashboard-agent-listen-port={self._port + 10 + number}",
        )
        with (self.folder / f"worker{number}.log").open("w") as log:
            self._workers.append(
                subprocess.Popen(
                    ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh", *start],
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        started = self.folder / f"worker{number}.log"
        self._await(lambda: "Ray runtime started" in started.read_text(), f"worker {number}")
        say(f"worker {number} is there")

    def kill_worker(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._workers[number].pid, signal.SIGKILL)
        self._workers[number].wait()

    def kill_host(self) -> int:
        """Kill the worker that the host is on; its number."""
        for number, worker in enumerate(self._workers):
            if worker.poll() is None:
                below = psutil.Process(worker.pid).children(recursive=True)
                if any("HostActor" in " ".join(process.cmdline()) for process in below):
                    self.kill_worker(number)
                    return number
        sys.exit("no worker has a host")

    def end(self) -> None:
        for number in range(len(self._workers)):
            self.kill_worker(number)
        self._kill_all()

    def _kill_all(self) -> None:
        for process in psutil.process_iter():  # not `ray stop`, which ends every Ray of this machine
            with suppress(psutil.Error):
                if process.environ().get("HOME") == self.environment["HOME"]:
                    process.kill()

    def submit(self, name: str, settings: Mapping[str, object], *more: object, result: str = "result") -> "Job":
        """`ray job submit`, as the README has it."""
        return Job(self, name, settings, more, result)

    @staticmethod
    def _await(true, what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > until:
                sys.exit(f"{what} does not come")
            time.sleep(1)


class Job:
    """A job that was submitted."""

    def __init__(
        self, trial: Trial, name: str, settings: Mapping[str, object], more: Sequence[object], result: str
    ) -> None:
        self.trial, self.name = trial, name
        self.result = trial.folder / result / name
        command = ["python", "jobs/benchmark.py", *_options(trial.folder, settings), "--result-dir", str(self.result)]
        self.log = trial.folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                trial.ray("job", "submit", "--submission-id", name, "--", *command, *map(str, more)),
                env=trial.environment | {"PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=log,
            )
        self.began = time.monotonic()

    def ended(self) -> str:
        """Waits; what it said."""
        self.process.wait()
        return self.log.read_text()

    def written(self) -> int:
        """Frames written, as far as it says."""
        lines = [line for line in self.log.read_text().splitlines() if "frames written:" in line]
        return int(lines[-1].partition("frames written: ")[2].split()[0].replace(",", "")) if lines else 0

    def refused(self, *words: str) -> None:
        """It must have been, and said so."""
        said = self.ended()
        lacks = [word for word in words if word not in said]
        ok = not lacks and self.process.returncode and "frames written" not in said
        error = next((line for line in said.splitlines() if "error: " in line), "no error")
        say(f"{self.name}: {'refused' if ok else 'NOT REFUSED'}: {error[:300]}")
        if not ok:
            self.trial.wrong.append(f"{self.name}: it does not say {lacks}")

    def same(self, expected: Mapping[str, bytes], kind: str) -> dict:
        """Its streams must be those of the local run; its report."""
        said = self.ended()
        runs = sorted(self.result.rglob("benchmark.json"))
        if self.process.returncode or not runs:
            self.trial.wrong.append(f"{self.name}: status {self.process.returncode}")
            say(f"{self.name}: FAILED\n{said[-3000:]}")
            return {"streams": [], "losses": []}
        record = json.loads(runs[-1].read_text())
        place = self.trial.folder / "store" if kind == "stored" else self.result
        folder = place / runs[-1].parent.relative_to(self.result) / "streams"
        found = {path.name: path.read_bytes() for path in sorted(folder.rglob("*.mkv"))}
        same = found == dict(expected)
        seconds = time.monotonic() - self.began
        say(f"{self.name}: {len(found)} streams, {'the same' if same else 'OTHERS'}, {seconds:.0f} s")
        if not same:
            self.trial.wrong.append(f"{self.name}: {sorted(found)} are not what the local run wrote")
        return record


def _options(folder: Path, settings: Mapping[str, object]) -> list[str]:
    words = ["--config", str(folder / "job.yaml"), "-v", "2", "-m", MODEL, "--input", str(folder / "in.mkv")]
    return [*words, *(word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}"))]


def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=23279)
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="what runs' names have in them")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of the end of all that was started
    with tempfile.TemporaryDirectory(prefix="outputs", dir="/tmp", ignore_cleanup_errors=True) as name:
        trial = Trial(Path(name), options.port, options.only)
        try:
            _tried(trial)
        finally:
            trial.end()
    for problem in trial.wrong:
        say(f"WRONG: {problem}")
    say("all as it should be" if not trial.wrong else f"{len(trial.wrong)} otherwise than they should be")
    return 1 if trial.wrong else 0


def _tried(trial: Trial) -> None:
    import streams

    folder = trial.folder
    streams.encode(folder / "in.mkv", frames=120)
    tree = load_config(ROOT / "configs" / "local.yaml").model_dump(exclude_unset=True)
    tree |= {"host": {"actors": 2, "cpus": 0.2}, "decoder": {"actors": 1, "cpus": 0.2}}
    (folder / "job.yaml").write_text(yaml.safe_dump(tree))
    expected = _local(trial, "local", 120)
    long = _local(trial, "local-long", _LONG)
    kinds = {
        "shared": {},
        "collected": {"output.kind": "collected", "output.folder": f"{folder}/disk"},
        "stored": {
            "output.kind": "stored",
            "output.folder": f"{folder}/disk",
            "output.url": f"file://{folder}/store",
            "output.save_seconds": 0.5,
        },
    }
    trial.start_head()

    def wanted(name: str) -> bool:
        return any(word in name for word in trial.only)

    def tried(name: str, kind: str, settings: Mapping[str, object], result: str = "result") -> None:
        if wanted(name):
            trial.submit(name, settings, "-n", 120, result=result).same(expected, kind)

    def refused(name: str, settings: Mapping[str, object], *words: str) -> None:
        if wanted(name):
            trial.submit(name, settings, "-n", 120).refused("exit code 2", *words)

    for kind, settings in kinds.items():
        tried(f"head-{kind}", kind, settings)
    trial.start_worker()
    trial.start_worker()
    away = {"host.resources": {"away": 0.6}}  # one on each
    for kind, settings in kinds.items():
        tried(f"workers-{kind}", kind, {**settings, **away}, "shared" if kind == "shared" else "result")
    refused("unshared", away, f"node {platform.node()} (", "does not see", "mount the same folder")
    apart = kinds["stored"] | {"output.url": f"file://{folder}/result/store"}
    refused("unshared-store", apart | away, "output.kind stored", "store/")
    refused("no-credentials", kinds["stored"] | {"output.url": "s3://nobody/there"}, "output.url s3://nobody/there")
    refused("by-chance", {"host.cpus": 0}, "host.cpus: 0 and no host.resources")
    both = {"host.resources": {"away": 0.6}, "host.actors": 1}  # which goes to the other
    for kind in filter(lambda kind: wanted(f"killed-{kind}"), ("collected", "stored")):
        job = trial.submit(f"killed-{kind}", {**kinds[kind], **both}, "-n", _LONG)
        Trial._await(lambda job=job: job.written() > 300 or job.process.poll() is not None, f"{job.name}'s frames")
        number = trial.kill_host()
        say(f"{job.name}: worker {number} is killed, {job.written()} frames are written")
        record = job.same(long, kind)
        for stream in record["streams"]:
            say(f"{job.name}: {stream['name']} {stream['status']}: {stream['notes']}")
        say(f"{job.name}: {[(loss['actor'], loss['cause']) for loss in record['losses']]}")
        trial.start_worker()


def _local(trial: Trial, name: str, frames: int) -> dict[str, bytes]:
    """The streams of a run without a Ray to join."""
    result = trial.folder / name
    words = ("jobs/benchmark.py", *_options(trial.folder, {}), "-n", frames, "--result-dir", result)
    began = time.monotonic()
    trial.run(trial.python(*words))
    say(f"{name}: {frames} frames, {time.monotonic() - began:.0f} s")
    (record,) = result.rglob("benchmark.json")
    return {path.name: path.read_bytes() for path in sorted((record.parent / "streams").glob("*.mkv"))}


if __name__ == "__main__":
    sys.exit(main())
