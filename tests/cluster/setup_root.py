"""Run cluster.yaml's set-up in a bare Debian, as Ray would over ssh: files by rsync, then command by command.

    sudo .venv/bin/python tests/cluster/setup_root.py ROOT [--extras]

ROOT is a folder made by `debootstrap --variant=minbase --include=sudo,ca-certificates,rsync bookworm ROOT`; it is
changed. A user `ubuntu` who may use sudo is made there, as on AWS. Stand-ins: for the shared NFS folder a mount of a
folder, for the token a file of zeros; pip is set up as it is here. The commands run in the way in which Ray runs
them, the head's, then those that GPU nodes have besides (--extras; without CUDA they end in an error, which is told,
and each requirement is looked for by itself). Then the benchmark runs on the sample, by the user, with what was
installed. Exits with status 1 where a command or the benchmark fails. Delete ROOT afterwards; some GB.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import yaml
from ray.autoscaler._private.command_runner import SSHCommandRunner, _with_interactive

ROOT = Path(__file__).resolve().parents[2]
USER = "ubuntu"
HOME = f"/home/{USER}"
CHECKOUT = f"{HOME}/neuroscaler"
INSIDE = "NS_RAY_SETUP_INSIDE"  # set once mounts are this script's own
PIP = ("/etc/pip.conf", "/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--extras", action="store_true", help="GPU nodes' packages, too")
    options = parser.parse_args()
    if os.geteuid() or not (options.root / "usr" / "bin" / "sudo").exists():
        sys.exit("this needs root, and a folder made by debootstrap, with sudo")
    if INSIDE not in os.environ:  # mounts of its own, which go with it
        own = ("unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv)
        return subprocess.run(own, env=os.environ | {INSIDE: "1"}).returncode
    tree = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    prepare(options.root)
    copy(options.root, tree)
    commands = [*tree["setup_commands"], *tree["head_setup_commands"]]
    done = all(run(options.root, command) for command in commands)
    if options.extras:
        more = tree["available_node_types"]["gpu"]["worker_setup_commands"]
        for command in more[len(tree["setup_commands"]) :]:
            if not run(options.root, command):
                look_for_each(options.root)
    job = ".venv/bin/python jobs/benchmark.py -v 1 -n 40 --result-dir /tmp/result --anchor-codec jpeg-residual"
    return 0 if done and run(options.root, f"cd {CHECKOUT} && {job}") else 1


def prepare(root: Path) -> None:
    """What an instance has before Ray comes: a user, a network, a kernel."""
    if not (root / HOME[1:]).exists():
        subprocess.run(("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", USER), check=True)
        (root / "etc" / "sudoers.d" / USER).write_text(f"{USER} ALL=(ALL) NOPASSWD:ALL\n")
    for name in PIP:
        if Path(name).exists():
            (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / name[1:]).write_bytes(Path(name).read_bytes())
    subprocess.run(("mount", "-t", "proc", "proc", root / "proc"), check=True)
    subprocess.run(("mount", "-t", "sysfs", "sysfs", root / "sys"), check=True)
    subprocess.run(("mount", "--rbind", "/dev", root / "dev"), check=True)
    shared = root / "srv" / "shared"
    folders = {shared: root / "shared"}
    folders |= {one: root / "opt" / one.name for one in Path("/opt").iterdir() if one.is_dir()}
    for source, target in folders.items():
        source.mkdir(exist_ok=True)
        target.mkdir(exist_ok=True)
        subprocess.run(("mount", "--bind", source, target), check=True)


def copy(root: Path, tree: dict) -> None:
    """The files that Ray would bring, by its own rules."""
    rules = {"rsync_exclude": tree["rsync_exclude"], "rsync_filter": tree.get("rsync_filter", [])}
    filters = SSHCommandRunner._create_rsync_filter_args(None, rules)
    target = root / CHECKOUT[1:]
    target.mkdir(exist_ok=True)
    subprocess.run(["rsync", "-az", *filters, f"{ROOT}/", f"{target}/"], check=True)
    token = root / HOME[1:] / ".ray" / "auth_token"
    token.parent.mkdir(exist_ok=True)
    token.write_text("0" * 64)
    subprocess.run(("chroot", root, "chown", "-R", f"{USER}:", HOME), check=True)


def run(root: Path, command: str) -> bool:
    """A command as Ray gives it to ssh; whether it succeeded."""
    began = time.monotonic()
    words = shlex.split(" ".join(_with_interactive(command)))
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    settings = {"HOME": HOME, "USER": USER, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **pip}
    inside = ("chroot", f"--userspec={USER}:{USER}", f"--groups={USER}", root, "env", "-i", f"--chdir={HOME}")
    given = [f"{name}={value}" for name, value in settings.items()]
    done = subprocess.run([*inside, *given, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(f"{time.monotonic() - began:6.0f} s, status {done.returncode}: {command}", flush=True)
    if done.returncode:
        print("".join(f"    {line}\n" for line in done.stdout.splitlines()[-25:]), end="", flush=True)
    return not done.returncode


def look_for_each(root: Path) -> None:
    """Which of the extras' requirements pip finds, by themselves."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    needed: Sequence[str] = [one for name in ("gpu", "tensorrt") for one in extras[name] if "neuroscaler" not in one]
    for one in needed:
        pip = ".venv/bin/python -m pip install -q --dry-run --no-deps --no-build-isolation"
        run(root, f"cd {CHECKOUT} && {pip} -c constraints.txt {shlex.quote(one)}")


if __name__ == "__main__":
    sys.exit(main())
