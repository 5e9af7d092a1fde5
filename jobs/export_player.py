"""Export a hybrid file as one page that plays it in a browser, from disk: LR beside HR, rebuilt by the browser.

    python jobs/export_player.py streams/0.mkv -o stream.html

The page is opened like any file, and needs no server. Which browsers play it: docs/player.md.
"""

import argparse
import sys
from pathlib import Path

from ns_ray.errors import HybridError
from ns_ray.hybrid.reader import HybridReader
from ns_ray.jobs.cli import entry, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.outputs import require_other_output
from ns_ray.player.exported import exported
from ns_ray.whole_file import write_whole


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("hybrid", nargs="?", metavar="HYBRID", help="the hybrid file; the same as -i HYBRID")
    vocabulary.input_option(parser, "the hybrid file", metavar="HYBRID")
    add("-o", "--output", type=Path, required=True, metavar="OUT", help="the page, an .html file")
    options = parser.parse_args(argv)
    vocabulary.one_input(parser, options, "hybrid")
    if options.output.suffix.lower() not in (".html", ".htm"):
        parser.error(f"--output is a page: name it {options.output.with_suffix('.html')}")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: export_player(options))


def export_player(options: argparse.Namespace) -> None:
    """Write the page.

    Raises:
        NsRayError: the input is no hybrid file, the player was not built, or the page cannot be written.
    """
    checks = Checks()
    checks.settings(options)
    checks.video(options.hybrid)
    checks.file(options.output, "--output")
    checks(require_other_output, options, "output")
    checks.done()
    path = Path(options.hybrid)
    if not path.is_file():
        raise HybridError(f"{path} is no file; pages hold files (of a stream: /player/?stream=URL, docs/player.md)")
    HybridReader(str(path))
    write_whole(options.output, exported(path))
    size = options.output.stat().st_size / 1e6
    entry.console().print(f"{options.output} plays {path} ({size:.1f} MB): open it in a browser", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
