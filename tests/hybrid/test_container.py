import resource
import signal
from contextlib import contextmanager

import av
import numpy as np
import pytest
import streams
from jpeg_anchors import encode_anchor

from ns_ray.errors import HybridError, MediaError
from ns_ray.hybrid.anchor_image import AnchorImage, decode_anchor
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

EPOCH = 20


@pytest.fixture
def epochs(plain_video):
    """Three epochs of packets with anchors, two of them in the same packet."""
    packets = list(read_packets(probe(str(plain_video))))
    made = []
    for start in range(0, len(packets), EPOCH):
        grey = np.full((192, 288, 3), start, np.uint8)
        anchors = [encode_anchor(grey, start + at, super_index, 90) for at, super_index in ((7, 1), (7, 0), (0, 0))]
        made.append((packets[start : start + EPOCH], anchors))
    return made


@pytest.fixture
def form(plain_video):
    info = probe(str(plain_video))
    return HybridFormat((96, 64), (288, 192), info.frame_rate, info.time_base, video_codec="vp9")


def write(path, form, epochs):
    offset = 0
    for packets, anchors in epochs:
        offset = append_epoch(path, form, offset, packets, anchors)
    return offset


def check(path, epochs):
    read = list(read_hybrid(str(path)))
    packets = [packet for several, _ in epochs for packet in several]
    assert [one.packet.data for one in read] == [packet.data for packet in packets]
    assert [one.packet.pts for one in read] == [packet.pts for packet in packets]
    assert [one.packet.key for one in read] == [packet.key for packet in packets]
    expected = {anchor.name: anchor.data for _, anchors in epochs for anchor in anchors}
    assert {anchor.name: anchor.data for one in read for anchor in one.anchors} == expected
    assert all(anchor.video_index == one.packet.video_index for one in read for anchor in one.anchors)
    assert [anchor.name for anchor in read[7].anchors] == ["7.0", "7.1"]


def test_a_live_stream_reads_back_after_every_epoch(tmp_path, form, epochs):
    path = tmp_path / "s.mkv.part"
    offset = 0
    for number, (packets, anchors) in enumerate(epochs):
        offset = append_epoch(path, form, offset, packets, anchors)
        assert path.stat().st_size == offset
        check(path, epochs[: number + 1])


def test_a_finished_file_has_a_duration_and_two_tracks_that_decode(tmp_path, form, epochs):
    part, path = tmp_path / "s.mkv.part", tmp_path / "s.mkv"
    write(part, form, epochs)
    finish(part, path, form)
    assert not part.exists()
    check(path, epochs)
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(1_000_000, abs=20_000)
        assert [(s.codec_context.name, s.width, s.height) for s in container.streams] == [
            ("vp9", 96, 64),
            ("mjpeg", 288, 192),
        ]
        defaults = [bool(stream.disposition & av.stream.Disposition.default) for stream in container.streams]
        assert defaults == [True, False]
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=1)) == 9


def test_the_same_epochs_give_the_same_bytes(tmp_path, form, epochs):
    paths = [tmp_path / name for name in ("a.part", "b.part")]
    for path in paths:
        write(path, form, epochs)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_images_in_pieces_and_large_ones_are_written_as_they_are(tmp_path, form, epochs):
    noise = np.random.default_rng(0).integers(0, 256, (192, 288, 3), np.uint8)
    large = encode_anchor(noise, epochs[0][0][3].video_index, 0, 100)
    assert len(large) > 1 << 16, "more than the file's buffer"
    epochs[0][1].append(large)
    whole = [
        (packets, [AnchorImage(a.video_index, a.super_index, a.data) for a in anchors]) for packets, anchors in epochs
    ]
    paths = [tmp_path / name for name in ("pieces.part", "whole.part")]
    assert write(paths[0], form, epochs) == write(paths[1], form, whole) == paths[0].stat().st_size
    assert paths[0].read_bytes() == paths[1].read_bytes()
    check(paths[0], epochs)


def test_an_image_is_not_copied_on_its_way_to_the_file(tmp_path, form, epochs, monkeypatch):
    packets, anchors = epochs[0]
    written = []

    class File:
        def __getattr__(self, name):
            return lambda *_: None

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def writelines(self, pieces):
            written.extend(pieces)

    monkeypatch.setattr("builtins.open", lambda *_, **__: File())
    size = append_epoch(tmp_path / "s", form, 0, packets, anchors)
    assert size == sum(map(len, written))
    for data in [*(anchor.body for anchor in anchors), *(packet.data for packet in packets)]:
        assert any(piece is data for piece in written)


def test_what_a_lost_writer_left_half_written_is_cut_off(tmp_path, form, epochs):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    write(whole, form, epochs)
    offset = append_epoch(broken, form, 0, *epochs[0])
    after = append_epoch(broken, form, offset, *epochs[1])
    with open(broken, "r+b") as file:
        file.truncate((offset + after) // 2)
    after = append_epoch(broken, form, offset, *epochs[1])
    append_epoch(broken, form, after, *epochs[2])
    assert broken.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_file_gives_all_that_is_whole(tmp_path, form, epochs, share):
    path = tmp_path / "s"
    size = write(path, form, epochs)
    with open(path, "r+b") as file:
        file.truncate(int(size * share))
    read = list(read_hybrid(str(path)))
    packets = [packet.data for several, _ in epochs for packet in several]
    assert read
    assert [one.packet.data for one in read] == packets[: len(read)]
    assert all(decode_anchor(anchor).shape == (192, 288, 3) for one in read for anchor in one.anchors)


def test_without_anchors_it_is_an_ordinary_video(tmp_path, form, epochs):
    part, path = tmp_path / "s.part", tmp_path / "s.mkv"
    plain = HybridFormat(form.video_size, None, form.frame_rate, form.time_base, video_codec="vp9")
    write(part, plain, [(packets, ()) for packets, _ in epochs])
    finish(part, path, plain)
    assert len(list(read_packets(probe(str(path))))) == 60
    with pytest.raises(HybridError, match="no hybrid stream"):
        list(read_hybrid(str(path)))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_live_stream_is_finished_as_far_as_it_is_whole(tmp_path, form, epochs, share):
    part, path = tmp_path / "s.mkv.part", tmp_path / "s.mkv"
    size = write(part, form, epochs)
    with open(part, "r+b") as file:
        file.truncate(int(size * share))
    before = [one.packet for one in read_hybrid(str(part))]
    finish(part, path, form)
    assert 0 < len(before) < 60
    assert [one.packet for one in read_hybrid(str(path))] == before
    with av.open(str(path)) as container:
        ends = (before[-1].pts + before[-1].duration) * form.time_base
        assert container.duration / av.time_base == pytest.approx(float(ends), abs=0.002)
        container.seek(0)
    assert [file.name for file in tmp_path.iterdir()] == ["s.mkv"]


def test_what_lies_behind_a_damaged_place_is_kept(tmp_path, form, epochs):
    part, path = tmp_path / "s.mkv.part", tmp_path / "s.mkv"
    offset = append_epoch(part, form, 0, *epochs[0])
    write(part, form, epochs)
    data = bytearray(part.read_bytes())
    data[offset + 4 : offset + 400] = bytes(396)
    part.write_bytes(data)
    finish(part, path, form)
    read = [one.packet.data for one in read_hybrid(str(path))]
    packets = [packet.data for several, _ in epochs for packet in several]
    assert read[:20] == packets[:20]
    assert read[-30:] == packets[30:], "from the next cluster on"


def test_finishing_is_deterministic_and_replaces_what_was_there(tmp_path, form, epochs):
    made = []
    for name in ("a.mkv", "b.mkv"):
        path = tmp_path / name
        path.write_bytes(b"old")
        part = tmp_path / f"{name}.part"
        write(part, form, epochs)
        finish(part, path, form)
        made.append(path.read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("data", [b"", b"nothing", b"\x1a\x45\xdf\xa3\x80", b"\x1f\x43\xb6\x75"])
def test_what_holds_no_packet_cannot_be_finished(tmp_path, form, data):
    part, path = tmp_path / "s.mkv.part", tmp_path / "s.mkv"
    part.write_bytes(data)
    with pytest.raises(HybridError, match=r"s\.mkv\.part holds the stream"):
        finish(part, path, form)
    assert part.read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == ["s.mkv.part"]


@contextmanager
def full_disk(size):
    """No file may grow beyond a size, as where the disk is full."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_leaves_the_live_stream_whole(tmp_path, form, epochs):
    part, path = tmp_path / "s.mkv.part", tmp_path / "s.mkv"
    offset = append_epoch(part, form, 0, *epochs[0])
    whole = part.read_bytes()
    with full_disk(offset + 500), pytest.raises(HybridError, match=r"s\.mkv\.part: the epoch at frame 20 cannot be"):
        append_epoch(part, form, offset, *epochs[1])
    assert part.read_bytes() == whole
    with full_disk(offset - 500), pytest.raises(HybridError, match=r"s\.mkv: it cannot be finished"):
        finish(part, path, form)
    assert part.read_bytes() == whole
    assert [file.name for file in tmp_path.iterdir()] == ["s.mkv.part"]
    finish(part, path, form)
    assert len(list(read_hybrid(str(path)))) == 20


def test_an_anchor_of_another_epoch_is_refused(tmp_path, form, epochs):
    with pytest.raises(HybridError, match=r"anchor 20\.0 belongs to no packet"):
        append_epoch(tmp_path / "s", form, 0, epochs[0][0], epochs[1][1][2:])


def test_a_folder_that_is_not_there_is_named(tmp_path, form, epochs):
    with pytest.raises(HybridError, match="absent"):
        append_epoch(tmp_path / "absent" / "s", form, 0, *epochs[0])


def test_other_files_are_refused(tmp_path, plain_video):
    with pytest.raises(HybridError, match=r"plain.mkv: no hybrid stream"):
        list(read_hybrid(str(plain_video)))
    bad = tmp_path / "bad.mkv"
    bad.write_bytes(b"nothing")
    with pytest.raises(MediaError, match=r"bad.mkv"):
        list(read_hybrid(str(bad)))


def test_the_sample_is_untouched_by_packaging(tmp_path):
    info = probe(str(streams.SAMPLE))
    packets = list(read_packets(info))[:40]
    form = HybridFormat((640, 360), (1920, 1080), info.frame_rate, info.time_base, video_codec="vp9")
    append_epoch(tmp_path / "s", form, 0, packets, ())
    assert [one.packet for one in read_hybrid(str(tmp_path / "s"))] == packets
