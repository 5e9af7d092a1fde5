"""Start a Ray head that only its user can use: with a token, on this machine alone or in a private network.

    python jobs/head.py                               # this machine alone
    python jobs/head.py --node-ip 10.0.0.5            # others may join: of a private network, behind a firewall
    python jobs/head.py -- --num-cpus=8               # what stands behind -- is for `ray start`

The token is a file of mode 0600. Jobs that are submitted run in the folder where this was typed, by the Python that
ran it. `ray stop` ends it. What is open to whom: docs/security.md.
"""

import argparse
import ipaddress
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ns_ray.actors.node_checks import NODE_CHECKS
from ns_ray.actors.ray_token import private_token
from ns_ray.errors import NsRayError
from ns_ray.jobs.cli import entry, values
from ns_ray.jobs.cli.checks import Checks

_STOP_SECONDS = "30"  # files and the report of a job that is stopped are finished in


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("--node-ip", type=_private, default="127.0.0.1", metavar="IP", help="where others find it; never a public one")
    add("--port", type=values.port, default=6379, metavar="N", help="for nodes that join")
    add("--dashboard-port", type=values.port, default=8265, metavar="N", help="for jobs that are submitted")
    add("ray", nargs="*", metavar="OPTION", help="more for `ray start`, behind --")
    return parser.parse_args(argv)


def _private(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no IP address, such as 127.0.0.1") from None
    if address.is_unspecified or not address.is_private:
        raise argparse.ArgumentTypeError(f"{text}: it must be one of this machine or of a private network")
    return str(address)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _start(options))


def environment() -> dict[str, str]:
    """What Ray and the jobs on it are started with: the token asked for, and this Python the first on the PATH."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    defaults = NODE_CHECKS | {"RAY_JOB_STOP_WAIT_TIME_S": _STOP_SECONDS, "RAY_USAGE_STATS_ENABLED": "0"}
    return defaults | dict(os.environ) | {"RAY_AUTH_MODE": "token", "PATH": path}


def _start(options: argparse.Namespace) -> None:
    checks = Checks()
    checks.settings(options)
    if any(word.startswith(("--node-ip-address", "--dashboard-host", "--head", "--address")) for word in options.ray):
        checks.wrong("this job itself says where Ray listens: by --node-ip")
    checks.done()
    token = private_token()
    with tempfile.TemporaryFile() as said:  # no pipe, which Ray's processes would hold open
        command = (
            *(sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--head"),
            *(f"--node-ip-address={options.node_ip}", f"--port={options.port}"),
            *("--dashboard-host=127.0.0.1", f"--dashboard-port={options.dashboard_port}", *options.ray),
        )
        started = subprocess.run(command, env=environment(), stdout=said, stderr=said)
        said.seek(0)
        if started.returncode:
            why = said.read().decode(errors="replace").strip()
            raise RayStartError(f"`ray start` ended with status {started.returncode}:\n{why}")
    print(f"Ray runs, and asks for the token in {token}. To use it:")
    print(f"  export RAY_AUTH_MODE=token RAY_API_SERVER_ADDRESS=http://127.0.0.1:{options.dashboard_port}")
    print("  ray job submit -- python jobs/benchmark.py")
    if not ipaddress.ip_address(options.node_ip).is_loopback:
        print(f"Nodes of {options.node_ip}'s network join with a copy of the token:")
        print(f"  RAY_AUTH_MODE=token ray start --address={options.node_ip}:{options.port}")
        print("Ray listens on all interfaces then: keep others out by a firewall.")
    print("`ray stop` ends it.")


class RayStartError(NsRayError):
    """Ray could not be started."""


if __name__ == "__main__":
    sys.exit(main())
