"""The player in Chromium: the pictures that it makes are the C++ client's, to the bit."""

import hashlib
import shutil
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import h264_streams as h264
import numpy as np
import pytest
import streams
import torch
from browser import CHROMIUM, framed, pages, reported

from ns_ray.client.decoder import HybridDecoder
from ns_ray.codecs.records import FrameType
from ns_ray.hybrid.anchor_image import tag
from ns_ray.hybrid.anchor_picture import encode_image
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.jobs import export_player
from ns_ray.picture.coding import Coding
from ns_ray.picture.convert import to_rgb
from ns_ray.picture.yuv import resize
from ns_ray.player.exported import PAGE, bundled
from ns_ray.sr.compressible import compressible
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import probe

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
    pytest.mark.skipif(not (PAGE / "player.wasm").is_file(), reason="built without ziglang"),
]

FRAMES = 24
SCALE = 3
H264_FRAMES = 16
LONG = 48  # more than are decoded in vain for a picture that does not come
OPEN = "open-gop=1:keyint=6:bframes=2:b-adapt=0:scenecut=0:slices=3"
H264 = {  # x264-params and sizes
    "pyramid": ("bframes=3:b-adapt=0:b-pyramid=normal:weightp=2:ref=4:direct=auto:scenecut=0", (96, 80)),
    "baseline": ("bframes=0:cabac=0:8x8dct=0:weightp=0:partitions=all:keyint=7", (96, 80)),
    "open": (OPEN, (90, 70)),
}
REFUSED = {"interlaced": "interlaced=1:bframes=1", "lossless": "qp=0:bframes=1"}
Packets = Sequence[Packet]


def write(path: Path, codec: str, *, size: tuple[int, int] = (64, 48), options=streams.HIDDEN, every: int = 7) -> Path:
    """A hybrid file of VP9."""
    lr = streams.encode(path.with_suffix(".lr"), size=size, frames=FRAMES, options=options)
    return pack(path, str(lr), codec, every)


def pack(path: Path, lr: str, codec: str = "av1", every: int = 5, change: Callable[[Packets], Packets] = list) -> Path:
    """A hybrid file of an LR video, whose anchors, some of them hidden frames, are of the sample's own pictures.

    They are the key frames, the hidden ones, and one of every so many; none where that is 0.
    """
    info = probe(lr)
    packets = list(read_packets(info))
    frames = VideoDecoder(info).decode(packets, ended=True).frames if every else []
    size = (info.width, info.height)
    hr = (size[0] * SCALE, size[1] * SCALE)
    images = []
    for number, frame in enumerate(frames):
        if number % every and frame.record.shown and frame.record.type is not FrameType.KEY:
            continue
        original = resize(streams.pictures(FRAMES)[frame.record.video_index % FRAMES], hr)
        coding = Coding(codec, 85)
        made = encode_image(
            compressible(torch.from_numpy(to_rgb(original)), frame.picture.planes, coding).numpy(), coding
        )
        images.append(tag(made, frame.record.video_index, frame.record.super_index, codec, hr))
    form = HybridFormat(size, hr, info.frame_rate, info.time_base, header=info.header, codec=codec)
    packets = change(packets)
    its = [image for image in images if image.video_index >= packets[0].video_index]
    append_epoch(path.with_suffix(".part"), form, 0, packets, its)
    finish(path.with_suffix(".part"), path, form)
    return path


def joined(packets: Packets) -> Packets:
    """Without those before the second key frame, which leave the frames shown before it without their references."""
    return packets[[packet.key for packet in packets].index(True, 1) :]


def damaged(packets: Packets) -> Packets:
    """With a frame that others refer to cut short."""
    return [*packets[:4], replace(packets[4], data=packets[4].data[:-9] + bytes(9)), *packets[5:]]


def by_the_client(path: Path):
    """Each frame as the client has it: index, source, digest; and the last HR picture."""
    told, last = [], None
    for frame in HybridDecoder(str(path)):
        samples = b"".join(np.ascontiguousarray(plane).tobytes() for plane in frame.picture.planes)
        told.append((frame.video_index, frame.source, hashlib.sha256(samples).hexdigest()))
        last = frame.picture
    return told, last


def by_the_player(report):
    return [(frame["index"], frame["source"], frame["digest"]) for frame in report["frames"]]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page, beside files to play."""
    folder = tmp_path_factory.mktemp("site") / "site"
    shutil.copytree(PAGE, folder)
    shutil.copy(Path(__file__).parent / "late.html", folder)
    write(folder / "av1.mkv", "av1")
    write(folder / "odd.mkv", "av1", size=(63, 47))
    write(folder / "av1-residual.mkv", "av1-residual", every=11)
    write(folder / "jpeg-residual.mkv", "jpeg-residual", every=11)
    write(folder / "jpeg.mkv", "jpeg", every=23)
    write(folder / "two_groups.mkv", "av1", options=streams.REALTIME | {"g": "12"})
    for name, (params, shape) in H264.items():
        pack(folder / f"{name}.mkv", h264.write(folder / f"{name}.mp4", H264_FRAMES, shape, params))
    for name, params in REFUSED.items():
        pack(folder / f"{name}.mkv", h264.write(folder / f"{name}.mp4", H264_FRAMES, (96, 80), params), every=0)
    lr = str(folder / "open.mp4")
    pack(folder / "joined.mkv", h264.write(folder / "long.mp4", LONG, (90, 70), OPEN), every=30, change=joined)
    pack(folder / "damaged.mkv", lr, change=damaged)
    pack(folder / "cropped.mkv", h264.cropped(folder / "cropped.mp4", lr, 4, 6, 2, 8), "jpeg-residual")
    whole = (folder / "av1.mkv").read_bytes()
    key = whole.index(b"\x49\x83\x42") + 3  # behind VP9's sync code: its colours, which are told by nothing
    (folder / "bt601.mkv").write_bytes(whole[:key] + bytes([whole[key] & 0x1F | 0x20]) + whole[key + 1 :])
    picture = whole.index(b"NSRAY\0", whole.index(b"NSRAY\0") + 1) + 18  # behind the second anchor's tag
    (folder / "anchor.mkv").write_bytes(whole[:picture] + bytes(30) + whole[picture + 30 :])
    (folder / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    (folder / "none.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(3000))
    return folder


PLAYED = (
    *("av1", "odd", "av1-residual", "jpeg-residual", "jpeg", "anchor", "cut", "bt601", "none"),
    *(*H264, *REFUSED),
    *("joined", "damaged", "cropped"),
)


@pytest.fixture(scope="module")
def reports(site):
    """What one Chromium reports of all files, each played in a frame of its own."""
    urls = [f"index.html?stream={name}.mkv&report=/report/{name}&threads=2" for name in PLAYED]
    (site / "all.html").write_text(framed([*urls, "late.html"]))
    with pages(site) as (url, told):
        return reported(f"{url}/all.html", told, [*PLAYED, "late"], site.parent / "profile")


@pytest.mark.parametrize(
    "name", ["av1", "odd", "av1-residual", "jpeg-residual", "pyramid", "baseline", "open", "cropped"]
)
def test_pictures_are_the_clients_to_the_bit(site, reports, name):
    report = reports[name]
    expected, _ = by_the_client(site / f"{name}.mkv")
    assert by_the_player(report) == expected
    assert (report["why"], report["note"], report["damaged"], report["threads"]) == ("", "", [], 2)
    assert {source for _, source, _ in expected} == {"anchor", "rebuilt"}


def test_the_canvas_shows_the_picture(site, reports):
    canvas = reports["av1"]["canvas"]
    _, last = by_the_client(site / "av1.mkv")
    pixels = np.frombuffer(b64decode(canvas["pixels"]), np.uint8).reshape(canvas["height"], canvas["width"], 4)
    difference = pixels[::-1, :, :3].astype(int) - to_rgb(last)
    assert abs(difference).max() <= 3, "chroma is interpolated in other fractions"
    assert abs(difference).mean() < 0.5


def test_anchors_that_browsers_would_have_otherwise_are_refused_by_name(reports):
    report = reports["jpeg"]
    assert "anchors in jpeg are not played" in report["note"]
    assert [source for _, source, _ in by_the_player(report)] == ["lr"] * FRAMES


def test_a_video_whose_anchors_would_have_to_be_converted_plays_at_lr(reports):
    report = reports["bt601"]
    assert report["damaged"] == ["the video is not in BT.709, limited range: its anchors are not played"]
    assert [source for _, source, _ in by_the_player(report)] == ["lr"] * FRAMES


def test_a_damaged_anchor_costs_that_anchor_alone(site, reports):
    report = reports["anchor"]
    expected, _ = by_the_client(site / "anchor.mkv")
    assert by_the_player(report) == expected
    assert len(report["damaged"]) == 1


def test_a_file_that_is_cut_plays_up_to_there(site, reports):
    expected, _ = by_the_client(site / "cut.mkv")
    told = by_the_player(reports["cut"])
    assert 0 < len(told) < FRAMES
    assert told == expected[: len(told)]
    assert len(told) >= len(expected) - 1


def test_frames_before_the_first_that_can_be_decoded_are_no_damage(site, reports):
    """An open GOP whose first key frame is shown behind others that refer to what came before it."""
    expected, _ = by_the_client(site / "joined.mkv")
    assert by_the_player(reports["joined"]) == expected
    assert expected[0][0] == 0, "the key frame, and none that is shown before it"
    assert len(expected) == len(list(read_packets(probe(str(site / "joined.mkv"))))) - 2
    assert reports["joined"]["damaged"] == []


def test_a_damaged_frame_costs_those_that_refer_to_it(site, reports):
    expected, _ = by_the_client(site / "damaged.mkv")
    assert by_the_player(reports["damaged"]) == expected
    assert 4 not in [index for index, _, _ in expected]
    assert len(expected) < H264_FRAMES
    assert "packet 4: " in reports["damaged"]["damaged"][0]


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_parser_refuses_plays_at_lr_and_says_so(reports, name):
    report = reports[name]
    assert [source for _, source, _ in by_the_player(report)] == ["lr"] * H264_FRAMES
    times = [frame["time"] for frame in report["frames"]]
    assert times == sorted(times)
    assert len(report["damaged"]) == 1
    assert "the video is not rebuilt: " in report["damaged"][0]
    assert name in report["damaged"][0]


def test_what_is_no_hybrid_file_is_refused(reports):
    assert "no Matroska file" in reports["none"]["why"]


def test_what_is_late_is_shown_at_lr_until_the_next_key_frame(site, reports):
    """And, in an open GOP, so are those that refer to what came before that key frame."""
    expected = {name: sorted(by_the_client(site / f"{name}.mkv")[0]) for name in ("two_groups", "open")}
    packets = list(read_packets(probe(str(site / "open.mkv"))))
    key = next(packet for packet in packets[1:] if packet.key)
    late = {
        "two_groups": set(range(1, 12)),
        "open": {one.video_index for one in packets[1:] if one.video_index < key.video_index or one.pts < key.pts},
    }
    assert max(late["open"]) > key.video_index
    due = {
        name: [[index, "lr" if index in late[name] else source] for index, source, _ in frames]
        for name, frames in expected.items()
    }
    assert {name: report["sources"] for name, report in reports["late"].items()} == due
    assert [report["damaged"] for report in reports["late"].values()] == [[], []]


def test_an_exported_page_plays_from_disk(site, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert export_player.main([str(site / "av1.mkv"), "-o", str(page)]) == 0
    with pages(tmp_path, isolated=False) as (url, told):
        report = reported(f"{page.as_uri()}?report={url}/report/page", told, ["page"], tmp_path / "profile")["page"]
    assert by_the_player(report) == by_the_client(site / "av1.mkv")[0]
    assert (report["threads"], report["why"]) == (1, "")


def test_a_page_holds_each_module_once_behind_what_it_imports():
    script = bundled("engine.js")
    assert "import " not in script.replace("import(", "")
    assert "export " not in script
    assert script.count('modules["native.js"] = (') == 1
    assert script.index('modules["native.js"] = (') < script.index('modules["rebuilder.js"] = (')


@pytest.mark.parametrize("argv", [["a.mkv"], ["a.mkv", "-o", "a.mkv"], ["-o", "a.html"]])
def test_wrong_usage_exits_with_status_2(argv):
    with pytest.raises(SystemExit) as stopped:
        export_player.main(argv)
    assert stopped.value.code == 2
