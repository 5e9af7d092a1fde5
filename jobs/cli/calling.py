"""How a job was called, `python jobs/NAME.py` or `neuroscaler NAME`, so that what it says can be typed."""

import re
import sys

COMMAND = "neuroscaler"


def called_by_command(job: str, words: list[str]) -> None:
    """Have a job see itself called as `neuroscaler JOB WORDS`."""
    sys.argv = [f"{COMMAND} {job}", *words]


def program() -> str:
    """The job, as it was typed."""
    called = sys.argv[0]
    return f"python {called}" if called.endswith(".py") else called


def as_called(text: str) -> str:
    """Text that names jobs by their files, in which they are named as this one was called."""
    if not sys.argv[0].startswith(f"{COMMAND} "):
        return text
    return re.sub(r"(?:python )?\bjobs/([a-z_]+)\.py\b", rf"{COMMAND} \1", text)
