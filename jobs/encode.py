"""Cut train and test parts out of source videos, and encode them at the published settings.

Of DATA_DIR/raw/lol0.* it makes DATA_DIR/lol0/video/: the references 2160p_d60_train.webm and 2160p_d60_test.webm,
copied where the source has their format, and of each the LR videos, such as 720p_4125kbps_d60_train.webm. Test follows
train. What is there already, made of the same source in the same way, is checked and kept.
"""

import argparse
import sys
from fractions import Fraction
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ns_ray.config.config import Config
from ns_ray.config.load import load_config
from ns_ray.dataset.check import Structure
from ns_ray.dataset.ladder import LADDER, PUBLISHED_HEIGHT
from ns_ray.dataset.plan import Plan, outputs
from ns_ray.dataset.prepare import Output, prepare, prepared
from ns_ray.errors import NsRayError
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.lists import list_options, videos_of
from ns_ray.jobs.cli.progress import Progress, waiting
from ns_ray.whole_file import discard


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    list_options(parser)
    add = parser.add_argument
    add("-d", "--duration", type=int, default=60, metavar="S", help="seconds of train, and of test")
    add("--start", type=float, metavar="S", help="second at which train begins; default: the list's")
    add("--resolutions", type=int, nargs="+", default=[720], metavar="H", choices=sorted(LADDER), help="LR heights")
    add("--reference", type=int, default=PUBLISHED_HEIGHT, metavar="H", help="HR height; larger sources are scaled")
    add("-a", "--frame-rate", "--framerate", type=_rate, default=Fraction(60), metavar="FPS", help="frames a second")
    add("--num-workers", type=int, metavar="N", help="outputs at once; default: the configuration's")
    options = parser.parse_args(argv)
    for name in ("duration", "frame_rate", "num_workers"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            parser.error(f"--{name.replace('_', '-')} must be more than 0")
    if options.start is not None and not 0 <= options.start < float("inf"):
        parser.error("--start must be 0 or more")
    if options.reference % 2 or options.reference <= max(options.resolutions):
        parser.error("--reference must be even, and more than each of --resolutions")
    return options


def _rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text} is no number of frames a second, such as 60 or 60000/1001") from None


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: encode(options))


def encode(options: argparse.Namespace) -> None:
    """Make what is missing; a video that fails does not keep the others.

    Raises:
        ConfigError: an option or setting is wrong.
        MediaError: the list cannot be read, or an output cannot be made.
    """
    config = load_config(options.config, options.set)
    settings = config.encode
    plan = Plan(
        options.duration,
        options.reference,
        tuple(sorted(set(options.resolutions), reverse=True)),
        options.frame_rate,
        settings.reference_crf,
        settings.reference_preset,
        settings.require_hidden,
        settings.threads,
    )
    console = entry.console()
    failures: list[str] = []
    wanted: list[Output] = []
    for video in videos_of(options, beside=options.data_dir / "raw"):
        try:
            start = video.start if options.start is None else options.start
            wanted += outputs(video.name, start, options.data_dir.resolve(), plan)
        except (NsRayError, OSError) as error:
            failures.append(f"{video.name}: {error}")
    among = len(failures) + len(wanted)
    with waiting(console, "checking what is there"):
        kept = {output.path: found for output in wanted if (found := prepared(output)) is not None}
    missing = [output for output in wanted if output.path not in kept]
    if missing:
        failures += _make(missing, options.num_workers or settings.at_once, config, console)
    _show(wanted, kept, console)
    entry.fail(failures, among, "videos")


def _make(missing: list[Output], at_once: int, config: Config, console: Console) -> list[str]:
    """Make outputs as Ray tasks; returns what failed, in words."""
    import ray  # takes seconds

    from ns_ray.actors.local_ray import join_ray
    from ns_ray.actors.tasks import run_tasks

    settings = config.encode
    failures: list[str] = []
    with waiting(console, "starting Ray"):
        join_ray(settings.cpus, config.object_store_mb)
    try:
        with Progress(console) as progress:
            bars = {
                output.path: progress.add_task(_label(output), start=False, total=len(output.times))
                for output in missing
            }

            def told(output: Output, done: int) -> None:
                progress.start_task(bars[output.path])
                progress.update(bars[output.path], completed=done)

            ended = run_tasks(
                prepare,
                missing,
                at_once=at_once,
                cpus=settings.cpus,
                resources=settings.resources,
                retries=config.retries,
                task_seconds=settings.task_seconds,
                on_progress=told,
            )
            for output, error in ended:
                if error is not None:
                    failures.append(f"{output.path.parents[1].name}: {error}")
    finally:
        ray.shutdown()
        for output in missing:  # its process may have been killed with the job
            discard(output.path)
    return failures


def _label(output: Output) -> str:
    return f"{output.path.parents[1].name}/{output.path.stem}"


def _show(wanted: list[Output], kept: dict[Path, Structure], console: Console) -> None:
    if not wanted:
        return
    table = Table("video", "", "size", "frames", "frames/s", "codec", "key frames", "hidden", "kbit/s")
    for output in wanted:
        name = f"{output.path.parents[1].name}/video/{output.path.name}"
        found = kept.get(output.path) or prepared(output)
        if found is None:
            table.add_row(name, "[red]failed[/red]")
            continue
        kbps = output.path.stat().st_size * 8 / 1000 / float(found.frames / output.rate)
        table.add_row(
            name,
            "kept" if output.path in kept else "encoded" if output.codec else "copied",
            f"{found.info.width}x{found.info.height}",
            str(found.frames),
            f"{float(output.rate):g}",
            found.info.codec,
            str(len(found.keys)),
            str(found.hidden) if found.info.codec == "vp9" else "",
            f"{kbps:.0f}",
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
