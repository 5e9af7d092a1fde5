"""Remove results of a content or of a machine, and list what was removed. It asks nothing.

    python jobs/clear.py --content lol0 --mode eval-small --input_resolution 720 --output_resolution 2160
    python jobs/clear.py --instance ae_server
    python jobs/clear.py --instance ae_server --input_resolution 720 --num_blocks 8 --num_channels 32

Of a content goes what lies in RESULT_DIR/<content>, but for its `checkpoint` (what was trained is no result that can
be measured again in minutes); of a machine RESULT_DIR/evaluation/<instance> and RESULT_DIR/artifact/<instance>. Further
options leave what they do not name: files stay unless their path holds the mode, one of the resolutions (`720p`) and
the model (`EDSR_B8_F32_S3`) that are asked for. The published scripts remove PNG and raw files, of which ours leave
none.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError
from ns_ray.folder_lock import LOCK_NAME, FolderLock
from ns_ray.jobs.cli import entry, values, vocabulary

_KEPT = "checkpoint"
_NO_CONTENTS = ("artifact", "evaluation", "generic", "pretrained")  # what else lies in a result folder


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    add("-c", "--content", type=values.name, metavar="NAME", help="content whose results go")
    vocabulary.instance_option(parser)
    add("--mode", type=values.name, metavar="NAME", help="of that mode alone, such as eval-small")
    what = "of that LR or the other's HR alone; default: of all"
    vocabulary.resolution_option(parser, default=None, what=what)
    what = "of that HR or the other's LR alone; default: of all"
    vocabulary.resolution_option(parser, which="output", default=None, what=what)
    add("--num-blocks", type=values.count, metavar="N", help="of the model with so many blocks alone")
    add("--num-channels", type=values.count, metavar="N", help="of the model with so many channels alone")
    add("--avg-anchors", type=values.count, metavar="N", help="published; ours keeps no results by anchors")
    options = parser.parse_args(argv)
    if not (options.content or options.instance):
        parser.error("name a --content or an --instance, or both")
    if options.content in _NO_CONTENTS:
        parser.error(f"--content {options.content}: that is no content; results of a machine go by --instance")
    if (options.num_blocks is None) != (options.num_channels is None):
        parser.error("--num-blocks and --num-channels name a model together")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: clear(options))


def clear(options: argparse.Namespace) -> None:
    """Remove and list.

    Raises:
        ConfigError: a setting is wrong, or a name leads outside the result folder; nothing was removed.
        FolderBusyError: a run is at work in one of the folders; nothing was removed.
    """
    load_config(options.config, options.set)  # for what is wrong with it: nothing here is a setting
    roots = [root for root in _roots(options) if root.exists()]
    for root in roots:
        if not root.resolve().is_relative_to(options.result_dir.resolve()):
            raise ConfigError(f"{root} leads to {root.resolve()}, outside {options.result_dir}: remove that yourself")
    gone = [
        path for root in roots for path in _files(root) if _meant(path.relative_to(options.result_dir).parts, options)
    ]
    _require_idle(gone)
    for path in gone:
        path.unlink(missing_ok=True)
        print(path)
    for root in roots:
        _remove_empty(root)
    print(f"{len(gone)} files removed")


def _roots(options: argparse.Namespace) -> Iterator[Path]:
    result: Path = options.result_dir
    if options.content:
        yield from (path for path in sorted((result / options.content).glob("*")) if path.name != _KEPT)
    if options.instance:
        yield result / "evaluation" / options.instance
        yield result / "artifact" / options.instance


def _files(root: Path) -> list[Path]:
    """All files below, and links themselves, never what these lead to."""
    if root.is_symlink() or not root.is_dir():
        return [root]
    return sorted(path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())


def _meant(parts: Sequence[str], options: argparse.Namespace) -> bool:
    """Whether a path below the result folder holds all that was named."""
    sizes = {f"{rows}p" for rows in (options.input_resolution, options.output_resolution) if rows is not None}
    model = f"EDSR_B{options.num_blocks}_F{options.num_channels}_S" if options.num_blocks is not None else ""
    return (
        (not sizes or not sizes.isdisjoint(parts))
        and any(part.startswith(model) for part in parts)
        and (options.mode is None or options.mode in (*parts, Path(parts[-1]).stem))
    )


def _require_idle(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.name == LOCK_NAME:
            FolderLock(path.parent, seconds=0).release()


def _remove_empty(root: Path) -> None:
    """Remove the folders that hold nothing any more."""
    if root.is_dir() and not root.is_symlink():
        for path in root.iterdir():
            _remove_empty(path)
        for path in root.iterdir():
            if path.is_symlink() and not path.exists():  # `latest`, where the run is gone
                path.unlink()
        if not any(root.iterdir()):
            root.rmdir()


if __name__ == "__main__":
    sys.exit(main())
