import av
import numpy as np
import pytest
import streams

from ns_ray.errors import HybridError, MediaError
from ns_ray.hybrid.anchor_image import decode_anchor, encode_anchor
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.hybrid.writer import HybridFormat, append_epoch, finish
from ns_ray.media.packets import read_packets
from ns_ray.media.probe import probe

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
    return HybridFormat((96, 64), (288, 192), info.frame_rate, info.time_base)


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
    plain = HybridFormat(form.video_size, None, form.frame_rate, form.time_base)
    write(part, plain, [(packets, ()) for packets, _ in epochs])
    finish(part, path, plain)
    assert len(list(read_packets(probe(str(path))))) == 60
    with pytest.raises(HybridError, match="no hybrid stream"):
        list(read_hybrid(str(path)))


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
    form = HybridFormat((640, 360), (1920, 1080), info.frame_rate, info.time_base)
    append_epoch(tmp_path / "s", form, 0, packets, ())
    assert [one.packet for one in read_hybrid(str(tmp_path / "s"))] == packets
