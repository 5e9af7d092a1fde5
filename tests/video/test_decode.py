from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise

import av
import header_bits
import numpy as np
import pytest
import streams
import torch
import vp9_streams
from made_streams import info_of, layers, stream_of, superframe
from sources import write_source

from ns_ray.codecs.records import FrameType
from ns_ray.codecs.vp9.codec import show_existing_frame
from ns_ray.errors import MediaError
from ns_ray.picture.colors import FULL, LIMITED, Colors
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import Packet, read_packets
from ns_ray.video.probe import probe


def decode(path, **options):
    info = probe(str(path))
    return VideoDecoder(info, **options).decode(read_packets(info))


def plain(path) -> list[list[np.ndarray]]:
    """A plain decode by PyAV, which knows nothing of hidden frames."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_count = 1
        return [[rows(plane) for plane in frame.planes] for frame in container.decode(video=0)]


def rows(plane) -> np.ndarray:
    samples = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)
    return samples[:, : plane.width]


def same(picture, planes: list[np.ndarray]) -> bool:
    return all(map(np.array_equal, picture.planes, planes))


@pytest.mark.parametrize("error_resilient", ["0", "1"])
def test_shown_frames_are_those_of_a_plain_decode(tmp_path, error_resilient):
    options = streams.REALTIME | {"error-resilient": error_resilient, "auto-alt-ref": "1", "lag-in-frames": "16"}
    path = streams.encode(tmp_path / "v.mkv", size=(130, 98), frames=80, options=options)
    decoded = decode(path)
    hidden = [frame for frame in decoded.frames if not frame.record.shown]
    assert hidden, "the stream was meant to have hidden frames"
    assert not decoded.damaged
    shown = [frame.picture for frame in decoded.frames if frame.record.shown]
    expected = plain(path)
    assert len(shown) == len(expected) == 80
    assert all(map(same, shown, expected))
    assert all(frame.record.type is FrameType.ALTREF and frame.record.refreshed for frame in hidden)


def test_several_hidden_frames_in_a_packet(layered_video):
    decoded = decode(layered_video)
    shown = [frame.picture for frame in decoded.frames if frame.record.shown]
    expected = plain(layered_video)
    assert len(shown) == len(expected) == 90
    assert all(map(same, shown, expected))
    hidden = [frame for frame in decoded.frames if not frame.record.shown]
    assert len(hidden) == 35
    assert [frame.record.name for frame in hidden[:5]] == ["1.0", "1.1", "1.2", "1.3", "8.0"]


def test_a_hidden_frame_is_what_is_shown_again_later(layered_video):
    """Two-pass streams show their hidden frames in the end by reference: the pictures must be equal."""
    decoded = decode(layered_video)
    hidden = [frame.picture.y for frame in decoded.frames if not frame.record.shown]
    again = [frame.picture.y for frame in decoded.frames if frame.record.existing]
    assert len(again) == 35
    assert all(any(np.array_equal(one, other) for other in hidden) for one in again)


def test_the_sample_has_its_hidden_frames():
    decoded = decode(streams.SAMPLE)
    assert [frame.record.name for frame in decoded.frames if not frame.record.shown] == ["12.0", "23.0"]
    assert sum(frame.record.shown for frame in decoded.frames) == 240
    assert decoded.frames[0].picture.y.shape == (360, 640)
    assert decoded.frames[0].picture.u.shape == (180, 320)
    assert decoded.frames[1].pts > decoded.frames[0].pts


def test_threads_change_nothing(plain_video):
    one, two = decode(plain_video), decode(plain_video, threads=2)
    pairs = zip(one.frames, two.frames, strict=True)
    assert all(np.array_equal(a.picture.y, b.picture.y) and a.record == b.record for a, b in pairs)


@pytest.mark.parametrize("size", [(33, 17), (2, 2), (17, 130)])
def test_odd_sizes(tmp_path, size):
    path = streams.encode(tmp_path / "odd.mkv", size=size, frames=6)
    frames = decode(path).frames
    width, height = size
    assert frames[0].picture.u.shape == ((height + 1) // 2, (width + 1) // 2)
    assert all(map(same, [f.picture for f in frames if f.record.shown], plain(path)))


def test_sizes_in_records_add_up_to_the_packets():
    info = probe(str(streams.SAMPLE))
    packets = list(read_packets(info))
    records = [frame.record for frame in VideoDecoder(info).decode(packets).frames]
    for packet in packets:
        sizes = [record.size for record in records if record.video_index == packet.video_index]
        index = 0 if len(sizes) == 1 else len(packet.data) - sum(sizes)
        assert sum(sizes) + index == len(packet.data)
        assert index < 40


def damaged(packet: Packet, data: bytes) -> Packet:
    return Packet(packet.video_index, data, packet.pts, packet.duration, packet.key)


def same_frames(frames, others) -> bool:
    return all(same(one.picture, list(other.picture.planes)) for one, other in zip(frames, others, strict=True))


def test_damage_costs_one_picture_and_the_soundness_of_others(plain_video):
    info = probe(str(plain_video))
    packets = list(read_packets(info))
    packets[10] = damaged(packets[10], b"\x00" * 40)
    decoder = VideoDecoder(info)
    decoded = decoder.decode(packets[:30])
    assert decoder.waiting
    assert [index for index, _ in decoded.damaged] == decoded.lost == [10]
    assert "frame 10.0 is damaged" in decoded.damaged[0][1]
    assert decoded.shown == 29
    assert {f.record.video_index for f in decoded.frames if f.sound} == set(range(10))
    assert {f.record.video_index for f in decoded.frames if not f.sound} == set(range(11, 30))
    rest = decoder.decode(packets[30:])
    assert not decoder.waiting
    assert all(frame.sound for frame in rest.frames)
    whole = VideoDecoder(info).decode(read_packets(info)).frames
    untouched = [frame for frame in whole if frame.record.video_index not in range(10, 30)]
    assert same_frames([f for f in decoded.frames if f.sound] + rest.frames, untouched)


@pytest.mark.parametrize("lost", [0.5, 0.1])
def test_half_a_packet_gives_a_picture_all_the_same(plain_video, lost):
    info = probe(str(plain_video))
    packets = list(read_packets(info))
    packets[10] = damaged(packets[10], packets[10].data[: int(len(packets[10].data) * (1 - lost))])
    decoded = VideoDecoder(info).decode(packets)
    assert decoded.shown == 60
    assert not decoded.lost


def test_soundness_comes_back_with_what_refers_to_nothing_damaged():
    """An intra-only frame that refreshes all slots and sets all probabilities anew is as good as a key frame."""
    packets = stream_of([[frame] for frame in vp9_streams.coded_frames("error-resilient")])
    packets[3] = damaged(packets[3], bytes(20))
    intra_only = header_bits.as_intra_only(packets[0].data)
    index = (intra_only, b"\x88")
    packets[6] = damaged(packets[6], superframe(index))
    decoded = VideoDecoder(info_of(176, 144)).decode(packets)
    sound = {f.record.name: f.sound for f in decoded.frames}
    assert [sound[f"{i}.0"] for i in (2, 4, 5, 6, 7, 11)] == [True, False, False, True, True, True]


def test_decoding_starts_at_an_intra_only_frame():
    frames = vp9_streams.coded_frames("error-resilient")
    made = [[header_bits.as_intra_only(frames[0]), b"\x88"], *([frame] for frame in frames[1:])]
    decoder = VideoDecoder(info_of(176, 144))
    decoded = decoder.decode(stream_of(made))
    assert not decoded.damaged
    assert not decoder.waiting
    assert decoded.shown == len(frames)
    assert all(frame.sound for frame in decoded.frames)
    whole = VideoDecoder(info_of(176, 144)).decode(stream_of([[frame] for frame in frames]))
    shown = [frame for frame in decoded.frames if frame.record.shown]
    assert same_frames(shown, whole.frames)


def test_a_packet_shows_its_last_layer_alone():
    """Two spatial layers a packet, both with show_frame: one picture a packet, and both sizes are decoded."""
    packets = layers()
    decoded = VideoDecoder(info_of(96, 64)).decode(packets)
    assert not decoded.damaged
    assert decoded.shown == len(packets)
    assert [f.picture.y.shape for f in decoded.frames if f.record.shown] == [(128, 192)] * len(packets)
    assert [f.picture.y.shape for f in decoded.frames if f.record.lower_layer] == [(64, 96)] * len(packets)


def test_sizes_change_with_and_without_a_key_frame():
    resized = stream_of([[frame] for frame in vp9_streams.coded_frames("resized")])
    decoded = VideoDecoder(info_of(480, 270)).decode(resized)
    assert not decoded.damaged
    sizes = [frame.picture.y.shape for frame in decoded.frames]
    assert len(set(sizes)) > 1
    assert all((f.record.height, f.record.width) == f.picture.y.shape for f in decoded.frames)


def test_a_size_beyond_the_bound_is_never_decoded(plain_video):
    info = probe(str(plain_video))
    packets = list(read_packets(info))
    huge = bytearray(packets[30].data)
    at = huge.index(b"\x49\x83\x42") + 3  # the sizes follow, 16 bits each, after 4 bits of colour
    huge[at] |= 0x0F
    huge[at + 1 : at + 4] = b"\xff\xff\xff"
    packets[30] = damaged(packets[30], bytes(huge))
    decoder = VideoDecoder(info, max_samples=96 * 64)
    decoded = decoder.decode(packets)
    assert "larger than the limit of 6144" in dict(decoded.damaged)[30]
    assert decoded.shown == 59
    assert all(frame.picture.y.size <= 6144 for frame in decoded.frames)


@pytest.mark.parametrize(
    ("tags", "colors"),
    [
        ((1, 1), (LIMITED, 1)),
        ((2, 1), (FULL, 1)),
        ((1, 5), (LIMITED, 5)),
        ((1, 6), (LIMITED, 6)),
        ((2, 7), (FULL, 7)),
        ((1, 9), (LIMITED, 9)),
        ((1, 2), (LIMITED, 1)),
    ],
)
def test_the_bitstream_tells_the_colours(tmp_path, tags, colors):
    path = write_source(tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=3, tags=(*tags, 2, 2))
    frames = decode(path).frames
    assert {(frame.colors.range, frame.colors.matrix) for frame in frames} == {colors}


def test_what_the_bitstream_leaves_open_the_container_tells(tmp_path):
    path = write_source(tmp_path / "v.mkv", codec="libvpx-vp9", size=(64, 48), frames=3, tags=(1, 2, 2, 2))
    info = replace(probe(str(path)), colors=Colors(FULL, 9, 9, 14))
    frames = VideoDecoder(info).decode(read_packets(info)).frames
    assert {frame.colors for frame in frames} == {Colors(LIMITED, 9, 9, 14)}


def test_colours_that_cannot_be_converted_are_refused(plain_video):
    info = replace(probe(str(plain_video)), colors=Colors(LIMITED, 8, 1, 1))
    with pytest.raises(MediaError, match=r"plain.mkv: its colour matrix, YCgCo"):
        VideoDecoder(info)


def test_a_stream_joined_in_the_middle_waits_for_its_key_frame(plain_video):
    info = probe(str(plain_video))
    decoder = VideoDecoder(info)
    packets = list(read_packets(info, start=5))
    early = decoder.decode(packets[:25])
    assert decoder.waiting
    assert not early.frames
    assert [index for index, _ in early.damaged] == early.lost == list(range(5, 30))
    assert "no key frame came before it" in early.damaged[0][1]
    late = decoder.decode(packets[25:])
    assert {frame.record.video_index for frame in late.frames} == set(range(30, 60))
    assert not late.damaged


def test_so_much_damage_that_the_decoder_takes_no_more(plain_video):
    """FFmpeg's decoders hold on to what they refuse; a new one then goes on at the next key frame."""
    info = probe(str(plain_video))
    packets = list(read_packets(info))
    header = packets[1].data[:16]
    nested = superframe([superframe([header, header])])
    decoder = VideoDecoder(info)
    decoder.decode(packets[:1] + [damaged(packets[1], nested)] * 100)
    assert decoder.decode(packets[30:]).shown == 30


def test_garbage_never_gets_through(plain_video):
    info = probe(str(plain_video))
    rng = np.random.default_rng(0)
    packets = list(read_packets(info))
    for _ in range(40):
        packet = packets[int(rng.integers(len(packets)))]
        data = bytearray(packet.data)
        for position in rng.integers(0, len(data), 4):
            data[position] = rng.integers(256)
        broken = Packet(packet.video_index, bytes(data), packet.pts, packet.duration, packet.key)
        decoded = VideoDecoder(info).decode([packets[0], broken, packets[30]])
        assert decoded.frames[0].record.video_index == 0
        assert decoded.frames[-1].record.video_index == 30


@pytest.mark.parametrize(
    ("slot", "profile", "data"),
    [(0, 0, b"\x88"), (5, 0, b"\x8d"), (7, 2, b"\x9f"), (2, 1, b"\xaa"), (1, 3, b"\xb4\x80")],
)
def test_show_existing_packets_have_their_profiles_layout(slot, profile, data):
    assert show_existing_frame(slot, profile) == data


def test_repeating_goes_on_in_time_and_number(plain_video):
    info = probe(str(plain_video))
    packets = list(islice(read_packets(info, loop=True), 150))
    assert [packet.video_index for packet in packets] == list(range(150))
    assert packets[60].data == packets[0].data
    times = [packet.pts for packet in packets]
    assert all(0 < b - a <= 2 * packets[0].duration for a, b in pairwise(times))
    assert not VideoDecoder(info).decode(packets).damaged
    assert list(islice(read_packets(info, start=70, loop=True), 5)) == packets[70:75]


def test_probe_tells_what_the_video_is(layered_video):
    info = probe(str(layered_video))
    assert (info.codec, info.width, info.height, info.frame_rate) == ("vp9", 178, 100, Fraction(60))


def test_other_codecs_and_formats_are_refused(tmp_path):
    path = tmp_path / "mpeg4.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height = 64, 48
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"mpeg4.mp4: its codec is mpeg4.*encode it with libvpx-vp9"):
        VideoDecoder(probe(str(path)))


@pytest.mark.parametrize("content", [b"", b"no video at all\n" * 50])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "bad.webm"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"bad.webm: it cannot be opened"):
        probe(str(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MediaError, match=r"absent\.webm"):
        probe(str(tmp_path / "absent.webm"))


def test_a_truncated_file_gives_what_is_whole_first(tmp_path):
    path = tmp_path / "cut.webm"
    path.write_bytes(streams.SAMPLE.read_bytes()[:300_000])
    packets = []
    reader = read_packets(probe(str(path)), loop=True)
    with pytest.raises(MediaError, match=r"cut.webm: it (ends after|cannot be read beyond) frame"):
        while True:
            packets.append(next(reader))
    whole = list(read_packets(probe(str(streams.SAMPLE))))
    assert 50 < len(packets) < 240
    assert packets == whole[: len(packets)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="NVDEC may be there")
def test_without_a_gpu_nvdec_is_refused(plain_video):
    with pytest.raises(MediaError, match=r"device cuda .* use device cpu"):
        VideoDecoder(probe(str(plain_video)), device="cuda")


def test_only_wanted_frames_are_given_out(layered_video):
    info = probe(str(layered_video))
    packets = list(read_packets(info))
    whole = {f.record.name: f for f in VideoDecoder(info).decode(packets).frames}
    wanted = {(1, 2), (8, 0), (30, 0), (50, 0)}
    decoded = VideoDecoder(info).decode(packets, wanted)
    assert {(f.record.video_index, f.record.super_index) for f in decoded.frames} == wanted
    assert any(not f.record.shown for f in decoded.frames)
    for frame in decoded.frames:
        other = whole[frame.record.name]
        assert frame.record == other.record
        assert same(frame.picture, list(other.picture.planes))
    assert (decoded.shown, decoded.hidden) == (90, 35)
    assert not VideoDecoder(info).decode(packets, ()).frames
