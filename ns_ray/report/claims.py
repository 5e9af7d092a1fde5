"""What was published, and whether it is found here: claims as data, each measured from the files of an evaluation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal

from ns_ray.report.artifact_files import INFER, NAIVE
from ns_ray.report.artifact_places import ArtifactPlaces
from ns_ray.whole_file import read_record

Verdict = Literal["holds", "does not hold", "not measured here"]
Documents = Mapping[str, dict[str, Any]]
"""Files of figures by their names in `_files`."""

PUBLISHED_ROWS = 720, 2160
_SCRIPTS = "shared/reference/published-scripts.md"
_README = "shared/reference/neuroscaler-artifact-readme.md"
_PLAIN_FRACTION = 0.075


@dataclass(frozen=True, slots=True)
class Claim:
    """One published claim.

    Attributes:
        text: what is claimed, in a line.
        published: the published value.
        source: where it stands: a file of the reference material and the line.
        files: names of the files that it is measured from.
        measure: the value, from these files; KeyError, TypeError or ZeroDivisionError where they lack it.
        least, most: between which it holds.
        unit: of the value.
        of_content: whether it is measured on each content, not once for the machine.
        at_published_size: whether the value is one of 720p -> 2160p alone.
        remark: what else to know, from the same files.
    """

    text: str
    published: str
    source: str
    files: tuple[str, ...]
    measure: Callable[[Documents], float]
    least: float = -inf
    most: float = inf
    unit: str = ""
    of_content: bool = False
    at_published_size: bool = False
    remark: Callable[[Documents], str] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim and what is found here.

    Attributes:
        claim: the claim.
        value: measured; None where it is not.
        verdict: whether it holds.
        remark: why not, or what else to know.
        content: what it was measured on, where that is a content.
        paths: the files that the value comes from.
    """

    claim: Claim
    value: float | None
    verdict: Verdict
    remark: str = ""
    content: str = ""
    paths: tuple[Path, ...] = ()

    @property
    def measured(self) -> str:
        """The value and its unit."""
        return "–" if self.value is None else f"{self.value:.3g} {self.claim.unit}".rstrip()

    def record(self, result_dir: Path) -> dict[str, Any]:
        """As JSON has it; files by their paths from the result folder."""
        return {
            "claim": self.claim.text,
            "published": self.claim.published,
            "source": self.claim.source,
            "content": self.content or None,
            "measured": self.value,
            "unit": self.claim.unit,
            "verdict": self.verdict,
            "remark": self.remark,
            "files": [path.relative_to(result_dir).as_posix() for path in self.paths],
        }


def findings(places: ArtifactPlaces) -> list[Finding]:
    """Every claim, measured from the files that are there."""
    return [
        _found(claim, content, places)
        for claim in CLAIMS
        for content in (places.artifact.contents if claim.of_content else [""])
    ]


def _found(claim: Claim, content: str, places: ArtifactPlaces) -> Finding:
    known = _files(places, content or next(iter(places.artifact.contents)))
    paths = tuple(known[name] for name in claim.files if name in known)
    documents = {name: record for name in claim.files if name in known and (record := read_record(known[name]))}
    lacks = [name for name in claim.files if name not in documents]
    if lacks:
        names = (str(known[name].relative_to(places.result_dir)) if name in known else name for name in lacks)
        words = f"not there: {', '.join(names)}"
        return Finding(claim, None, "not measured here", words, content, paths)
    try:
        value = claim.measure(documents)
    except (KeyError, TypeError, ZeroDivisionError):
        words = "no such figure: one side serves nothing, or (as an encoder that is not there) was not measured"
        return Finding(claim, None, "not measured here", words, content, paths)
    remark = claim.remark(documents) if claim.remark else ""
    rows = places.artifact.rows
    if claim.at_published_size and (rows, rows * places.artifact.scale) != PUBLISHED_ROWS:
        remark = f"published at 720p -> 2160p, measured at {rows}p -> {rows * places.artifact.scale}p: no comparison"
        return Finding(claim, value, "not measured here", remark, content, paths)
    verdict: Verdict = "holds" if claim.least <= value <= claim.most else "does not hold"
    if verdict == "does not hold" and not remark:
        limit = f"from {claim.least:g} {claim.unit} on" if value < claim.least else f"up to {claim.most:g} {claim.unit}"
        remark = f"holds {limit}"
    return Finding(claim, value, verdict, remark, content, paths)


def _files(places: ArtifactPlaces, content: str) -> dict[str, Path]:
    """The files that claims name; those of methods that are not evaluated are left out."""
    known = {"realtime": places.realtime, "curves": places.curves(content), "size": places.size(content)}
    for target in places.artifact.methods:
        known[f"{target} cost"] = places.streams(target, "cost")
        known[f"{target} quality"] = places.quality(content, target)
    if "engorgio" in places.artifact.methods:
        model = places.model("engorgio")
        known["inference"], known["naive inference"] = places.infer(model, INFER), places.infer(model, NAIVE)
        known["j2k quality"] = places.quality(content, "engorgio", "j2k")
    return known


def _times(other: str, key: str = "not_rounded") -> Callable[[Documents], float]:
    return lambda files: float(files["engorgio cost"]["times"][other][key])


def _limits(other: str) -> Callable[[Documents], str]:
    """What limits both sides, and the ratio of the DNNs by themselves."""

    def told(files: Documents) -> str:
        one = files["engorgio cost"]["times"][other]
        dnn = one["by_dnn_alone"]
        alone = "" if dnn is None else f"; by DNN alone {dnn:.3g} times"
        return f"their limit: {one['their_limit']}{alone}; our limit: {one['our_limit']}"

    return told


def _gain(files: Documents, target: str, method: str, over: str = "gain_over_libyuv", planes: str = "psnr") -> float:
    return float(files[f"{target} quality"]["methods"][method][over][planes])


def _above(mode: str, target: str) -> Callable[[Documents], float]:
    return lambda files: _gain(files, "engorgio", mode) - _gain(files, target, target)


def _both_gains(mode: str, target: str) -> Callable[[Documents], str]:
    return lambda files: (
        f"{_gain(files, 'engorgio', mode):+.2f} against {_gain(files, target, target):+.2f} dB over libyuv's bilinear"
    )


def _point(files: Documents, selection: str, mode: str) -> float:
    """PSNR of all planes at the published share of anchors, dB."""
    return next(
        float(point["psnr"])
        for point in files["curves"]["points"]
        if (point["fraction"], point["selection"], point["mode"]) == (_PLAIN_FRACTION, selection, mode)
    )


def _kept(mode: str) -> Callable[[Documents], float]:
    def share(files: Documents) -> float:
        curves = files["curves"]
        if not any(point["fraction"] == _PLAIN_FRACTION for point in curves["points"]):
            raise KeyError(_PLAIN_FRACTION)
        base, full = curves["bilinear"]["psnr"], curves["full"]["psnr"]
        return float(100 * (_point(files, "neuroscaler", mode) - base) / (full - base))

    return share


def _chosen_above_spaced(files: Documents) -> float:
    if not any(point["fraction"] == _PLAIN_FRACTION for point in files["curves"]["points"]):
        raise KeyError(_PLAIN_FRACTION)
    return _point(files, "neuroscaler", "plain") - _point(files, "uniform", "plain")


def _anchor_kb(files: Documents) -> float:
    """Mean size of an anchor's image; videos have 60 frames a second."""
    quality = files["engorgio quality"]
    second = 60 * quality["anchors"] / quality["frames"]
    return float(quality["methods"]["plain"]["size"]["images"] * 2**20 / 8 / 1024 / second)


def _met(files: Documents) -> int:
    """Rules of real time that were met, of a run that could be judged."""
    if files["realtime"]["real_time"] is None:
        raise KeyError("real_time")
    return sum(rule["met"] for rule in files["realtime"]["rules"])


def _broken(files: Documents) -> str:
    rules = files["realtime"]["rules"]
    words = [f"{rule['name']} {rule['value']:.3g} {rule['unit']}, limit {rule['limit']:g}" for rule in rules]
    return "; ".join(words)


CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(
            f"NeuroScaler is cheaper than {other.lower()}",
            published,
            f"{_SCRIPTS}:38 (paper)",
            ("engorgio cost",),
            _times(other),
            least,
            unit="times",
            remark=_limits(other),
        )
        for other, published, least in (
            ("Per-frame (Software codec)", "22.3 times", 22.3),
            ("Selective (Software codec)", "3.0 to 11.1 times", 3.0),
            ("Per-frame (Hardware codec)", "22.3 times, codec not told", 22.3),
            ("Selective (Hardware codec)", "3.0 to 11.1 times, codec not told", 3.0),
        )
    ),
    Claim(
        "Streams are served in real time: the published check",
        "passed",
        f"{_README}:146 (step 4-1 E)",
        ("realtime",),
        _met,
        least=3,
        unit="of 3 rules",
        remark=_broken,
    ),
    *(
        Claim(
            f"NeuroScaler ({mode} mode) gains at least what {target} does, after the losses of both",
            "as good: settings chosen for equal quality",
            f"{_README}:60 and {_SCRIPTS}:38",
            ("engorgio quality", f"{target} quality"),
            _above(mode, target),
            least=0,
            unit="dB more",
            of_content=True,
            remark=_both_gains(mode, target),
        )
        for target in ("per-frame", "selective")
        for mode in ("plain", "best")
    ),
    Claim(
        "Plain reuse keeps most of what super-resolving all frames gains, with 7.5 % of them as anchors",
        "62 to 82 %",
        f"{_SCRIPTS}:41 (paper)",
        ("curves",),
        _kept("plain"),
        least=62,
        unit="%",
        of_content=True,
        remark=lambda files: f"all planes, over swscale's bilinear; our best mode keeps {_kept('best')(files):.0f} %",
    ),
    Claim(
        "Gain over bilinear with 9 anchors of 120",
        "1.76 (valorant0) to 7.00 (lol0), mean 3.80 dB",
        f"{_SCRIPTS}:40 (paper)",
        ("engorgio quality",),
        lambda files: float(files["engorgio quality"]["Selective"]),
        least=1.76,
        unit="dB",
        of_content=True,
        at_published_size=True,
    ),
    Claim(
        "JPEG anchors cost little against JPEG 2000",
        "0.3 to 0.5 dB",
        f"{_README}:30",
        ("engorgio quality", "j2k quality"),
        lambda files: float(files["j2k quality"]["Selective"]) - float(files["engorgio quality"]["Selective"]),
        most=0.5,
        unit="dB",
        of_content=True,
        remark=lambda files: "holds where it costs no more than published; our JPEG is 4:2:0 with an accurate DCT",
    ),
    Claim(
        "Chosen anchors are better than equally spaced ones (7.5 %, plain mode)",
        "better, as plotted",
        f"{_SCRIPTS}:39 (paper)",
        ("curves",),
        _chosen_above_spaced,
        least=0.01,
        unit="dB more",
        of_content=True,
    ),
    Claim(
        "An anchor as JPEG 90 takes no more than published",
        "804 KB",
        f"{_SCRIPTS}:42 (paper)",
        ("engorgio quality",),
        _anchor_kb,
        most=804,
        unit="KB of 1024 bytes",
        of_content=True,
        at_published_size=True,
    ),
    Claim(
        "Memory allocated beforehand makes switching weights cheap: frames a second against the naive way",
        "faster, as plotted",
        f"{_SCRIPTS}:39 (paper)",
        ("inference", "naive inference"),
        lambda files: float(files["inference"]["throughput"]) / float(files["naive inference"]["throughput"]),
        least=1,
        unit="times",
    ),
)
