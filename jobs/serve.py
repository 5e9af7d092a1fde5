"""Serve live streams: they come by RTMP, RTSP, HTTP or from files, and go out enhanced, as files and to browsers.

Streams are added, changed and removed by an HTTP API (docs/live.md), which asks for a token: a file of mode 0600. It
listens on this machine alone unless --ip says otherwise. SIGINT (Ctrl-C) and SIGTERM end all streams and finish their
files; a second signal ends it at once.
"""

import argparse
import ipaddress
import sys
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from ns_ray.config.config import Config
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.methods import METHODS
from ns_ray.picture.coding import CODECS

_MODEL, _, _FRACTION = METHODS["neuroscaler"]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, failed="Ray or the API could not be started, or an actor was lost for good")
    add = parser.add_argument
    num_gpus = ("-g", "--num-gpus", "--gpus")
    what = "GPUs, one enhancer each; 0 enhances on the CPU"
    add(*num_gpus, type=values.count_or_none, default=0, metavar="N", help=what)
    add("--ip", type=_ip, default="127.0.0.1", metavar="IP", help="where the API and the player listen")
    add("--port", type=values.port_or_any, default=8400, metavar="N", help="likewise; 0 takes any free one")
    what = "where hosts of other machines get streams: an address of this machine in their private network"
    add("--node-ip", type=_ip, default="127.0.0.1", metavar="IP", help=what)
    what = "file of the token, made if it is not there; default: ~/.neuroscaler/service_token"
    add("--token", type=Path, default=Path.home() / ".neuroscaler" / "service_token", metavar="FILE", help=what)
    what = "other sites whose pages may play streams, such as https://tv.example"
    add("--allow-origin", nargs="+", type=_origin, default=[], metavar="ORIGIN", help=what)
    add("--max-streams", type=values.count, default=64, metavar="N", help="the most streams at once")
    vocabulary.model_option(parser, _MODEL, "the DNN of streams that name none")
    what = "anchors a shown frame, of streams that name none"
    add("-f", "--fraction", type=values.fraction, default=_FRACTION, metavar="F", help=what)
    add("--scope", choices=("all", "stream"), default="all", help="whether streams compete for anchors")
    add("--anchor-codec", choices=CODECS, help="how anchors are compressed; default: the configuration's")
    what = "of anchors, 1 to 100; default: by the codec and the fraction"
    add("--quality", type=values.quality, metavar="Q", help=what)
    what = "how late anchors may be sent behind their packets: viewers wait as long; default: four epochs"
    add("--anchor-delay", type=_seconds, metavar="S", help=what)
    what = "let sources use every protocol and playlist of FFmpeg, which can lead to any file or host"
    add("--unsafe-input", action="store_true", help=what)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    config = _checked(options)
    from ns_ray.jobs.work.serve import serve  # takes seconds, which --help and wrong settings do without

    serve(options, config)


def _checked(options: argparse.Namespace) -> Config:
    checks = Checks()
    config = checks.settings(options)
    spec = checks.model(options.model)
    if spec is not None:
        checks.weights(spec, None)
    checks.folder(options.result_dir, "--result-dir")
    if config.output.kind != "shared":
        checks.wrong(
            f"output.kind {config.output.kind}: anchors are handed on from files in --result-dir: let it be shared"
        )
    if missing := [name for name in ("fastapi", "uvicorn", "websockets") if find_spec(name) is None]:
        checks.wrong(f"{', '.join(missing)}: not installed; have the extra: pip install 'neuroscaler-ray[service]'")
    checks.done()
    return config


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no IP address, such as 127.0.0.1") from None


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise argparse.ArgumentTypeError(f"{text}: name a site such as https://tv.example")
    return f"{parts.scheme}://{parts.netloc}"


def _seconds(text: str) -> Fraction:
    return Fraction(values.positive(text)).limit_denominator(1000)


if __name__ == "__main__":
    sys.exit(main())
