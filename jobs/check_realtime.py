"""Whether a run kept up with real time, by the published rule, from the logs that jobs/benchmark.py left.

    python jobs/check_realtime.py --log_dir result/evaluation/ae_server/720p/EDSR_B8_F32_S3 --num_gpus 1 --num_videos 4

reads the last run in that folder's s4g1, prints `[passed] real-time` or `[failed] real-time` and writes realtime.json
beside the logs.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from ns_ray.config.load import load_config
from ns_ray.errors import ResultError
from ns_ray.jobs.cli import entry, values
from ns_ray.report.artifact_files import last_run
from ns_ray.report.published_logs import read_log
from ns_ray.report.realtime import published_not_judged, published_rules
from ns_ray.whole_file import write_record

_WORDS = {True: "passed", False: "failed", None: "not judged"}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, failed="failed, or not judged, or logs are missing")
    add = parser.add_argument
    add(
        "--log-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="the model's folder of runs, as RESULT_DIR/evaluation/<instance>/720p/<model>",
    )
    add("-g", "--num-gpus", "--gpus", type=values.count_or_none, default=1, metavar="N", help="GPUs of the run")
    add("-v", "--num-videos", "--videos", type=values.count, default=1, metavar="N", help="streams of the run")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: check(options))


def check(options: argparse.Namespace) -> None:
    """Read the logs, show each rule, print the verdict.

    Raises:
        ConfigError: a setting is wrong.
        ResultError: a log is missing or damaged, or the run did not keep up or cannot be judged; says why.
    """
    load_config(options.config, options.set)  # for what is wrong with it: the rule has no settings
    folder = last_run(options.log_dir, options.num_videos, options.num_gpus)
    logs = [read_log(folder / str(number)) for number in range(options.num_videos)]
    rules, reason = published_rules(logs), published_not_judged(logs)
    table = Table("rule", "worst stream", "limit", "", "met")
    for rule in rules:
        table.add_row(rule.name, f"{rule.value:.3f}", f"{rule.limit:g}", rule.unit, "yes" if rule.met else "no")
    entry.console().print(table)
    broken = [rule for rule in rules if not rule.met]
    real_time = None if reason else not broken
    record = {"real_time": real_time, "not_judged": reason, "rules": [asdict(rule) for rule in rules]}
    write_record(folder / "realtime.json", record)
    print(f"[{_WORDS[real_time]}] real-time")
    if reason:
        raise ResultError(f"{folder}: whether it was in real time is not judged: {reason}")
    if broken:
        raise ResultError(
            f"{folder}: " + "; ".join(f"{r.name}: {r.value:.3f} {r.unit}, limit {r.limit:g}" for r in broken)
        )


if __name__ == "__main__":
    sys.exit(main())
