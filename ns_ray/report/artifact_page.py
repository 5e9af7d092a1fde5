"""The artifact evaluation's report: one HTML page that needs nothing else."""

import base64
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ns_ray.errors import ResultError
from ns_ray.report.artifact_places import ArtifactPlaces
from ns_ray.report.claims import Finding
from ns_ray.report.cost import cost_of_stream
from ns_ray.report.inline_plot import Plot, drawing, plot
from ns_ray.report.page import grid_html, link, links, page, text
from ns_ray.report.plots import plots
from ns_ray.report.rate_plot import rate_figure
from ns_ray.report.rates_grid import equal_rates_grid, rates_grid
from ns_ray.report.results import BenchmarkResult
from ns_ray.report.step import Outcome
from ns_ray.report.tables import NOTHING, Column, Grid, Row, Tone, methods_latency_grid
from ns_ray.whole_file import read_record, write_whole

_TONES: dict[str, Tone] = {"holds": "good", "does not hold": "bad", "done": "", "skipped": "", "failed": "bad"}
_COUNTED = {"does not hold": "do not", "not measured here": "are not measured here"}
_SHOWN_PLOTS = ("Anchors chosen", "Latency")
_REFERENCE = "shared/reference/"
_NAMES = {"before re-encode": "before its re-encode", "plain": "plain mode", "best": "best mode"}


def write_artifact_page(
    path: Path, places: ArtifactPlaces, outcomes: Iterable[Outcome], found: Iterable[Finding]
) -> None:
    """Write the report, of whatever figures there are.

    Args:
        path: the file.
        places: what was evaluated.
        outcomes: of its steps.
        found: its claims.
    """
    outcomes, found = list(outcomes), list(found)
    write_whole(path, _Page(path.parent, places, outcomes).html(found).encode())


class _Page:
    """The sections of one report."""

    def __init__(self, folder: Path, places: ArtifactPlaces, outcomes: list[Outcome]) -> None:
        self._folder, self._places, self._outcomes = folder, places, outcomes
        self._commands = {file: one.step.command for one in outcomes for file in one.step.outputs}

    def html(self, found: list[Finding]) -> str:
        artifact, instance = self._places.artifact, self._places.instance
        failed = [one for one in self._outcomes if one.status == "failed"]
        counts = (f"{sum(one.verdict == verdict for one in found)} {words}" for verdict, words in _COUNTED.items())
        held = sum(one.verdict == "holds" for one in found)
        headline = f"NeuroScaler's claims on the machine {instance}: {held} of {len(found)} hold, {', '.join(counts)}"
        sizes = f"{artifact.rows}p -> {artifact.rows * artifact.scale}p"
        detail = f"{sizes}; {', '.join(artifact.contents)}; {len(self._outcomes)} steps, {len(failed)} failed."
        tone = "bad" if failed else "good" if held == len(found) else ""
        sections = [
            f'<header class="{tone}"><h1>{text(headline)}</h1><p>{text(detail)}</p></header>',
            f"<section>{grid_html(self._claims(found))}</section>",
            *(self._content(name) for name in artifact.contents),
            self._streams(),
            *self._runs(),
            f"<section>{grid_html(self._steps())}</section>",
            "<footer>Every figure comes from the files that stand beside it; the commands that made them are under "
            "Steps, to be typed where the evaluation was. Running them again changes timings, and what follows from "
            "those, alone.</footer>",
        ]
        return page(headline, detail, filter(None, sections))

    def _claims(self, found: list[Finding]) -> Grid:
        words = ("claim", "published", "measured here", "", "why, or what else to know", "measured in, by")
        grid = Grid("Claims", tuple(Column(title, numeric=False) for title in words))
        for one in found:
            jobs = dict.fromkeys(f"by {self._job(path)}" for path in one.paths)
            files = "\n".join([*map(self._named, one.paths), *jobs])
            claim = one.claim.text + (f" ({one.content})" if one.content else "")
            published = f"{one.claim.published}\n{one.claim.source.replace(_REFERENCE, '')}"
            cells = (claim, published, one.measured, one.verdict, one.remark, files)
            grid.rows.append(Row(tuple((cell,) for cell in cells), _TONES.get(one.verdict, "")))
        grid.note = (
            f"Where a claim was published: lines of {_REFERENCE}, what was read off the README, the scripts and the "
            "paper. Figures are in JSON files of the result folder; the jobs' commands are under Steps."
        )
        return grid

    def _content(self, content: str) -> str:
        """What a content's quality is: gains, quality over bitrate, crops."""
        quality: dict[str, dict[str, Any]] = {
            target: record
            for target in self._places.artifact.methods
            if (record := read_record(self._places.quality(content, target)))
        }
        j2k = read_record(self._places.quality(content, "engorgio", "j2k")) if "engorgio" in quality else None
        measured = [self._places.quality(content, one) for one in self._places.artifact.methods if one in quality]
        measured += [self._places.quality(content, "engorgio", "j2k")] if j2k else []
        parts = []
        if quality:
            parts.append(grid_html(_gains(content, quality, j2k)))
            parts.append(self._sources(measured))
            parts.append(self._crops(content, quality))
        curves = read_record(self._places.curves(content))
        if curves:
            parts += map(_figure, _rate_plots(content, curves, quality))
            parts.append(self._sources([self._places.curves(content)]))
        rates = read_record(self._places.rates(content))
        if rates:
            parts += map(grid_html, (rates_grid(content, rates), equal_rates_grid(rates)))
            parts.append(self._sources([self._places.rates(content)]))
        return f"<section>{''.join(parts)}</section>" if parts else ""

    def _crops(self, content: str, quality: Mapping[str, dict[str, Any]]) -> str:
        folder, shown = self._places.quality_folder(content), list[str]()
        original = ""
        for target, record in quality.items():
            crops = record.get("crops") or {"images": {}}
            for name, image in crops["images"].items():
                data = _data(folder / image)
                if name == "original":
                    original = _image("original", data, "")
                elif data and name != "before re-encode" and not (name == "bilinear" and shown):
                    label = name if name in ("bilinear", target) else f"neuroscaler, {_NAMES.get(name, name)}"
                    shown.append(_image(label, data, f"{crops['psnr'][name]:.2f} dB"))
                    frame = crops["frame"]
        if not shown:
            return ""
        note = f"Frame {frame} of {content}: the window without lettering where bilinear errs most. "
        note += "Luma PSNR is that of the whole frame."
        pictures = "".join([*shown, original])
        return f'<h2>Side by side</h2><div class="crops">{pictures}</div><p class="note">{text(note)}</p>'

    def _streams(self) -> str:
        """Streams in real time and what one costs, and how they compare."""
        words = ["method", "streams", "not rounded", "limited by", "each part alone", "DNN alone"]
        words += ["$ a stream and hour", "by streams not rounded"]
        grid = Grid("Streams in real time, and what one costs", tuple(Column(one, numeric=False) for one in words))
        paths: list[Path] = []
        price, encoder, times = "", "", dict[str, Any]()
        for target in self._places.artifact.methods:
            path = self._places.streams(target, "cost")
            cost = read_record(path)
            if cost is None:
                continue
            paths.append(path)
            machine = cost["instance"]
            dollars = machine.get("price_usd")
            price = f"${dollars} an hour: {machine['price_source']}." if dollars else "This machine has no price."
            if any(way["stated"] for way in cost["ways"].values()):
                encoder = f"{_stated(machine['hardware_encoder'])} "
            alone = cost["dnn_alone"]
            for name, way in cost["ways"].items():
                each = "\n".join(f"{part}: {one['exact']:.3g}" for part, one in way["parts"].items())
                label = "Neuroscaler (engorgio)" if name == target else name
                cells = [label, str(way["streams"]), f"{way['exact']:.3g}", way["limit"], each]
                exact = cost_of_stream(dollars, way["exact"])
                cells += map(_figure_or_none, (alone and alone["exact"], way["usd_an_hour_and_stream"], exact))
                grid.rows.append(Row(tuple((cell,) for cell in cells)))
            times = cost.get("times") or times
        if not grid.rows:
            return ""
        grid.note = (
            f"{price} {encoder}Per-frame and selective are estimated by the published formulas, neuroscaler (engorgio) "
            "is what a run showed. As of less than one stream no ratio can be told, what was rounded stands beside it."
        )
        ratios = grid_html(_ratios(times, encoder)) if times else ""
        return f"<section>{grid_html(grid)}{ratios}{self._sources(paths)}</section>"

    def _runs(self) -> Iterable[str]:
        """Anchors over time and latency by stage of the run as fast as possible; the latter of other methods, too."""
        path = self._places.run
        result = _result(path)
        if result is None:
            return
        for one in plots(result):
            if one.title in _SHOWN_PLOTS:
                yield _figure(one)
        beside = {
            one.method: _result(path.parent / "against" / one.method / "benchmark.json") for one in result.against
        }
        results = {"neuroscaler": result} | {method: one for method, one in beside.items() if one}
        reports = [("neuroscaler", self._address(path.with_name("report.html")))]
        reports += [(one.method, self._address(path.parent / one.report)) for one in result.against]
        table = grid_html(methods_latency_grid(results))
        yield f"<section>{table}{links('Their own reports', reports)}{self._sources([path])}</section>"

    def _steps(self) -> Grid:
        words = ("step", "", "command")
        grid = Grid("Steps", tuple(Column(title, numeric=False) for title in words))
        for one in self._outcomes:
            status = (
                f"failed: {one.reason}" if one.status == "failed" else "done"
            )  # by this invocation or an earlier one
            cells = (one.step.name, status, one.step.command)
            grid.rows.append(Row(tuple((cell,) for cell in cells), _TONES[one.status]))
        return grid

    def _sources(self, paths: Iterable[Path]) -> str:
        """Files that figures come from, as links, and the jobs that made them."""
        lines = "; ".join(
            f"{link(self._named(path), self._address(path))} by {text(self._job(path))}" for path in paths
        )
        return f'<p class="note">From {lines}.</p>'

    def _job(self, path: Path) -> str:
        words = self._commands.get(path, "").split()
        return words[1] if words else "a step that is not evaluated here"

    def _named(self, path: Path) -> str:
        return path.relative_to(self._places.result_dir).as_posix()

    def _address(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._folder)).as_posix()


def _gains(content: str, quality: Mapping[str, dict[str, Any]], j2k: dict[str, Any] | None) -> Grid:
    gains = ("over bilinear", "over libyuv's")
    grid = Grid(
        f"Gains on {content}",
        (
            Column("method", numeric=False),
            Column("DNN", numeric=False),
            Column("super-resolved", numeric=False),
            Column("luma, dB", ("PSNR", *gains)),
            Column("all planes, dB", ("PSNR", *gains)),
            Column("Mbit/s"),
        ),
    )
    first = next(iter(quality.values()))
    for name in ("bilinear", "bicubic"):
        grid.rows.append(_gain_row(name, "", "", first["methods"][name]))
    documents = [*quality.items(), *([("engorgio", j2k)] if j2k else [])]
    for target, record in documents:
        enhanced = f"{record['anchors']} of {record['frames']}"
        for name, one in record["methods"].items():
            if name in ("bilinear", "bicubic", "libyuv"):
                continue
            label = target if name == target else f"{_method(target)}, {_NAMES.get(name, name)}"
            image = record["image"]
            label += f", {image['codec'].upper()} {image['quality']}" if image else ""
            grid.rows.append(_gain_row(label, record["model"], enhanced, one))
    grid.note = (
        "Means over shown frames. Published gains are of all planes and over libyuv's bilinear, whose picture is up to "
        "a sample out of place; ours are over swscale's. Per-frame and selective lose by their re-encode, neuroscaler "
        "by the compression of its anchors and by rebuilding the frames between them."
    )
    return grid


def _method(target: str) -> str:
    return "neuroscaler" if target == "engorgio" else target


def _gain_row(name: str, model: str, enhanced: str, one: Mapping[str, Any]) -> Row:
    def figures(planes: str) -> tuple[str, ...]:
        gains = (one[f"gain_over_{base}"][planes] for base in ("bilinear", "libyuv"))
        return (f"{one[planes]:.2f}", *(f"{gain:+.2f}" for gain in gains))

    size = one.get("size")
    sent = f"{size['all']:.2f}" if size else ""
    return Row(((name,), (model,), (enhanced,), figures("psnr_y"), figures("psnr"), (sent,)))


def _stated(encoder: Mapping[str, Any]) -> str:
    """What the ways with a hardware encoder that was not measured rest on."""
    return f"Hardware codec, stated: {encoder['fps']:g} 2160p frames a second of a GPU, {encoder['source']}."


def _ratios(times: Mapping[str, Mapping[str, Any]], note: str) -> Grid:
    ours = dict.fromkeys(f"Our limit: {one['our_limit']}" for one in times.values())
    words = ("neuroscaler against", "times the streams", "not rounded", "by DNN alone", "their limit")
    grid = Grid(
        "How many times the streams, so as many times cheaper",
        tuple(Column(one, numeric=False) for one in words),
        note=" ".join([*ours, note]),
    )
    for name, one in times.items():
        ratios = (one[key] for key in ("whole_streams", "not_rounded", "by_dnn_alone"))
        cells = (name, *map(_figure_or_none, ratios))
        grid.rows.append(Row(tuple((cell,) for cell in (*cells, one["their_limit"]))))
    return grid


def _rate_plots(content: str, curves: Mapping[str, Any], quality: Mapping[str, Mapping[str, Any]]) -> list[Plot]:
    drawn = []
    with drawing():
        shares = ", ".join(f"{100 * share:g} %" for share in sorted({one["fraction"] for one in curves["points"]}))
        for figure, planes in (("psnr_y", "luma"), ("psnr", "all planes")):
            title = f"Quality over bitrate, {content}, {planes}"
            caption = (
                f"Along a line the share of anchors grows: {shares}. "
                "Their JPEG quality falls as it does. Per-frame and selective are sent at one rate."
            )
            drawn.append(plot(title, caption, rate_figure(curves, quality, figure)))
    return drawn


def _figure_or_none(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}"


def _result(path: Path) -> BenchmarkResult | None:
    """A run's result; None where there is none that can be read."""
    record = read_record(path)
    try:
        return BenchmarkResult.from_json(record) if record else None
    except ResultError:
        return None


def _figure(one: Plot) -> str:
    return f"<figure><h2>{text(one.title)}</h2>{one.svg}<figcaption>{text(one.caption)}</figcaption></figure>"


def _image(label: str, data: str, words: str) -> str:
    caption = f"<figcaption><b>{text(label)}</b>{text(words)}</figcaption>"
    return f'<figure><img alt="{text(label)}" src="{data}">{caption}</figure>'


def _data(path: Path) -> str:
    """A PNG file as an address; empty where it is not there."""
    try:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return ""
