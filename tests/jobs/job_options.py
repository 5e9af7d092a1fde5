"""The options of all jobs as they are declared, and whether they are the same words everywhere."""

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from ns_ray.jobs.cli import entry

JOBS = sorted(path.stem for path in (Path(__file__).parents[2] / "jobs").glob("[a-z]*.py"))
NEEDED = {
    "play": ["a.mkv", "-o", "b.mkv"],
    "export_player": ["a.mkv", "-o", "b.html"],
    "quality": ["a.mkv", "--reference", "b.webm"],
    "curves": ["a.webm", "b.webm"],
    "rate_distortion": ["a.webm", "b.webm"],
    "study": ["a.webm", "b.webm"],
    "evaluate_sr": ["a.webm", "b.webm"],
    "measure_quality": ["--input", "a.webm", "--reference", "b.webm"],
    "prepare_stills": ["images"],
    "clear": ["--instance", "box"],
    "check_realtime": ["--log-dir", "logs"],
    "measure_throughput": ["--target", "selective"],
}
"""What jobs do not do without."""
SHORT = {
    "-a": {"--frame-rate"},
    "-b": {"--num-blocks"},
    "-c": {"--content"},
    "-d": {"--duration"},
    "-e": {"--epoch"},
    "-f": {"--fraction", "--num-channels"},  # the second as published, with -m edsr
    "-g": {"--num-gpus", "--gpus"},  # of `train`, as published, which GPUs
    "-h": {"--help", "--output-resolution"},  # the second as published
    "-i": {"--input", "--instance"},  # the second in jobs that read no video
    "-l": {"--input-resolution"},
    "-m": {"--model"},
    "-n": {"--num-frames"},
    "-o": {"--output"},
    "-r": {"--input-resolution"},
    "-s": {"--scale"},
    "-v": {"--num-videos"},
}
"""What one letter stands for."""
BESIDE = {
    "--avg-anchors": {"--avg-anchors"},
    "--blocks": {"--num-blocks"},
    "--count": {"--num-frames"},
    "--features": {"--num-channels"},
    "--frames": {"--num-frames"},
    "--framerate": {"--frame-rate"},
    "--height": {"--output-resolution"},
    "--hr": {"--output-resolution"},
    "--lr": {"--input-resolution"},
    "--model-name": {"--model"},
    "--number": {"--num-frames"},
    "--resolution": {"--input-resolution"},
    "--resolutions": {"--input-resolution"},
    "--size": {"--input-resolution"},
    "--videos": {"--num-videos"},
}
"""Spellings that are understood beside the word itself, never in its place."""
PUT_SHORT = {"--input": "-i", "--model": "-m", "--output": "-o", "--content": "-c", "--num-frames": "-n"}
"""Words that have their letter in all jobs."""
NAMES_READ = {"HYBRID", "LR HR", "IMAGES"}
"""Places on the command line for what may be named by --input, too."""
SILENT = ("(default: None)", "(default: [])", "(default: False)", "SUPPRESS")
"""Defaults that say nothing."""


def parser_of(job: str) -> argparse.ArgumentParser:
    """The parser that a job reads its command line by."""
    asked: list[argparse.ArgumentParser] = []
    with patch.object(entry.Parser, "print_help", lambda parser, file=None: asked.append(parser)):
        try:
            import_module(f"ns_ray.jobs.{job}").main(["--help"])
        except SystemExit:
            return asked[0]
    raise AssertionError(f"{job} knows no --help")


def actions_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Its options and places."""
    return parser._actions


def breaches(parser: argparse.ArgumentParser) -> list[str]:
    """What of a job's options is not called, or told, as in all others."""
    words = {word for action in actions_of(parser) for word in action.option_strings}
    found = [fault for action in actions_of(parser) for fault in _faults(action, words)]
    told = " ".join(parser.format_help().split())
    found += [f"its help tells {silent}" for silent in SILENT if silent in told]
    if "exit status: 0 done, 1 " not in told or "2 wrong usage or settings" not in told:
        found.append("its help tells no exit statuses")
    return found


def _faults(action: argparse.Action, words: set[str]) -> Iterator[str]:
    names = set(action.option_strings)
    for name in names:
        for meant in (known[name] for known in (SHORT, BESIDE) if name in known):
            if names.isdisjoint(meant):
                yield f"{name} is not {' or '.join(sorted(meant))}"
        if PUT_SHORT.get(name, name) not in names:
            yield f"{name} is not {PUT_SHORT[name]}"
    if "--instance" in names and "-i" not in names and "--input" not in words:
        yield "--instance is not -i, though nothing is read by --input"
    if action.metavar in NAMES_READ and "--input" not in words:
        yield f"{action.metavar} cannot be named by --input"
    if "--weights" in names and not ("file" in str(action.help) and "folder" in str(action.help)):
        yield "--weights is not said to take a file or a folder"
    if action.type in (int, float):
        yield f"{action.option_strings or action.dest} takes any number, not one of jobs/cli/values.py"
