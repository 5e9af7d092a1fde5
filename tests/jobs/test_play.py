import json

import av
import pytest
import streams

from jobs import play, quality
from ns_ray.hybrid.anchor_image import encode_anchor
from ns_ray.hybrid.writer import HybridFormat, append_epoch
from ns_ray.media.decode import VideoDecoder
from ns_ray.media.packets import read_packets
from ns_ray.media.probe import probe
from ns_ray.sr.calibrate import create_engine
from ns_ray.sr.weights import load_weights

REFERENCE = streams.SAMPLE.with_name("1080p_d4_test.webm")
FRAMES = 12


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory):
    """The beginning of the sample with its key frame super-resolved by the shipped weights."""
    info = probe(str(streams.SAMPLE))
    packets = [packet for packet, _ in zip(read_packets(info), range(FRAMES), strict=False)]
    first = VideoDecoder(info).decode(packets[:1]).frames[0].picture
    engine = create_engine("torch", "EDSR_B8_F16_S3", info.width, info.height)
    engine.load(load_weights("EDSR_B8_F16_S3"))
    anchor = encode_anchor(engine.infer(first.planes), 0, 0, 95)
    path = tmp_path_factory.mktemp("hybrid") / "h.mkv"
    append_epoch(path, HybridFormat((640, 360), (1920, 1080), info.frame_rate, info.time_base), 0, packets, [anchor])
    return path


@pytest.mark.parametrize(
    ("name", "extra", "size"),
    [
        ("o.mp4", (), (1920, 1080)),
        ("o.y4m", ("--mode", "plain"), (1920, 1080)),
        ("o.mkv", ("--encoder", "libvpx-vp9", "--encoder-option", "deadline=realtime", "--mode", "lr"), (1920, 1080)),
        ("o.mp4", ("--side-by-side", "--encoder-option", "preset=ultrafast"), (3840, 1080)),
    ],
)
def test_play_writes_video(tmp_path, hybrid, capsys, name, extra, size):
    out = tmp_path / name
    assert play.main([str(hybrid), "-o", str(out), *extra]) == 0
    with av.open(str(out)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == FRAMES
    assert (frames[0].width, frames[0].height) == size
    assert list(tmp_path.iterdir()) == [out], "nothing half-written is left"
    told = capsys.readouterr().out
    assert f"{FRAMES} frames" in told
    assert ("1 anchor, 11 rebuilt" in told) == ("lr" not in extra)


def test_quality_beats_upscaling(tmp_path, hybrid, capsys):
    out = tmp_path / "q.json"
    assert quality.main([str(hybrid), "--reference", str(REFERENCE), "--json", str(out), "--every", "3"]) == 0
    result = json.loads(out.read_text())
    assert [frame["video_index"] for frame in result["frames"]] == [0, 3, 6, 9]
    assert [frame["source"] for frame in result["frames"]] == ["anchor", "rebuilt", "rebuilt", "rebuilt"]
    mean = result["mean"]
    assert mean["hybrid"]["psnr_y"] > mean["bicubic"]["psnr_y"] > mean["bilinear"]["psnr_y"]
    assert mean["hybrid"]["ssim_y"] > mean["bilinear"]["ssim_y"]
    assert 20 < mean["bilinear"]["psnr_y"] < 50
    assert "bicubic" in capsys.readouterr().out


@pytest.mark.parametrize(("job", "extra"), [(play, ("-o", "{}/o.mp4")), (quality, ("--reference", str(REFERENCE)))])
def test_what_is_no_hybrid_stream_is_refused(tmp_path, capsys, job, extra):
    assert job.main([str(streams.SAMPLE), *(one.format(tmp_path) for one in extra)]) == 1
    assert "no hybrid stream" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unknown_encoder_is_named(tmp_path, hybrid, capsys):
    assert play.main([str(hybrid), "-o", str(tmp_path / "o.mp4"), "--encoder", "nothing"]) == 1
    assert "nothing" in capsys.readouterr().err
