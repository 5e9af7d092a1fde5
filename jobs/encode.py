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
from ns_ray.dataset.check import Structure
from ns_ray.dataset.ladder import LADDER, PUBLISHED_HEIGHT
from ns_ray.dataset.plan import Plan, outputs
from ns_ray.dataset.prepare import Output, prepare, prepared
from ns_ray.errors import NsRayError
from ns_ray.jobs.cli import entry, values, vocabulary
from ns_ray.jobs.cli.checks import Checks
from ns_ray.jobs.cli.lists import list_options, videos_of
from ns_ray.jobs.cli.progress import Progress, waiting
from ns_ray.whole_file import discard


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__, failed="a video failed (the others are whole)")
    list_options(parser)
    add = parser.add_argument
    add("-d", "--duration", type=values.count, default=60, metavar="S", help="seconds of train, and of test")
    add("--start", type=values.not_negative, metavar="S", help="second at which train begins; default: the list's")
    heights = sorted(LADDER)
    vocabulary.resolution_option(
        parser,
        "--resolutions",
        default=[720],
        what=f"rows of LR videos: {', '.join(map(str, heights))}",
        nargs="+",
        choices=heights,
        dest="resolutions",
    )
    what = "rows of HR; larger sources are scaled"
    vocabulary.resolution_option(parser, which="output", default=PUBLISHED_HEIGHT, take=values.even_count, what=what)
    add(
        "-a",
        "--frame-rate",
        "--framerate",
        type=values.frame_rate,
        default=Fraction(60),
        metavar="FPS",
        help="frames a second",
    )
    add("--num-workers", type=values.count, metavar="N", help="outputs at once; default: the configuration's")
    options = parser.parse_args(argv)
    if options.output_resolution <= max(options.resolutions):
        parser.error("--output-resolution must be more than each of --input-resolution")
    return options


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
    checks = Checks()
    config = checks.settings(options)
    videos = checks(videos_of, options, beside=options.data_dir / "raw") or []
    checks.folder(options.data_dir, "--data-dir")
    checks.done()
    settings = config.encode
    plan = Plan(
        options.duration,
        options.output_resolution,
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
    for video in videos:
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
