"""The last runs of the whole system in a model's folder, and how many streams they show it to serve."""

import re
from dataclasses import dataclass
from pathlib import Path

from ns_ray.report.bottleneck import gpu_limit, limit, real_time_streams
from ns_ray.report.results import BenchmarkResult
from ns_ray.run_folder import LATEST
from ns_ray.whole_file import read_record

_RUN = re.compile(r"s(\d+)g(\d+)")


@dataclass(frozen=True, slots=True)
class SystemRun:
    """The run that shows most streams.

    Attributes:
        path: its benchmark.json.
        streams: streams in real time: those of a paced run that held, or else video done by the time it took.
        paced: whether packets came in real time, so that the number was shown rather than inferred.
        limit: what limited it, in a sentence.
        by_enhancers: streams that the enhancers alone could serve; None where no anchor was made.
    """

    path: Path
    streams: float
    paced: bool
    limit: str
    by_enhancers: float | None


def best_run(model: Path, gpus: int, method: str = "neuroscaler") -> SystemRun | None:
    """The run with so many GPUs that shows most streams: paced ones that held, before those that were not judged.

    Args:
        model: the folder of runs.
        gpus: GPUs of the machine.
        method: of the runs that count.

    Returns:
        None where no such run is there.

    Raises:
        ResultError: a result is damaged.
    """
    found = []
    for folder in sorted(model.glob("s*g*")):
        match = _RUN.fullmatch(folder.name)
        path = folder / LATEST / "benchmark.json"
        record = read_record(path) if match and int(match[2]) == gpus else None
        if record is None:
            continue
        result = BenchmarkResult.from_json(record)
        held = result.paced and bool(result.real_time)
        broke = result.paced and result.real_time is False
        if result.options.get("method", "neuroscaler") == method and not broke:
            enhancers = gpu_limit(result)
            found.append(
                SystemRun(
                    path,
                    real_time_streams(result),
                    held,
                    limit(result),
                    enhancers.streams if enhancers else None,
                )
            )
    return max(found, key=lambda run: (run.paced, run.streams), default=None)
