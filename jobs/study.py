"""Studies of anchors on real contents: what residual bytes tell, quality by distance, one choice for all or many.

    python jobs/study.py LR HR [LR HR ...] [-m EDSR_B8_F32_S3] [--fraction 0.075] [--frames N] [--threads N]

LR is a VP9 stream, HR the original of the same frames; a larger one is scaled down. Each frame is super-resolved once
for all of it, and each stream rebuilt in plain and best mode from anchors behind JPEG:
residual bytes against quality lost: bytes since the last anchor, by which gains are reckoned, and luma lost against
super-resolution of the frame itself; with anchors by gain, and with KEY frames alone.
PSNR by distance: luma over bilinear, and the share of SR's gain, by frames since the last anchor.
One choice for all or for each GPU: anchors chosen over all streams against among those of each GPU alone, as many in
all: by the proxy for --streams streams made of the contents, and in dB for the contents themselves, where the other
normalisers are tried, too. Contents should be of one LR size, as all anchors count as equally dear.
Writes a JSON file for each content as soon as it is measured, study.json with the figures of all, proxy.png,
distance.png and apart.png to RESULT_DIR/evaluation/study/<model>. Exit status: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress
from rich.table import Table

from jobs.cli import entry
from jobs.cli.despite import despite, despite_options
from jobs.cli.loaded_engine import loaded_engine
from ns_ray.anchors.baselines import Key
from ns_ray.anchors.policies import Fraction
from ns_ray.config.load import load_config
from ns_ray.errors import MediaError, NsRayError
from ns_ray.evaluation.apart import simulate_apart
from ns_ray.evaluation.apart_seen import MODES, ApartPlan
from ns_ray.evaluation.choice import choose, whole_epochs
from ns_ray.evaluation.content_study import Title, content_study, methods
from ns_ray.evaluation.distance import SPANS
from ns_ray.evaluation.method import ImageCodec
from ns_ray.evaluation.original import originals
from ns_ray.evaluation.tally import Tally
from ns_ray.evaluation.trial import Trial, records_of
from ns_ray.picture.coding import LARGEST_FRACTION
from ns_ray.report import apart_plot, distance_plot, proxy_plot
from ns_ray.run_folder import claimed
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.probe import VideoInfo, probe
from ns_ray.vp9.records import FrameRecord
from ns_ray.whole_file import write_record

MOST_CONTENTS = 12
"""So many that all ways to place them can be gone through."""
EPOCHS = 9
"""Of the streams that are simulated: 3 GOPs."""


@dataclass(frozen=True, slots=True)
class Content:
    """One pair of videos.

    Attributes:
        name: unique.
        lr: the LR video.
        hr: path of the original.
        weights: what its anchors are super-resolved by; None for those that ship.
        records: its coded frames.
    """

    name: str
    lr: VideoInfo
    hr: str
    weights: Path | None
    records: list[FrameRecord]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = entry.parser(__doc__)
    add = parser.add_argument
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = "weights, one file for all pairs or one for each; the ones that ship where not said"
    names = "names of the pairs; default: the LR files', with their folders' where two are the same"
    add("videos", type=Path, nargs="+", metavar="LR HR", help="pairs of videos: paths, or ones below --data-dir")
    add("-m", "--model", default="EDSR_B8_F32_S3", help="what super-resolves")
    add("--weights", type=Path, nargs="+", default=[], metavar="FILE", help=weights)
    add("--names", type=entry.name, nargs="+", default=[], metavar="NAME", help=names)
    add("-f", "--fraction", type=float, default=0.075, metavar="X", help="anchors a shown frame")
    add("--frames", type=int, metavar="N", help="stop after N; all where not said")
    add("--gpus", type=int, nargs="+", default=[2, 3, 6], metavar="N", help="numbers of GPUs to compare")
    add("--streams", type=int, default=60, metavar="N", help="streams that are simulated")
    add("--placements", type=int, default=15, metavar="N", help="measured for each number of GPUs; 0: none")
    add("--threads", type=int, default=1, metavar="N", help="methods rebuilt at a time")
    add("--engine", metavar="NAME", help="inference engine; default: the configuration's, or torch where that is auto")
    add("--output", type=Path, metavar="DIR", help="where it goes; default: by the model")
    add("--device", default=device, help="where it runs")
    despite_options(parser)
    options = parser.parse_args(argv)
    pairs = len(options.videos) // 2
    if len(options.videos) % 2:
        parser.error("videos come in pairs: LR HR [LR HR ...]")
    if pairs > MOST_CONTENTS and options.placements:
        parser.error(f"of more than {MOST_CONTENTS} pairs no placements can be measured: say --placements 0")
    if len(options.weights) not in (0, 1, pairs) or len(options.names) not in (0, pairs):
        parser.error(f"--weights are one file or {pairs}, one a pair, and --names {pairs}")
    if not 0 < options.fraction <= 0.2:
        parser.error("--fraction lies above 0, up to 0.2: no more frames than that are ranked")
    if min(options.threads, options.frames or 1, *options.gpus) < 1 or options.placements < 0:
        parser.error("--threads, --frames and --gpus must be 1 or more, --placements 0 or more")
    if options.streams < max(pairs, *options.gpus):
        parser.error("--streams must be as many as pairs and GPUs, or more")
    options.names = options.names or _names(options.videos[::2])
    if len({*options.names}) < pairs:
        parser.error(f"two pairs have the same name ({', '.join(options.names)}); give others by --names")
    return options


def _names(videos: Sequence[Path]) -> list[str]:
    counts = Counter(path.stem for path in videos)
    return [path.stem if counts[path.stem] == 1 else f"{path.absolute().parent.name}-{path.stem}" for path in videos]


def main(argv: list[str] | None = None) -> int:
    """Run the job; returns its exit status."""
    options = arguments(argv)
    return entry.run(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Measure content by content, write, show.

    Raises:
        ConfigError: a setting is wrong.
        NsRayError: the model or its weights are missing, or a video cannot be read.
    """
    config = load_config(options.config, options.set)
    options.engine = options.engine or config.enhancer.engine
    spec, console, policy = ModelSpec.parse(options.model), entry.console(), Fraction(options.fraction)
    contents = list(_contents(options))
    records = {one.name: whole_epochs(one.records) for one in contents}
    wanted = options.output or options.result_dir / "evaluation" / "study" / spec.name
    failures = []
    with (
        claimed(wanted, console.print) as folder,
        ThreadPoolExecutor(options.threads) as pool,
        Progress(console=console, transient=True) as bar,
    ):
        choosing = bar.add_task(f"choosing for {options.streams} streams", total=None)
        simulated = simulate_apart(records, options.streams, EPOCHS, options.gpus, policy)
        plan = ApartPlan(records, options.gpus, options.placements, policy)
        bar.remove_task(choosing)
        study = Study({"model": spec.name, "fraction": options.fraction}, simulated, plan, folder)
        try:
            for content in bar.track(contents, description="contents"):
                try:
                    study.add(content.name, _measured(content, plan, options, spec, bar, pool))
                except NsRayError as error:
                    failures.append(f"{content.name}: {error}")
        finally:
            study.draw()
    for table in tables(study.result):
        console.print(table)
    console.print(f"{folder}: {', '.join(sorted(path.name for path in folder.glob('[!.]*.*')))} written")
    entry.fail(failures, len(contents), "contents")


def _contents(options: argparse.Namespace) -> Iterator[Content]:
    files = [entry.found(path, options.data_dir) for path in options.videos]
    pairs = len(files) // 2
    weights = options.weights if len(options.weights) == pairs else (options.weights or [None]) * pairs
    for name, lr, hr, mine in zip(options.names, files[::2], files[1::2], weights, strict=True):
        info = probe(str(lr))
        probe(str(hr))
        records = records_of(info, options.frames)
        if not any(one.shown for one in records):
            raise MediaError(f"{lr}: it has no frame that can be read")
        yield Content(name, info, str(hr), mine, records)


def _measured(
    content: Content, plan: ApartPlan, options: argparse.Namespace, spec: ModelSpec, bar: Progress, pool: Executor
) -> dict[str, Any]:
    """The figures of one content."""
    info = content.lr
    compared = originals(info, content.hr, spec.scale, despite(options))
    engine = loaded_engine(options.engine, spec, info, content.weights, options.device)
    selections = {
        "neuroscaler": choose(content.records, Fraction(options.fraction)),
        "key": choose(content.records, Key()),
    }
    choices = plan.choices(content.name)
    image = ImageCodec.published("jpeg", min(options.fraction, LARGEST_FRACTION))
    tried = methods((*selections.values(), *choices.values()), image)
    tally: Tally[Title] = Tally(("bilinear",), tried)
    trial = Trial(info, engine, list(tried.values()), options.frames, ("bilinear",))
    due = sum(record.shown for record in content.records)
    for frame in bar.track(trial.run(compared, pool), total=due, description=f"{content.name}, {len(tried)} methods"):
        tally.add(frame)
    if not tally.gops:
        raise MediaError(f"{info.path} and {content.hr} have no frame in common; is either empty?")
    about = {"lr": info.path, "hr": content.hr, "weights": str(content.weights or "shipped")}
    return about | content_study(content.records, tally, selections, choices)


class Study:
    """What was found so far, and written.

    Attributes:
        result: the figures of all contents, but for those of every frame.
    """

    def __init__(self, about: dict[str, Any], simulated: dict[str, Any], plan: ApartPlan, folder: Path) -> None:
        """Write what is known before the first content is measured; `simulated` and `plan` are of the third study."""
        self.result: dict[str, Any] = about | {"apart": {"simulated": simulated, "seen": None}, "contents": {}}
        self._plan, self._folder = plan, folder
        self._found: dict[str, dict[str, Any]] = {}
        write_record(self._folder / "study.json", self.result)

    def add(self, name: str, found: dict[str, Any]) -> None:
        """Take and write the figures of a content."""
        self._found[name] = found
        write_record(self._folder / f"{name}.json", found)
        self.result["contents"][name] = {key: value for key, value in found.items() if key != "frames"}
        if self._plan.lost and self._found.keys() == {*self._plan.whole}:
            gains = {one: figures["choices"] for one, figures in self._found.items()}
            self.result["apart"]["seen"] = self._plan.compared(gains)
        write_record(self._folder / "study.json", self.result)

    def draw(self) -> None:
        """Draw what there is."""
        apart_plot.draw(**self.result["apart"], path=self._folder / "apart.png")
        if self._found:
            proxy_plot.draw(self._found, self._folder / "proxy.png")
            distance_plot.draw(self._found, self._folder / "distance.png")


def tables(result: dict[str, Any]) -> Iterator[Table]:
    """One a study."""
    contents = result["contents"]
    told = Table(title="luma lost against SR of the frame, told by residual bytes: Spearman, Pearson")
    lost = "dB lost", "by frames", "mean of GOPs", "share of SR's gain lost", "by frames", "kept in all"
    for column in ("content", "selection", "mode", "anchors", "pairs", *lost):
        told.add_column(column)
    distances = Table(title="luma over bilinear, dB (of SR's gain), by frames since the anchor")
    for column in ("content", "selection", "mode", *SPANS):
        distances.add_column(column)
    for name, selection, mode, figures in _modes(contents):
        proxy, share = figures["proxy"], figures["proxy_of_share"]
        rows = {row["since"]: row for row in figures["by_distance"]}
        anchors = contents[name]["selections"][selection]["anchors"]
        gops = [one["spearman"] for one in proxy["gops"] if one["spearman"] is not None]
        told.add_row(
            *(name, selection, mode, str(anchors), str(proxy["pairs"])),
            *(_both(proxy), _both(proxy["by_frames"]), f"{sum(gops) / len(gops):.2f}" if gops else "-"),
            *(_both(share), _both(share["by_frames"])),
            _percent(figures["kept"]),
        )
        cells = [rows.get(span) for span in SPANS]
        shown = [f"{row['over_bilinear']:+.2f} ({_percent(row['kept'])})" if row else "" for row in cells]
        distances.add_row(name, selection, mode, *shown)
    yield told
    yield distances
    yield from _apart_tables(result["apart"])


def _apart_tables(apart: dict[str, Any]) -> Iterator[Table]:
    simulated, seen = apart["simulated"], apart["seen"]
    shares = ", ".join(f"{name} {share:.1%}" for name, share in simulated["together"]["share"].items())
    title = f"one choice for all of {simulated['streams']} streams: {shares}; what choosing for each GPU alone loses"
    table = Table(
        "GPUs", "streams placed", "anchors", "of the proxy's gain", "worst draw", "anchors moved", title=title
    )
    for row in simulated["apart"]:
        lost = (f"{row[key]:.2%}" for key in ("lost", "most_lost", "moved"))
        table.add_row(str(row["gpus"]), row["way"], f"{row['anchors']:.0f}", *lost)
    yield table
    if seen:
        table = Table(
            "normaliser", *MODES, *simulated["together"]["share"], title="chosen for all: dB gained, and anchors"
        )
        for normaliser, row in seen["together"].items():
            table.add_row(normaliser, *(f"{row[mode]:+.3f}" for mode in MODES), *map(str, row["anchors"].values()))
        yield table
        table = Table("GPUs", "streams", "of the proxy's gain", *MODES, title="chosen for each GPU alone: dB lost")
        for row in seen["apart"]:
            groups = " | ".join(" ".join(group) for group in row["groups"])
            lost = (f"{row[mode]:+.3f}" for mode in MODES)
            table.add_row(str(row["gpus"]), groups, f"{row['proxy_lost']:+.2%}", *lost)
        yield table


def _modes(contents: Mapping[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Content, selection, mode, and the figures of these."""
    for name, one in contents.items():
        for selection, figures in one["selections"].items():
            for mode in MODES:
                yield name, selection, mode, figures[mode]


def _both(told: Mapping[str, Any]) -> str:
    return ", ".join("-" if told[key] is None else f"{told[key]:.2f}" for key in ("spearman", "pearson"))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


if __name__ == "__main__":
    sys.exit(main())
