"""Hybrid files of each codec of anchors: written, read, played, and seen by players that know nothing of them."""

import re
import shutil
import subprocess

import av
import numpy as np
import pytest
import streams
import torch
from rich_streams import ffmpeg

from ns_ray.client.decoder import HybridDecoder
from ns_ray.errors import HybridError
from ns_ray.hybrid.anchor_image import tag
from ns_ray.hybrid.anchor_picture import encode_image
from ns_ray.hybrid.reader import HybridReader
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.coding import CODECS, Coding
from ns_ray.picture.convert import to_rgb
from ns_ray.picture.yuv import resize
from ns_ray.sr.compressible import compressible
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

ANCHORS = (0, 5, 9)
SIZE, HR = (64, 48), (192, 144)


@pytest.fixture(scope="module")
def lr(tmp_path_factory):
    """A video, its packets and decoded pictures."""
    info = probe(str(streams.encode(tmp_path_factory.mktemp("lr") / "lr.mkv", size=SIZE, frames=12)))
    packets = list(read_packets(info))
    return info, packets, [frame.picture for frame in VideoDecoder(info).decode(packets).frames]


def write(path, lr, coding: Coding):
    """A file with anchors that are the original's frames, and not what LR shows."""
    info, packets, pictures = lr
    images = []
    for at in ANCHORS:
        pixels = torch.from_numpy(to_rgb(resize(streams.pictures(12)[at], HR)))
        made = encode_image(compressible(pixels, pictures[at].planes, coding).numpy(), coding)
        images.append(tag(made, at, 0, coding.codec, HR))
    form = HybridFormat(SIZE, HR, info.frame_rate, info.time_base, codec=coding.codec, video_codec="vp9")
    append_epoch(path.with_suffix(".part"), form, 0, packets, images)
    finish(path.with_suffix(".part"), path, form)
    return path, images


@pytest.mark.parametrize("codec", CODECS)
def test_a_file_plays_from_its_anchors(tmp_path, lr, codec):
    path, images = write(tmp_path / "h.mkv", lr, Coding(codec, 95))
    reader = HybridReader(str(path))
    assert (reader.anchor_size, reader.scale) == (HR, 3)
    assert [image for one in reader for image in one.anchors] == images
    decoder = HybridDecoder(str(path))
    frames = list(decoder)
    assert not decoder.damaged
    assert [frame.video_index for frame in frames if frame.source == "anchor"] == list(ANCHORS)
    for at in ANCHORS:
        original = resize(streams.pictures(12)[at], HR)
        assert psnr(frames[at].picture.y, original.y) > max(32, psnr(resize(frames[at].lr, HR).y, original.y) + 3)


@pytest.mark.parametrize("codec", CODECS)
def test_other_players_show_the_video_and_know_the_images(tmp_path, lr, codec):
    path, _ = write(tmp_path / "h.mkv", lr, Coding(codec, 80))
    ffmpeg("-i", path, "-map", "0:v:0", "-c", "copy", tmp_path / "video.mkv")
    ffmpeg("-i", path, "-map", "0", "-c", "copy", tmp_path / "all.mkv")
    for name, tracks in (("video.mkv", 1), ("all.mkv", 2), ("h.mkv", 2)):
        with av.open(str(tmp_path / name)) as container:
            assert len(container.streams) == tracks
            assert sum(1 for _ in container.decode(video=0)) == 12
    with av.open(str(path)) as container:
        said = container.streams.video[1].metadata
        assert said.get("ANCHOR_CODEC") == (None if codec == "jpeg" else codec), "version 1 says none"
        assert sum(1 for _ in container.decode(video=1)) == len(ANCHORS)
    again = HybridDecoder(str(tmp_path / "all.mkv"))
    both = zip(HybridDecoder(str(path)), again, strict=True)
    assert all(np.array_equal(one.picture.y, other.picture.y) for one, other in both)


def test_a_file_of_a_codec_to_come_is_refused(tmp_path, lr):
    path, _ = write(tmp_path / "h.mkv", lr, Coding("av1-residual", 50))
    path.write_bytes(path.read_bytes().replace(b"av1-residual", b"av9-residual"))
    with pytest.raises(HybridError, match=r"h\.mkv: its anchors are in 'av9-residual'; this reader knows jpeg,"):
        HybridReader(str(path))


def test_an_anchor_without_its_picture_is_lost_alone(tmp_path, lr):
    path, images = write(tmp_path / "h.mkv", lr, Coding("av1", 80))
    data = path.read_bytes()
    at = data.index(images[1].data) + len(images[1]) - 20
    path.write_bytes(data[:at] + bytes(20) + data[at + 20 :])
    decoder = HybridDecoder(str(path))
    sources = [frame.source for frame in decoder]
    assert len(sources) == 12
    assert [at for at, source in enumerate(sources) if source == "anchor"] in ([0, 9], [0, 5, 9])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.skipif(shutil.which("mpv") is None, reason="no mpv")
def test_mpv_plays_the_video(tmp_path, lr, codec):
    path, _ = write(tmp_path / "h.mkv", lr, Coding(codec, 80))
    command = ["mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert re.search(r"\(\+\) Video --vid=1 .*'video' \(vp9 64x48", told), told
    assert "VO: [null] 64x48" in told
    assert "End of file" in told


PAGE = """<video src="FILE" muted></video><pre></pre><script>
const video = document.querySelector("video"), told = document.querySelector("pre");
const tell = () => { told.textContent = `${video.videoWidth}x${video.videoHeight} ${video.error}` };
video.onloadeddata = tell; video.onerror = tell;
</script>"""


@pytest.mark.parametrize("codec", ["av1", "jpeg-residual", "hevc"])
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium")
def test_chromium_plays_the_video(tmp_path, lr, codec):
    write(tmp_path / "h.mkv", lr, Coding(codec, 80))
    (tmp_path / "page.html").write_text(PAGE.replace("FILE", "h.mkv"))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    page = (tmp_path / "page.html").as_uri()
    told = subprocess.run([*command, page], capture_output=True, text=True, timeout=120, check=True).stdout
    assert "<pre>64x48 null</pre>" in told, told
