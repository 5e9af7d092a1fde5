"""The studies of anchors, content by content: measured, written, shown."""

import argparse
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from ns_ray.anchors.baselines import Key
from ns_ray.anchors.policies import Fraction
from ns_ray.codecs.records import FrameRecord
from ns_ray.config.config import Config
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
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite
from ns_ray.jobs.cli.device import device_of
from ns_ray.jobs.cli.loaded_engine import loaded_engine
from ns_ray.jobs.cli.progress import Progress
from ns_ray.picture.coding import LARGEST_FRACTION
from ns_ray.report import apart_plot, distance_plot, proxy_plot
from ns_ray.run_folder import new_run, of_inputs, publish
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.probe import VideoInfo, probe
from ns_ray.whole_file import write_record

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


def run(options: argparse.Namespace, config: Config) -> None:
    """Measure content by content, write, show.

    Raises:
        NsRayError: the model or its weights are missing, or a video cannot be read.
    """
    options.device = device_of(options.device)
    options.engine = options.engine or config.enhancer.engine
    spec, console, policy = ModelSpec.parse(options.model), entry.console(), Fraction(options.fraction)
    contents = list(_contents(options))
    records = {one.name: whole_epochs(one.records) for one in contents}
    wanted = options.output or options.result_dir / "evaluation" / "study" / spec.name
    failures = []
    with (
        new_run(wanted, of_inputs(options.names), spec.name, f"f{options.fraction:g}") as folder,
        ThreadPoolExecutor(options.threads) as pool,
        Progress(console) as bar,
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
            publish(folder)
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
