"""Options that are called the same in all jobs; published spellings are understood beside them."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ns_ray.jobs.cli import values
from ns_ray.sr.spec import USUAL

_VIDEOS = "264 265 avi flv gxf h264 hevc ivf m2ts m4v mkv mov mp4 mpeg mpg mts mxf nut obu ogg ogv ts webm wmv y4m"
"""How videos' names end."""


def input_option(parser: argparse.ArgumentParser, what: str, metavar: str = "FILE", many: bool = False) -> None:
    """Add the option that names what is read."""
    parser.add_argument("-i", "--input", nargs="+" if many else None, metavar=metavar, help=what)


def input_or_instance_options(parser: argparse.ArgumentParser, what: str, many: bool = False) -> None:
    """Add the option that names what is read, and the one that names the machine, of which `-i` is published.

    `-i NAME` is the machine where NAME is no file and could not be meant as one: no path, no URL, no video's name.
    """
    note = "; as published, -i NAME is --instance where NAME is no file, nor looks like one"
    nargs = "+" if many else None
    add = parser.add_argument
    add("-i", "--input", nargs=nargs, metavar="FILE", action=_InputOrInstance, help=what + note)
    instance_option(parser, "--instance")


def instance_option(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the option that names the machine: in jobs that read no video as `-i`, too."""
    parser.add_argument(
        *(names or ("-i", "--instance")),
        type=values.name,
        metavar="NAME",
        help="name of the machine in results; default: the configuration's",
    )


def one_input(parser: argparse.ArgumentParser, options: argparse.Namespace, positional: str) -> None:
    """Have `options.<positional>` hold what was named, in its place or by -i; exits with status 2 unless one was."""
    named = [one for one in (getattr(options, positional), options.input) if one]
    if len(named) != 1:
        parser.error(f"name one {positional.upper()}, in its place or by -i")
    setattr(options, positional, named[0])


def pair_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name LR videos and their originals."""
    add = parser.add_argument
    add("videos", nargs="*", metavar="LR HR", help="short for -i LR --reference HR")
    add("-i", "--input", nargs="+", metavar="LR", default=[], help="the LR video: a path, or one below --data-dir")
    add("--reference", nargs="+", metavar="HR", default=[], help="its original, likewise; a larger one is scaled down")


def pairs_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[tuple[Path, Path]]:
    """LR videos and their originals; exits with status 2 where they are not as many, or none."""
    if options.videos and (options.input or options.reference):
        parser.error("name videos in their places, or by -i and --reference: not both")
    if len(options.videos) % 2:
        parser.error("videos come in pairs: LR HR [LR HR ...]")
    lr, hr = options.input or options.videos[::2], options.reference or options.videos[1::2]
    if not lr or len(lr) != len(hr):
        parser.error("name videos by -i, and the original of each by --reference")
    return [(Path(low), Path(high)) for low, high in zip(lr, hr, strict=True)]


def one_pair(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Have `options.lr` and `options.hr` hold a video and its original; exits with status 2 where that is not so."""
    pairs = pairs_of(parser, options)
    if len(pairs) > 1:
        parser.error("name one video, and its original")
    options.lr, options.hr = pairs[0]


def model_option(
    parser: argparse.ArgumentParser, default: str | None = USUAL[1], what: str = "the DNN", **more: Any
) -> None:
    """Add the option that names a model; `more` are further arguments of argparse."""
    parser.add_argument("-m", "--model", "--model-name", default=default, metavar="NAME", help=what, **more)


def models_option(parser: argparse.ArgumentParser, what: str = "the DNNs") -> None:
    """Add the option that names models, several behind one another or each behind an option of its own."""
    parser.add_argument(
        "-m",
        "--model",
        "--model-name",
        nargs="+",
        action="extend",
        metavar="NAME",
        help=f"{what}; default: {' '.join(USUAL)}",
    )


def weights_option(parser: argparse.ArgumentParser, default: str = "those that ship", more: str = "") -> None:
    """Add the option that names weights."""
    what = f"file of weights, or a folder that holds <model>.pt{more}; default: {default}"
    parser.add_argument("--weights", type=Path, metavar="PT", help=what)


def resolution_option(
    parser: argparse.ArgumentParser,
    *published: str,
    which: str = "input",
    default: Any = 720,
    take: Callable[[str], Any] = values.count,
    what: str = "",
    **more: Any,
) -> None:
    """Add the option that gives the height of LR (`which` is input) or HR (output).

    Args:
        parser: takes it.
        published: other spellings.
        which: input or output.
        default: its default.
        take: what it takes.
        what: its help.
        more: further arguments of argparse.
    """
    parser.add_argument(
        *(one for one in published if not one.startswith("--")),
        f"--{which}-resolution",
        *(one for one in published if one.startswith("--")),
        dest=more.pop("dest", f"{which}_resolution"),
        type=take,
        default=default,
        metavar=more.pop("metavar", "ROWS"),
        help=what or f"rows of {'LR' if which == 'input' else 'HR'}",
        **more,
    )


def frames_option(
    parser: argparse.ArgumentParser,
    default: int | None = None,
    what: str = "stop after N frames; default: all",
    **more: Any,
) -> None:
    """Add the option that says how many frames."""
    names = ("-n", "--num-frames", "--number", "--frames")
    parser.add_argument(*names, type=values.count, default=default, metavar="N", help=what, **more)


def engine_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the engine of a job that compares methods."""
    what = "inference engine; default: the configuration's, or torch where that is auto"
    parser.add_argument("--engine", metavar="NAME", help=what)


def device_option(parser: argparse.ArgumentParser, default: str = "auto", what: str = "where it runs") -> None:
    """Add the option that says where a DNN runs."""
    what = f"{what}: auto, cpu, cuda, cuda:1 and so on"
    parser.add_argument("--device", type=values.device, default=default, metavar="NAME", help=what)


class _InputOrInstance(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, given: Any, option: str | None = None
    ) -> None:
        words = given if isinstance(given, list) else [given]
        if option == "-i" and len(words) == 1 and _is_name(words[0]):
            try:
                namespace.instance = values.name(words[0])
            except argparse.ArgumentTypeError as error:
                raise argparse.ArgumentError(self, str(error)) from None
            print(f"-i {words[0]}: taken for the machine (--instance), as there is no such file", file=sys.stderr)
        else:
            setattr(namespace, self.dest, given)


def _is_name(word: str) -> bool:
    """Whether it is a machine's name, and neither a file's nor a URL."""
    like_a_path = any(mark in word for mark in "/\\:") or Path(word).suffix[1:].lower() in _VIDEOS.split()
    return not like_a_path and (not os.path.exists(word) or os.path.isdir(word))
