"""The artifact evaluation, its steps played by a stand-in: what is skipped, what fails, and what the report says."""

import json
from base64 import b64decode

import pytest
import yaml

from ns_ray.config.artifact import Artifact
from ns_ray.config.load import load_config
from ns_ray.errors import ResultError
from ns_ray.jobs import artifact
from ns_ray.jobs.cli import entry
from ns_ray.report import artifact_page
from ns_ray.report.artifact_files import INFER, NAIVE
from ns_ray.report.artifact_places import ArtifactPlaces
from ns_ray.report.claims import CLAIMS, findings
from ns_ray.report.step import Step
from ns_ray.shipped import FOLDER
from ns_ray.whole_file import write_record

IMAGE = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5z4yLAAAAABJRU5ErkJggg==")


def document(path, gain=1.0):
    """What the job that writes `path` would, in little."""

    def method(psnr):
        gains = {"psnr_y": psnr - 30, "psnr": psnr - 30}
        size = {"video": 1.0, "images": 2.0, "all": 3.0}
        return {"psnr_y": psnr, "psnr": psnr, "gain_over_bilinear": gains, "gain_over_libyuv": gains, "size": size}

    name = path.name
    if name.endswith("_quality.json"):
        target = name.removesuffix("_quality.json").replace("_", "-")
        methods = (
            {"plain": gain, "best": gain + 0.3} if target == "engorgio" else {target: 0.9, "before re-encode": 1.2}
        )
        made = {one: method(30 + value) for one, value in {"bilinear": 0, "bicubic": 0.2, **methods}.items()}
        names = ["bilinear", *methods, "original"]
        images = {one: f"{target}_crops/{one.replace(' ', '_')}.png" for one in names}
        for image in images.values():
            (path.parent / image).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / image).write_bytes(IMAGE)
        crops = {"frame": 3, "images": images, "psnr": dict.fromkeys(names, 30.0)}
        figures = {"anchors": 3, "frames": 40, "image": {"codec": "jpeg", "quality": 90}, "model": "EDSR_B8_F32_S3"}
        return {"Selective": gain, "methods": made, "crops": crops} | figures
    if name == "curves.json":
        points = [
            {"fraction": 0.075, "selection": how, "mode": mode} | method(psnr)
            for how, mode, psnr in (
                ("neuroscaler", "plain", 30.7),
                ("neuroscaler", "best", 30.9),
                ("uniform", "plain", 30.5),
            )
        ]
        return {"bilinear": method(30.0), "bicubic": method(30.2), "full": method(31.0), "points": points}
    if name == "rate_distortion.json":
        figures = {"psnr_y": 30.0, "psnr": 31.0, "ssim_y": 0.9, "vmaf_v1": 70.0, "vmaf_neg": 71.0, "flicker": 7.0}
        made = [("LR, bilinear", "", 1.0, 0), ("SR of all frames", "", None, 3), ("hybrid: av1", "av1:43", 2.0, 1.25)]
        made += [("per-frame SR, AV1", f"{kbps} kbit/s", kbps / 1000, kbps / 1000) for kbps in (1000, 4000)]
        rows = [
            {"way": way, "setting": setting, "mbps": mbps} | figures | {"psnr_y": 30 + better}
            for way, setting, mbps, better in made
        ]
        return {"frames": 20, "rows": rows}
    if name.endswith("_cost.json"):
        way = {"streams": 2, "exact": 2.5, "limit": "inference", "usd_an_hour_and_stream": 0.25, "stated": True}
        times = {"whole_streams": None, "not_rounded": 25.0, "by_dnn_alone": 5.0, "their_limit": "encoder"}
        return {
            "instance": {
                "price_usd": 0.5,
                "price_source": "a list, read today",
                "hardware_encoder": {"fps": 120, "source": "a brochure"},
            },
            "dnn_alone": {"exact": 3.0},
            "ways": {"a way": way | {"parts": {"inference": {"streams": 2, "exact": 2.5}}}},
            "times": {"Per-frame (Software codec)": times | {"our_limit": "the DNN"}},
        }
    if name == "realtime.json":
        rule = {"name": "decoding", "value": 80.0, "limit": 59.0, "unit": "frames/s", "met": True}
        return {"real_time": False, "rules": [rule, rule, rule | {"met": False}]}
    return {"throughput": 12.0}


class StandIn:
    """Plays the jobs: writes what they would, or fails."""

    def __init__(self):
        self.ran = []
        self.broken = set()

    def __call__(self, step, log):
        self.ran.append(step.name)
        if step.name in self.broken:
            return "the disk is full"
        for path in step.outputs:
            write_record(path, document(path))
        return ""


@pytest.fixture
def evaluation(tmp_path):
    """Options of an evaluation of two dummy videos, and who plays its jobs."""
    for name in ("lr.webm", "hr.webm"):
        (tmp_path / name).write_bytes(b"a video")
    contents = {"made": {"lr": str(tmp_path / "lr.webm"), "hr": str(tmp_path / "hr.webm")}}
    (tmp_path / "box.yaml").write_text(
        yaml.safe_dump({"instance": "box", "artifact": {"contents": contents, "rows": 360}})
    )
    argv = ["--config", str(tmp_path / "box.yaml"), "--result-dir", str(tmp_path / "result")]
    return argv, StandIn()


def evaluate(evaluation, *more):
    """Run it; returns the names of the steps that were run."""
    argv, jobs = evaluation
    jobs.ran = []
    artifact.evaluate(artifact.arguments([*argv, *more]), jobs)
    return jobs.ran


def test_what_is_done_is_skipped_until_something_changes(evaluation, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(artifact_page, "write_artifact_page", lambda *_: None)
    first = evaluate(evaluation)
    assert len(first) == len(set(first)) == 16
    assert evaluate(evaluation) == []
    assert "skipped" in capsys.readouterr().out
    (tmp_path / "result/artifact/per_frame_quality.json").write_text("{}")  # as another run of that job would
    assert evaluate(evaluation) == ["quality of per-frame, made"]
    assert evaluate(evaluation, "--set", "artifact.decoder_frames=7") == ["decoder"]  # which finds what it had found
    (tmp_path / "hr.webm").write_bytes(b"another video")
    again = evaluate(evaluation, "--set", "artifact.decoder_frames=7")
    assert "encoders" in again
    assert "curves, made" in again
    assert not {"decoder", "inference EDSR_B8_F16_S3", "streams of per-frame"} & set(again)
    config = tmp_path / "box.yaml"
    priced = {"instances": {"box": {"vcpus": 2, "gpus": 0, "gpu": "none"}}}
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | priced))
    streams = [f"streams of {target}" for target in ("per-frame", "selective", "engorgio")]
    assert evaluate(evaluation, "--set", "artifact.decoder_frames=7") == streams
    assert evaluate(evaluation, "--set", "decoder.threads=3") == first
    assert evaluate(evaluation, "--again", "--set", "decoder.threads=3") == first


def test_a_failed_step_hides_no_other(evaluation, tmp_path, capsys):
    evaluation[1].broken = {"encoders"}
    with pytest.raises(ResultError, match=r"4 of 16 steps failed \(encoders; streams of per-frame"):
        evaluate(evaluation)
    assert "streams of per-frame" not in evaluation[1].ran
    assert "curves, made" in evaluation[1].ran
    assert "the disk is full" in capsys.readouterr().out
    page = (tmp_path / "result/artifact/box/report.html").read_text()
    assert "needs what a failed step makes: encoders" in page
    evaluation[1].broken = set()
    assert evaluate(evaluation) == [
        "encoders",
        *(f"streams of {one}" for one in ("per-frame", "selective", "engorgio")),
    ]


def test_the_report_has_all_and_needs_nothing_else(evaluation, tmp_path):
    evaluate(evaluation)
    folder = tmp_path / "result/artifact/box"
    page = (folder / "report.html").read_text()
    for words in (
        "Claims",
        "Gains on made",
        "Quality over bitrate",
        "Side by side",
        "a list, read today",
        "Steps",
        "At equal rate",
        "-1.25",
    ):
        assert words in page
    for words in (
        "original",
        "per-frame",
        "selective",
        "neuroscaler, plain mode",
        "neuroscaler, best mode",
        "bilinear",
    ):
        assert f'<img alt="{words}" src="data:image/png' in page
    assert page.count("<img") == 6
    assert page.count("120 2160p frames a second of a GPU, a brochure") == 2, "beside the streams and beside the ratios"
    assert "http" not in page.replace("http://www.w3.org", "")
    before = [(folder / name).read_bytes() for name in ("claims.json", "report.html")]
    evaluate(evaluation)
    assert [(folder / name).read_bytes() for name in ("claims.json", "report.html")] == before
    claims = json.loads((folder / "claims.json").read_text())["claims"]
    assert all(claim["files"] and claim["source"] and claim["published"] for claim in claims)


@pytest.fixture
def places(tmp_path):
    contents = {"made": {"lr": "a", "hr": "b"}}
    return ArtifactPlaces(tmp_path, "box", Artifact.model_validate({"contents": contents, "rows": 360}))


def test_claims_hold_or_not_or_are_not_measured(places):
    assert {one.verdict for one in findings(places)} == {"not measured here"}
    assert len(findings(places)) == len(CLAIMS)
    files = [places.streams("engorgio", "cost"), places.curves("made"), places.realtime]
    files += [places.quality("made", target) for target in ("per-frame", "selective", "engorgio")]
    for path in files:
        write_record(path, document(path))
    found = {one.claim.text: one for one in findings(places)}

    def of(start):
        return next(one for text, one in found.items() if text.startswith(start))

    cheaper = of("NeuroScaler is cheaper than per-frame (software")
    assert (cheaper.verdict, cheaper.measured) == ("holds", "25 times")
    assert "by DNN alone 5 times" in cheaper.remark
    assert of("NeuroScaler is cheaper than selective").verdict == "not measured here"
    assert (of("Streams are").verdict, of("Streams are").measured) == ("does not hold", "2 of 3 rules")
    assert of("Plain reuse").value == pytest.approx(70)
    assert of("Chosen anchors").value == pytest.approx(0.2)
    equal = of("NeuroScaler (plain mode) gains at least what per-frame")
    assert (equal.verdict, equal.value) == ("holds", pytest.approx(0.1))
    assert of("JPEG anchors").verdict == "not measured here"
    other_size = of("Gain over bilinear")
    assert (other_size.value, other_size.verdict) == (1.0, "not measured here")
    assert "no comparison" in other_size.remark
    write_record(places.quality("made", "engorgio"), document(places.quality("made", "engorgio"), gain=0.5))
    for file, fps in ((INFER, 6.0), (NAIVE, 12.0)):
        write_record(places.infer(places.model("engorgio"), file), {"throughput": fps})
    found = {one.claim.text: one for one in findings(places)}
    assert of("NeuroScaler (plain mode) gains at least what per-frame").verdict == "does not hold"
    memory = of("Memory allocated")
    assert (memory.verdict, memory.value, memory.remark) == ("does not hold", 0.5, "holds from 1 times on")


def test_a_job_that_fails_tells_why(tmp_path):
    """By the real runner: a job that refuses its options, and one whose exit status 1 is an answer."""
    run = artifact.Processes(60)
    log = tmp_path / "logs" / "check.log"
    step = Step("check", "check_realtime", ("--log_dir", str(tmp_path)), (tmp_path / "realtime.json",), answers=True)
    assert str(tmp_path) in run(step, log)
    assert "error:" in log.read_text()


def test_runs_that_would_share_a_folder_are_wrong_usage(evaluation, capsys):
    argv, _ = evaluation
    assert artifact.main([*argv, "--set", "artifact.videos=1"]) == entry.USAGE
    assert "artifact.paced_videos" in capsys.readouterr().err


def test_the_shipped_evaluation_is_of_the_sample():
    contents = load_config(FOLDER / "configs" / "artifact.yaml").artifact.contents
    assert all((FOLDER / path).exists() for one in contents.values() for path in (one.lr, one.hr))
