"""The picture of a run, from the files it left."""

import io

import numpy as np
import pytest
import rich_streams
from PIL import Image
from sources import write_source
from synthetic_results import make_result

from ns_ray.client.decoder import HybridDecoder
from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError
from ns_ray.jobs import benchmark
from ns_ray.jobs.cli.run_picture import picture_of
from ns_ray.jobs.cli.run_sources import inputs_of, references_of
from ns_ray.jobs.quality import average, compare, scaled
from ns_ray.picture.yuv import resize
from ns_ray.report.html import load_result, write_report
from ns_ray.report.picture_section import picture_line
from ns_ray.report.results import PICTURES, AnchorResult, BenchmarkResult, StreamResult
from ns_ray.shipped import FOLDER
from ns_ray.video.probe import open_input
from ns_ray.whole_file import write_record

SIZE = 192, 128


def run(output, video, method: str = "neuroscaler", anchors: tuple[int, ...] = ()) -> BenchmarkResult:
    """A run of one stream of a second, in epochs of 10 frames."""
    result = make_result(0, 0)
    result.options["method"] = method
    result.config["epoch_seconds"] = 1 / 6
    result.streams = [StreamResult("s", str(video), frames=60, seconds=1.0, output=str(output))]
    result.chosen = [AnchorResult("s", at, 0, "NORMAL", 1.0, 1000) for at in anchors]
    return result


@pytest.fixture
def hybrid(plain_video, tmp_path):
    """Anchors of 192x128 at every 13th frame."""
    return rich_streams.write(tmp_path / "s.mkv", rich_streams.read(plain_video))


@pytest.fixture
def original(tmp_path):
    return write_source(tmp_path / "original.mkv", size=SIZE, frames=60)


def test_a_rebuilt_frame_and_an_anchor_beside_their_reference(hybrid, plain_video, original, tmp_path):
    result = run(hybrid, plain_video)
    result.picture = picture_of(result, {str(plain_video): str(original)}, tmp_path)
    assert [(one.frame, one.source) for one in result.picture.crops] == [(14, "rebuilt"), (13, "anchor")]
    frames = list(HybridDecoder(str(hybrid)))
    with open_input(str(original)) as container:
        originals = list(container.decode(video=0))
    for crop in result.picture.crops:
        frame = frames[crop.frame]
        truth = scaled(originals[crop.frame], SIZE, frame.colors, "reference")
        assert crop.psnr["enhanced"] == pytest.approx(compare(frame.picture, truth)["psnr_y"])
        assert crop.psnr["bicubic"] == pytest.approx(compare(resize(frame.lr, SIZE, "BICUBIC"), truth)["psnr_y"])
        for name in crop.images.values():
            assert Image.open(tmp_path / PICTURES / name).size == SIZE
    anchor = np.asarray(Image.open(tmp_path / PICTURES / result.picture.crops[1].images["enhanced"]))
    assert np.abs(anchor.astype(int) - 53).max() <= 2, "the anchor's own grey"

    write_record(tmp_path / "benchmark.json", result.to_json())
    again = load_result(tmp_path / "benchmark.json")
    assert again == result
    write_report(again, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 6
    assert page.index("data:image/png") < page.index("What was run")
    gain = (
        f"{result.picture.crops[0].psnr['enhanced']:.2f} dB, bicubic {result.picture.crops[0].psnr['bicubic']:.2f} dB"
    )
    assert f"frame 14 (rebuilt): enhanced {gain}" in picture_line(result.picture)
    assert "Reference" in page

    quality = result.picture.quality
    assert (quality.frames, quality.looked_at, quality.first) == (15, 3, 12)
    for name in ("bicubic", "enhanced"):
        shown = [frame.picture if name == "enhanced" else resize(frame.lr, SIZE, "BICUBIC") for frame in frames[:15]]
        truths = [scaled(one, SIZE, frame.colors, "") for one, frame in zip(originals, frames[:15], strict=False)]
        alone = [compare(one, truth) for one, truth in zip(shown, truths, strict=True)]
        for figure, numbers in (("psnr_y", alone), ("psnr", alone), ("ssim_y", alone[12:])):
            assert quality.figures[name][figure] == pytest.approx(average(numbers)[figure], abs=1e-4)
        assert quality.figures[name]["flicker_anchors"] > 0
    assert "VMAF cannot be measured of 192x128" in quality.note
    assert "luma PSNR, dB" in page


def test_without_a_reference(hybrid, plain_video, tmp_path):
    picture = picture_of(run(hybrid, plain_video), {}, tmp_path)
    assert [sorted(one.images) for one in picture.crops] == [["bicubic", "enhanced"]] * 2
    assert not any(one.psnr or one.window_psnr for one in picture.crops)
    assert picture_line(picture) == "no reference to compare with"


@pytest.mark.parametrize(
    ("method", "found"),
    [("selective", [(13, "rebuilt"), (5, "anchor")]), ("per-frame", [(13, "super-resolved")])],
)
def test_video_encoded_anew(method, found, plain_video, original, tmp_path):
    made = write_source(tmp_path / "made.mkv", codec="libvpx-vp9", size=SIZE, frames=60)
    result = run(made, plain_video, method, (0, 5, 20))
    picture = picture_of(result, {str(plain_video): str(original)}, tmp_path)
    assert [(one.frame, one.source) for one in picture.crops] == found
    assert all(one.psnr["enhanced"] > 35 > one.psnr["bicubic"] for one in picture.crops), "it is its reference, encoded"


def test_what_cannot_be_shown_is_said(hybrid, plain_video, tmp_path):
    picture = picture_of(run(tmp_path / "none.mkv", plain_video), {}, tmp_path)
    assert not picture.crops
    assert "none.mkv" in picture_line(picture)
    assert picture_line(picture_of(make_result(0, 0), {}, tmp_path)) == "no stream was written"
    live = picture_of(run(hybrid, "https://nowhere.invalid/live.webm", "selective"), {}, tmp_path)
    assert "cannot be read a second time" in picture_line(live)
    small = write_source(tmp_path / "small.mkv", size=(64, 48), frames=60)
    picture = picture_of(run(hybrid, plain_video), {str(plain_video): str(small)}, tmp_path)
    assert "smaller than 192x128" in picture_line(picture)
    assert len(picture.crops) == 2
    assert not picture.reference


def test_a_stranger_s_result_reads_no_other_file(hybrid, plain_video, tmp_path):
    result = run(hybrid, plain_video)
    result.picture = picture_of(result, {}, tmp_path / "run")
    secret = io.BytesIO()
    Image.new("RGB", (2, 2)).save(secret, "PNG")
    (tmp_path / "secret.png").write_bytes(secret.getvalue())
    result.picture.crops[0].images["enhanced"] = str(tmp_path / "secret.png")
    (tmp_path / "run").mkdir(exist_ok=True)
    write_report(result, tmp_path / "run" / "report.html")
    assert (tmp_path / "run" / "report.html").read_text().count("base64,") == 3


def known(*arguments: object) -> dict[str, str]:
    options = benchmark.arguments([*map(str, arguments)])
    config = load_config(options.config, options.set)
    return references_of(options, config, inputs_of(options, config))


def test_references_are_named_or_known(tmp_path):
    sample = FOLDER / "dataset" / "sample"
    lr, hr = sample / "360p_700kbps_d4_test.webm", str(sample / "1080p_d4_test.webm")
    assert known() == known("--input", lr) == {str(lr): hr}
    assert known("--input", lr, tmp_path / "other.webm") == {str(lr): hr}
    other = tmp_path / "hr.webm"
    other.touch()
    assert known("--input", lr, "x.webm", "--reference", hr, other) == {str(lr): hr, "x.webm": str(other)}
    for wrong, said in (((hr, hr), "2 are named for 1 videos"), ((tmp_path / "gone.webm",), "no such file")):
        with pytest.raises(ConfigError, match=said):
            known("--input", lr, "--reference", *wrong)
    folder = tmp_path / "lol0" / "video"
    folder.mkdir(parents=True)
    prepared = folder / "720p_4125kbps_d60_test.webm", folder / "2160p_d60_test.webm"
    for path in prepared:
        path.touch()
    assert known("--data-dir", tmp_path) == {str(prepared[0]): str(prepared[1])}
