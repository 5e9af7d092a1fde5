"""A second node joins a private head with its token, in a network namespace of its own; one without is refused.

    sudo .venv/bin/python tests/cluster/second_node.py

By the lines of docs/security.md: `jobs/head.py --node-ip` here, `ray start --address` there, over a pair of virtual
Ethernet devices. Each side has a HOME that is empty at first. The benchmark is submitted from the second node, through
a tunnel to the head's dashboard (socat, in place of `ssh -L`), and its enhancer has to be there. Exits with status 1
where something is not as it should be. Needs root, iproute2 and socat.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]
HERE, THERE = "10.77.9.1", "10.77.9.2"
PORT, DASHBOARD = 23379, 23265
SPACE = "ns-ray-second"
STORE = 128 * 2**20
PATIENCE = 300.0
INSIDE = ("ip", "netns", "exec", SPACE)
RAY = (sys.executable, "-m", "ray.scripts.scripts")
JOB = {
    "instance": "second",
    "inputs": ["dataset/sample/360p_700kbps_d4_test.webm"],
    "anchor_codec": "jpeg-residual",
    "manager": {"resources": {"here": 1}},
    "scheduler": {"resources": {"here": 1}},
    "host": {"resources": {"here": 1}},
    "decoder": {"resources": {"here": 1}},
    "enhancer": {"engine": "torch", "resources": {"there": 1}},
}


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


@contextmanager
def network() -> Iterator[None]:
    """A namespace that reaches this machine and nothing else."""
    lines = (
        f"ip netns add {SPACE}",
        f"ip link add {SPACE[:12]}0 type veth peer name eth0 netns {SPACE}",
        f"ip address add {HERE}/24 dev {SPACE[:12]}0",
        f"ip link set {SPACE[:12]}0 up",
        f"ip -n {SPACE} address add {THERE}/24 dev eth0",
        f"ip -n {SPACE} link set eth0 up",
        f"ip -n {SPACE} link set lo up",
        f"ip -n {SPACE} route add default via {HERE}",  # by which a node finds its own address
    )
    try:
        for line in lines:
            subprocess.run(line.split(), check=True)
        yield
    finally:
        subprocess.run(("ip", "netns", "delete", SPACE), check=False)


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of a user who has nothing but a home."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {"HOME": str(home), "PATH": path, "RAY_USAGE_STATS_ENABLED": "0"} | more


def end(folder: Path) -> None:
    """End what Ray has started in a folder of its own."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(str(folder) in word for word in process.cmdline()) and process.pid != os.getpid():
                for one in [*process.children(recursive=True), process]:
                    one.kill()


def join(env: Mapping[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    """`ray start` as docs/security.md has it, in the namespace."""
    offers = json.dumps({"there": 100})
    words = ("start", f"--address={HERE}:{PORT}", "--block", "--num-cpus=2", f"--resources={offers}")
    with (folder / "join.log").open("ab") as log:
        return subprocess.Popen(
            [*INSIDE, *RAY, *words, f"--object-store-memory={STORE}"], env=dict(env), stdout=log, stderr=log
        )


def refused(env: Mapping[str, str], folder: Path, nodes: int) -> bool:
    """Whether a node that tries to join ends with an error, and there are no more nodes then."""
    import ray

    trying = join(env, folder)
    with suppress(subprocess.TimeoutExpired):
        trying.wait(PATIENCE)
    status = trying.poll()
    trying.kill()
    return bool(status) and sum(node["Alive"] for node in ray.nodes()) == nodes


def main() -> int:
    missing = [name for name in ("ip", "socat") if shutil.which(name) is None]
    if os.geteuid() or missing:
        sys.exit(f"this needs root, and {' and '.join(missing) or 'nothing else'}")
    with ExitStack() as kept:
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="second", dir="/tmp")))
        kept.callback(end, folder)
        kept.enter_context(network())
        homes = {name: folder / name for name in ("head", "node", "stranger", "user")}
        for home in homes.values():
            home.mkdir()
        return _tried(folder, homes, kept)


def _tried(folder: Path, homes: Mapping[str, Path], kept: ExitStack) -> int:
    ours = json.dumps({"here": 100})
    head = ("jobs/head.py", f"--node-ip={HERE}", f"--port={PORT}", f"--dashboard-port={DASHBOARD}", "--")
    more = ("--num-cpus=2", f"--resources={ours}", f"--temp-dir={folder}/ray", f"--object-store-memory={STORE}")
    subprocess.run([sys.executable, *head, *more], cwd=ROOT, env=environment(homes["head"]), check=True)
    token = homes["head"] / ".ray" / "auth_token"
    mode = stat.S_IMODE(token.stat().st_mode)
    say(f"token {token.name} of mode {mode:04o}")

    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_USAGE_STATS_ENABLED": "0"}
    import ray

    ray.init(f"{HERE}:{PORT}", log_to_driver=False, logging_level="ERROR")
    kept.callback(ray.shutdown)
    wrong = homes["stranger"] / "token"
    wrong.write_text("0" * 64)
    strangers = {
        "no token": environment(homes["stranger"], RAY_AUTH_MODE="token"),
        "no authentication": environment(homes["stranger"], RAY_AUTH_MODE="disabled"),
        "another token": environment(homes["stranger"], RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(wrong)),
    }
    kept_out = {}
    for what, env in strangers.items():
        kept_out[what] = refused(env, folder, 1)
        say(f"a node with {what}: {'refused' if kept_out[what] else 'NOT REFUSED'}")

    for name in ("node", "user"):
        copy = homes[name] / ".ray" / "auth_token"
        copy.parent.mkdir(mode=0o700)
        shutil.copy(token, copy)
        copy.chmod(0o600)
    node = join(environment(homes["node"], RAY_AUTH_MODE="token"), folder)
    kept.callback(node.kill)
    until = time.monotonic() + PATIENCE
    while sum(one["Alive"] for one in ray.nodes()) < 2 and time.monotonic() < until and node.poll() is None:
        time.sleep(0.5)
    where = {one["NodeID"]: one["NodeManagerAddress"] for one in ray.nodes() if one["Alive"]}
    say(f"nodes with the token: {', '.join(sorted(where.values()))}")

    tunnel = folder / "tunnel"
    for words in (
        ("socat", f"UNIX-LISTEN:{tunnel},fork,mode=600", f"TCP:127.0.0.1:{DASHBOARD}"),
        (*INSIDE, "socat", f"TCP-LISTEN:{DASHBOARD},bind=127.0.0.1,fork", f"UNIX-CONNECT:{tunnel}"),
    ):
        kept.callback(subprocess.Popen(words).kill)
    (folder / "job.yaml").write_text(yaml.safe_dump(JOB))
    url = f"http://127.0.0.1:{DASHBOARD}"
    job = ("python", "jobs/benchmark.py", f"--config={folder}/job.yaml", "-v", "1", "-n", "40")
    submit = (*RAY, "job", "submit", "--", *job, f"--result-dir={folder}/result")
    user = environment(homes["user"], RAY_AUTH_MODE="token", RAY_API_SERVER_ADDRESS=url)
    running = subprocess.Popen([*INSIDE, *submit], cwd=folder, env=user)
    places: dict[str, str] = {}
    while running.poll() is None:
        places |= _places(where)
        time.sleep(0.5)
    for name, address in sorted(places.items()):
        say(f"{name} on {address}")
    reports = list((folder / "result").rglob("benchmark.json"))
    say(f"the job has ended with status {running.returncode}, and left {len(reports)} report")
    at = {name: THERE if name == "EnhancerActor" else HERE for name in places}
    right = places == at and "EnhancerActor" in places and len(where) == 2 and mode == 0o600
    return 0 if right and all(kept_out.values()) and running.returncode == 0 and reports else 1


def _places(where: Mapping[str, str]) -> dict[str, str]:
    """Where the job's actors are, by their kind."""
    from ray._private.state import actors

    found = actors().values()
    known = ((one["ActorClassName"], where.get(one["Address"]["NodeID"], "")) for one in found)
    return {name: address for name, address in known if address and name.endswith("Actor")}


if __name__ == "__main__":
    sys.exit(main())
