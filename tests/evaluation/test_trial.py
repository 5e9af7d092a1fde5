"""Methods side by side: against each other, and against what they are made of."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import fmean

import h264_streams
import numpy as np
import pytest

from ns_ray.errors import MediaError
from ns_ray.evaluation.method import PER_FRAME, ImageCodec, Method
from ns_ray.evaluation.reencode import Reencode, Reencoder
from ns_ray.evaluation.tally import Tally
from ns_ray.evaluation.trial import Trial, records_of
from ns_ray.metrics.psnr import plane_errors
from ns_ray.picture.convert import from_rgb
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.encode import published_kbps
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

LOSSLESS = Reencode("libvpx-vp9", {"lossless": "1", "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"})
EVERY = frozenset((i, 0) for i in range(8))
FIRST = frozenset({(0, 0)})


def run(clip, engine, *methods, originals=None, **options):
    info, whole = clip
    return list(Trial(info, engine, methods, **options).run(whole if originals is None else originals))


def errors(frames, method):
    return [frame.methods[method].errors for frame in frames]


def test_per_frame_is_what_the_engine_makes_of_every_frame(clip, engine):
    info, originals = clip
    frames = run(clip, engine, PER_FRAME)
    decoder = VideoDecoder(info)
    for shown, packet, original in zip(frames, read_packets(info), originals, strict=True):
        picture = from_rgb(engine.infer(decoder.decode([packet]).frames[-1].picture.planes))
        squares = [
            np.square(a.astype(float) - b.astype(float)) for a, b in zip(picture.planes, original.planes, strict=True)
        ]
        seen = shown.methods[0].errors
        assert seen.psnr_y == pytest.approx(10 * np.log10(255**2 / squares[0].mean()))
        assert seen.psnr == pytest.approx(10 * np.log10(255**2 / np.concatenate([s.ravel() for s in squares]).mean()))
        assert shown.upscaled["bicubic"].psnr > shown.upscaled["bilinear"].psnr


def test_what_is_encoded_without_loss_is_seen_as_it_was(clip, engine):
    frames = run(clip, engine, PER_FRAME, Method(reencode=LOSSLESS), Method(EVERY), Method(EVERY, reencode=LOSSLESS))
    for shown in frames:
        assert len({seen.errors for seen in shown.methods}) == 1
        assert [seen.bytes > 0 for seen in shown.methods] == [False, True, False, True]


def test_the_published_reencode_costs_quality_by_its_bitrate(clip, engine):
    rates = 40, 4000
    frames = run(clip, engine, PER_FRAME, *(Method(reencode=Reencode.published(kbps)) for kbps in rates))
    none, low, high = (fmean(one.psnr for one in errors(frames, i)) for i in range(3))
    assert low < high < none
    assert sum(f.methods[1].bytes for f in frames) < sum(f.methods[2].bytes for f in frames)
    assert [published_kbps(*size) for size in ((3840, 2160), (1920, 1080), (1280, 720))] == [35500, 6750, 3944]


def test_images_cost_quality_and_bytes_where_the_anchors_are(clip, engine):
    codecs = ImageCodec("jpeg", 75), ImageCodec("j2k", 95), ImageCodec("jpeg-residual", 50), ImageCodec("av1", 20)
    frames = run(clip, engine, Method(FIRST), *(Method(FIRST, image=codec) for codec in codecs))
    assert {seen.bytes for shown in frames[1:] for seen in shown.methods} == {0}
    assert frames[0].methods[0].bytes == 0 < frames[0].methods[1].bytes
    assert frames[0].methods[2].bytes == pytest.approx(1.2 * 192 * 144 / 8, rel=0.05)
    assert len({seen.errors for seen in frames[0].methods}) == len({seen.bytes for seen in frames[0].methods}) == 5


def test_modes_and_anchors_tell(clip, engine):
    frames = run(clip, engine, Method(FIRST, "plain"), Method(FIRST, "best"), Method(frozenset(), "plain"), PER_FRAME)
    plain, best, none, full = (errors(frames, i) for i in range(4))
    assert plain[0] == best[0] == full[0] != none[0]
    assert plain[-1] != best[-1]
    assert full[-1] not in (plain[-1], best[-1])


def test_figures_do_not_depend_on_threads(clip, engine):
    info, originals = clip
    methods = [Method(reencode=Reencode.published(300)), Method(FIRST, "best", ImageCodec("jpeg", 90)), PER_FRAME]
    with ThreadPoolExecutor(3) as pool:
        pooled = list(Trial(info, engine, methods).run(originals, pool))
    alone = run(clip, engine, *methods)
    assert [[seen.errors for seen in f.methods] for f in pooled] == [[s.errors for s in f.methods] for f in alone]


@pytest.mark.parametrize(("frames", "originals", "expected"), [(3, 8, 3), (None, 5, 5), (20, 8, 8)])
def test_it_ends_with_what_ends_first(clip, engine, frames, originals, expected):
    shown = run(clip, engine, Method(FIRST), originals=clip[1][:originals], frames=frames)
    assert [frame.packet.video_index for frame in shown] == list(range(expected))


def test_an_anchor_that_has_no_picture_is_named(clip, engine):
    with pytest.raises(MediaError, match=r"frame 2\.1 is an anchor, but has no picture"):
        run(clip, engine, Method(frozenset({(2, 1)})))


def test_a_reencode_that_holds_pictures_back_is_refused(clip):
    held = Reencode("libvpx-vp9", {"deadline": "good", "lag-in-frames": "16"})
    reencoder = Reencoder((192, 144), clip[0].frame_rate, held)
    with pytest.raises(MediaError, match="frame 0 came out of its re-encode as 0 pictures"):
        reencoder.through(clip[1][0])


def test_frames_come_as_they_are_shown_whatever_the_order_of_their_packets(clip, engine, tmp_path):
    """What is encoded anew, too: the same pictures in that order take as many bytes."""
    info = probe(h264_streams.write(tmp_path / "lr.mkv", 8, (64, 48)))
    shown = run((info, clip[1]), engine, PER_FRAME, Method(reencode=LOSSLESS))
    assert [frame.packet.pts for frame in shown] == sorted(packet.pts for packet in read_packets(info))
    assert [frame.packet.video_index for frame in shown] != list(range(8))
    assert [frame.original.y is one.y for frame, one in zip(shown, clip[1], strict=True)] == [True] * 8
    reencoder = Reencoder((192, 144), info.frame_rate, LOSSLESS)
    expected = [reencoder.through(frame.methods[0].picture)[1] for frame in shown]
    reencoder.close()
    assert [frame.methods[1].bytes for frame in shown] == expected


def test_av1_of_a_live_preset_gives_each_picture_at_once(clip):
    reencoder = Reencoder((192, 144), clip[0].frame_rate, Reencode.av1_live(2000), threads=1)
    for original in clip[1]:
        seen, size = reencoder.through(original)
        assert 0 < size < original.y.size
        assert 25 < plane_errors(seen.planes, original.planes).psnr_y < 100
    reencoder.close()


def test_records_are_read_without_decoding(clip):
    assert [record.name for record in records_of(clip[0], 3)] == ["0.0", "1.0", "2.0"]


def test_what_is_sent_adds_up(clip, engine):
    info, _ = clip
    image, again = Method(FIRST, image=ImageCodec("jpeg", 90)), Method(reencode=Reencode.published(300))
    methods = {"image": image, "again": again, "none": PER_FRAME}
    tally = Tally(("bilinear", "bicubic"), methods)
    frames = run(clip, engine, *methods.values())
    for frame in frames:
        tally.add(frame)
    seconds = 8 / 60
    video = sum(len(packet.data) for packet in read_packets(info)) * 8 / 2**20 / seconds
    images = frames[0].methods[0].bytes * 8 / 2**20 / seconds
    size = tally.size("image", 60)
    assert [size[key] for key in ("video", "images", "all")] == pytest.approx([video, images, video + images], abs=1e-3)
    assert tally.size("again", 60)["images"] == 0 < tally.size("again", 60)["video"] == tally.size("again", 60)["all"]
    assert tally.size("none", 60) is None
    gain = tally.series["again"].over(tally.series["bilinear"])
    each = [frame.methods[1].errors.psnr - frame.upscaled["bilinear"].psnr for frame in frames]
    assert gain["psnr"] == pytest.approx(fmean(each), abs=2e-4)
    assert tally.gops == [0] * 8
    tally.add(replace(frames[0], packet=replace(frames[0].packet, key=True)))
    assert tally.gops[-1] == 1
