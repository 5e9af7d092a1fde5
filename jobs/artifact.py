"""The artifact evaluation in one command: throughput, cost and quality of the three methods, and one report.

    make artifact                                                        # the shipped sample, on this machine's CPU
    python jobs/artifact.py --config configs/artifact.yaml --set instance=h100 --set artifact.gpus=1 ...

Runs the jobs of the published steps 4 and 5 one after another, for the contents, methods and models that `artifact` in
the configuration names. What is done already is skipped: a step whose files are there, were made by the same command
and settings, and whose inputs have not changed. A step that fails does not keep the others from being run.

Writes RESULT_DIR/artifact/<instance>/report.html and claims.json; figures are where the published scripts leave them,
what each job said is in logs/ beside the report.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from rich.table import Table

from ns_ray import jobs
from ns_ray.config.load import load_config
from ns_ray.errors import ResultError
from ns_ray.jobs.cli import entry, vocabulary
from ns_ray.jobs.cli.artifact_steps import Plan, shown
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.progress import Progress
from ns_ray.report.artifact_places import ArtifactPlaces
from ns_ray.report.claims import Finding, findings
from ns_ray.report.step import Outcome, Step, StepRecords
from ns_ray.whole_file import write_record

_STOP_SECONDS = 30.0
_TONES = {"done": "green", "skipped": "", "failed": "red", "holds": "green", "does not hold": "red"}
Runner = Callable[[Step, Path], str]
"""Runs a step, whose output goes to the file; returns why it failed, or nothing."""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, failed="a step failed")
    parser.set_defaults(config="artifact")
    vocabulary.instance_option(parser)
    parser.add_argument("--again", action="store_true", help="run every step, done or not")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: evaluate(options))


def evaluate(options: argparse.Namespace, run: Runner | None = None) -> None:
    """Run what is not done, report, show.

    Args:
        options: of the command line.
        run: runs a step; by default as a process of its own.

    Raises:
        ConfigError: a setting is wrong.
        ResultError: steps failed; says how many. The report is written all the same.
    """
    settings = [*options.set, *([f"instance={options.instance}"] if options.instance else [])]
    config = load_config(options.config, settings)
    checks = Checks()
    checks.folder(options.result_dir, "--result-dir")
    checks.done()
    places = ArtifactPlaces(options.result_dir, config.instance, config.artifact)
    instance = config.instances.get(config.instance)
    machine = instance.model_dump_json() if instance else ""
    steps = Plan(places, options.data_dir, _common(options, settings), machine).steps()
    records = StepRecords(places.folder / "steps", config.model_dump_json(exclude={"artifact", "instances"}))
    run = run or Processes(config.artifact.step_seconds)
    outcomes: list[Outcome] = []
    console = entry.console()
    with Progress(console) as bar:
        task = bar.add_task("", total=len(steps))
        for step in steps:
            bar.update(task, description=step.name)
            outcomes.append(_outcome(step, outcomes, records, run, places.folder / "logs", options.again))
            bar.advance(task)
            last = outcomes[-1]
            console.print(f"{last.status:8}{step.name}, {last.seconds:.0f} s {last.reason}".rstrip(), soft_wrap=True)
        bar.update(task, description="steps")
    found = findings(places)
    write_record(places.folder / "claims.json", {"claims": [finding.record(options.result_dir) for finding in found]})
    from ns_ray.report.artifact_page import write_artifact_page  # it draws: Matplotlib takes seconds

    report = places.folder / "report.html"
    write_artifact_page(report, places, outcomes, found)
    console.print(steps_table(outcomes))
    console.print(claims_table(found))
    console.print(f"[bold]report[/bold] {shown(report)}", soft_wrap=True)
    failed = [outcome.step.name for outcome in outcomes if outcome.status == "failed"]
    if failed:
        logs = shown(places.folder / "logs")
        raise ResultError(f"{len(failed)} of {len(steps)} steps failed ({'; '.join(failed)}); {logs} tells more")


def _common(options: argparse.Namespace, settings: list[str]) -> tuple[str, ...]:
    """Options that every job gets; folders only where they are not the usual ones."""
    words = ["--config", shown(options.config)]
    for setting in settings:
        if not setting.startswith("artifact."):  # those are in the steps' own options
            words += ["--set", setting]
    for name in ("data-dir", "result-dir"):
        path: Path = getattr(options, name.replace("-", "_"))
        if path.resolve() != Path.cwd() / {"data-dir": "dataset", "result-dir": "result"}[name]:
            words += [f"--{name}", shown(path)]
    return tuple(words)


def _outcome(step: Step, before: list[Outcome], records: StepRecords, run: Runner, logs: Path, again: bool) -> Outcome:
    """Run a step if it has to be."""
    broken = {path: one.step.name for one in before if one.status == "failed" for path in one.step.outputs}
    lacks = next((broken[path] for path in step.inputs if path in broken), None)
    if lacks:
        return Outcome(step, "failed", f"needs what a failed step makes: {lacks}")
    seconds = None if again else records.seconds(step)
    if seconds is not None:
        return Outcome(step, "skipped", seconds=seconds)
    start = time.monotonic()
    reason = run(step, logs / f"{step.slug}.log")
    seconds = time.monotonic() - start
    if reason:
        return Outcome(step, "failed", reason, seconds)
    records.keep(step, round(seconds, 1))
    return Outcome(step, "done", seconds=seconds)


class Processes:
    """Runs each step as a process of its own in the current folder, one after another."""

    def __init__(self, seconds: float) -> None:
        """End steps that take longer than so many seconds."""
        self._seconds = seconds

    def __call__(self, step: Step, log: Path) -> str:
        """Run a step; its output goes to the file `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        began = time.time()
        command = [sys.executable, "-P", "-m", jobs.__name__, step.job, *step.arguments]
        with log.open("w") as output:
            status = self._status(command, output)
        if status is None:
            return f"it took more than {self._seconds:g} s (artifact.step_seconds)"
        stale = [path for path in step.outputs if not path.exists() or path.stat().st_mtime < began - 1]
        if status == entry.DONE or (step.answers and status == entry.FAILED and not stale):
            return f"{shown(stale[0])} was not written, see {shown(log)}" if stale else ""
        return _said(log) or f"exit status {status}"

    def _status(self, command: list[str], output: TextIO) -> int | None:
        """Its exit status; None where it had to be ended."""
        environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as process:
            try:
                return process.wait(self._seconds)
            except (subprocess.TimeoutExpired, KeyboardInterrupt) as ended:
                process.terminate()
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                if isinstance(ended, KeyboardInterrupt):
                    raise
                return None


def _said(log: Path) -> str:
    """The error that a job ended with, or its last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or [""])[-1]


def steps_table(outcomes: list[Outcome]) -> Table:
    """What became of each step."""
    made = Table("step", "", "seconds", "why", title="steps")
    for one in outcomes:
        made.add_row(one.step.name, one.status, f"{one.seconds:.0f}", one.reason, style=_TONES[one.status])
    return made


def claims_table(found: list[Finding]) -> Table:
    """What was published, and what is found here."""
    made = Table("claim", "published", "measured here", "", "why", title="claims")
    for one in found:
        words = one.claim.text + (f" ({one.content})" if one.content else "")
        made.add_row(
            words, one.claim.published, one.measured, one.verdict, one.remark, style=_TONES.get(one.verdict, "")
        )
    return made


if __name__ == "__main__":
    sys.exit(main())
