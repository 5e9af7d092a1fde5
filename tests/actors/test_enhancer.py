"""The enhancer, called as it is: frames of several streams in one call."""

import pickle
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from jpeg_anchors import encode_anchor
from torch import Tensor

from ns_ray.actors import enhancer
from ns_ray.actors.encoder import EncoderActor
from ns_ray.actors.enhancer import Enhancer
from ns_ray.actors.messages import Anchors, Ask, Frame, Stream
from ns_ray.actors.metrics import Sums
from ns_ray.config.actors import EncoderPool, EnhancerPool
from ns_ray.errors import ModelError
from ns_ray.hybrid.anchor_image import AnchorImage, decode_anchor, encode_jpeg
from ns_ray.hybrid.anchor_picture import anchor_picture
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.coding import CODECS, PUBLISHED, Coding
from ns_ray.picture.convert import from_rgb
from ns_ray.picture.yuv import resize
from ns_ray.sr.models import build
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.weights import load_weights, save_weights
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

MODEL = "EDSR_B1_F4_S3"


@pytest.fixture
def streams(plain_video: Path, tmp_path: Path) -> list[Stream]:
    """Three streams of one video with weights of their own."""
    made = []
    for number in range(3):
        weights = tmp_path / f"weights{number}.pt"
        save_weights(build(MODEL, number + 1).state_dict(), weights)
        made.append(Stream(f"stream{number}", probe(str(plain_video)), MODEL, str(weights)))
    return made


@pytest.fixture
def frames(streams: list[Stream]) -> list[Frame]:
    decoded = VideoDecoder(streams[0].info).decode(islice(read_packets(streams[0].info), 5)).frames
    return [Frame(frame.record, frame.pts, frame.picture.packed()) for frame in decoded]


def made(**settings: int) -> Enhancer:
    return Enhancer(EnhancerPool(engine="torch", **settings), "cpu", Sums())


@pytest.fixture
def actor() -> Enhancer:
    return made()


def enhance(
    actor: Enhancer, work: Iterable[tuple[Stream, Sequence[Frame]]], deadline: float | None = None
) -> list[Anchors]:
    """One call for these streams, each with its frames."""
    several = list(work)
    asks = [Ask(stream, 0, place, PUBLISHED, deadline) for place, (stream, _) in enumerate(several)]
    return actor.enhance(asks, [frames for _, frames in several])


def picture(stream: Stream, frame: Frame, form: str = "rgb"):
    """A picture as a plain engine makes it."""
    rows, columns = frame.picture.y.shape
    engine = TorchEngine(MODEL, columns, rows)
    engine.load(load_weights(MODEL, Path(stream.weights)))
    return engine.infer(frame.picture.planes, form)


def alone(stream: Stream, frames: Sequence[Frame]) -> list[AnchorImage]:
    """The anchors as they are made one by one."""
    return [
        encode_anchor(picture(stream, frame), frame.record.video_index, frame.record.super_index, 90)
        for frame in frames
    ]


def resized(frames: Sequence[Frame], size: tuple[int, int]) -> list[Frame]:
    return [Frame(frame.record, frame.pts, resize(frame.picture, size)) for frame in frames]


def names(anchors: Anchors) -> list[str]:
    return [image.name for image in anchors.images]


def test_each_stream_gets_its_own_anchors(actor, streams: list[Stream], frames: list[Frame]) -> None:
    work = [(streams[0], frames[:3]), (streams[1], frames[2:0:-1]), (streams[2], [])]
    answers = enhance(actor, work)
    for (stream, its_frames), anchors in zip(work, answers, strict=True):
        assert list(anchors.images) == alone(stream, its_frames)
        assert [one.record for one in anchors.reply.made] == [frame.record for frame in its_frames]
        assert [one.bytes for one in anchors.reply.made] == [len(image.data) for image in anchors.images]
        assert not anchors.error
    assert answers[0].images[0] != answers[1].images[1], "their weights differ"
    assert not answers[2].reply.spans


def test_asks_say_which_part_and_place_their_frames_are_at(actor, streams: list[Stream], frames: list[Frame]) -> None:
    asks = [
        Ask(streams[0], 1, 0, PUBLISHED),
        Ask(streams[0], 0, 1, PUBLISHED),
        Ask(streams[1], 1, 0, Coding("jpeg", 30)),
    ]
    one, two, three = actor.enhance(asks, [[], frames[:1]], [frames[1:2]])
    assert [names(anchors) for anchors in (one, two, three)] == [["1.0"], ["0.0"], ["1.0"]]
    assert len(three.images[0]) < len(one.images[0]), "quality is each ask's own"


def order_of(actor: Enhancer, monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[int, int], Stream, int]]:
    """Frames as they are begun: size, stream, position."""
    begun = []
    submit = enhancer._submit

    def noted(hosted, task, positions):
        begun.extend(((hosted.engine.width, hosted.engine.height), task.ask.stream, at) for at in positions)
        submit(hosted, task, positions)

    monkeypatch.setattr(enhancer, "_submit", noted)
    return begun


def test_little_is_switched(actor, streams: list[Stream], frames: list[Frame], monkeypatch) -> None:
    enhance(actor, [(streams[1], frames[:1])])
    begun = order_of(actor, monkeypatch)
    again = replace(streams[0], name="again")
    small = resized(frames, (48, 32))
    work = [(streams[0], [frames[0], small[1], frames[2]]), (streams[1], frames[:1]), (again, frames[:1])]
    answers = enhance(actor, work)
    large, little = (96, 64), (48, 32)
    assert begun == [
        (large, streams[1], 0),  # whose weights are there
        (large, streams[0], 0),
        (large, streams[0], 2),
        (large, again, 0),
        (little, streams[0], 1),
    ]
    assert [anchors.reply.switch_seconds is None for anchors in answers] == [False, True, True]
    assert names(answers[0]) == [frame.record.name for frame in frames[:3]], "in the order given"
    assert list(answers[0].images) == alone(streams[0], work[0][1])


def test_no_frame_is_begun_past_its_own_deadline(actor, streams: list[Stream], frames: list[Frame]) -> None:
    for stream in streams:
        actor.prepare(stream)
    asks = [Ask(streams[0], 0, 0, PUBLISHED, time.time() - 1), Ask(streams[1], 0, 0, PUBLISHED, time.time() + 60)]
    late, other = actor.enhance(asks, [frames])
    assert not late.images
    assert not late.reply.made
    assert len(other.images) == len(frames)
    (drawn, _, replies) = actor.enlarge(asks, "rgb", [frames])
    assert not drawn
    assert [len(reply.made) for reply in replies] == [0, len(frames)]


def test_an_epoch_late_in_its_midst_keeps_the_most_valuable(actor, streams, frames, monkeypatch) -> None:
    actor.prepare(streams[0])
    clock = iter(range(100))
    monkeypatch.setattr(enhancer.time, "time", lambda: float(next(clock)))
    (anchors,) = enhance(actor, [(streams[0], frames[::-1])], deadline=4.0)
    assert 0 < len(anchors.images) < len(frames)
    assert names(anchors) == [frame.record.name for frame in frames[::-1]][: len(anchors.images)]


def test_what_one_stream_cannot_use_is_its_own_trouble(actor, streams, frames, tmp_path) -> None:
    (tmp_path / "text.pt").write_text("no weights")
    other = tmp_path / "other.pt"
    save_weights(build("EDSR_B1_F8_S3").state_dict(), other)
    bad = [
        (replace(streams[1], weights=str(tmp_path / "absent.pt")), "no weights for EDSR_B1_F4_S3 at .*absent.pt"),
        (replace(streams[1], weights=str(tmp_path / "text.pt")), "text.pt is no weights file"),
        (replace(streams[1], weights=str(other)), "other.pt is not for EDSR_B1_F4_S3"),
        (replace(streams[1], model="nonsense"), "nonsense"),
    ]
    work = [(streams[0], frames[:1]), *((stream, frames[:1]) for stream, _ in bad), (streams[2], frames[:1])]
    for _ in range(2):
        first, *failed, last = enhance(actor, work)
        assert list(first.images) == alone(streams[0], frames[:1])
        assert list(last.images) == alone(streams[2], frames[:1])
        for anchors, (_, why) in zip(failed, bad, strict=True):
            assert not anchors.images
            with pytest.raises(ModelError, match=why):
                raise ModelError(anchors.error)
    *_, replies = actor.enlarge([Ask(bad[0][0], 0, 0), Ask(streams[0], 0, 0)], "rgb", [frames[:1]])
    assert "absent.pt" in replies[0].error
    assert len(replies[1].made) == 1
    with pytest.raises(ModelError, match=r"absent\.pt"):
        actor.prepare(bad[0][0])


def test_a_compressor_that_fails_is_heard_of(actor, streams, frames, monkeypatch) -> None:
    def broken(pixels: Tensor, coding: Coding) -> bytes:
        if coding.quality == 1:
            raise ModelError("no encoder here")
        return encode_jpeg(pixels.numpy(), coding.quality)

    monkeypatch.setattr(enhancer, "encoders_on", lambda device: [broken])
    actor = made()
    one, other = actor.enhance(
        [Ask(streams[0], 0, 0, Coding("jpeg", 1)), Ask(streams[1], 0, 0, PUBLISHED)], [frames[:2]]
    )
    assert (one.images, one.error) == ((), "no encoder here")
    assert len(other.images) == 2


def test_calls_overlap_and_yet_keep_their_own_weights(actor, streams: list[Stream], frames: list[Frame]) -> None:
    pairs = [(streams[0], streams[1]), (streams[1], streams[2]), (streams[2], streams[0])]
    expected = {stream.name: alone(stream, frames) for stream in streams}
    with ThreadPoolExecutor(3) as threads:
        calls = [(pair, threads.submit(enhance, actor, [(one, frames) for one in pair])) for pair in pairs * 3]
        answers = [
            (stream, anchors) for pair, call in calls for stream, anchors in zip(pair, call.result(), strict=True)
        ]
    assert all(list(anchors.images) == expected[stream.name] for stream, anchors in answers)
    busy = sorted((span.start, span.end) for _, anchors in answers for span in anchors.reply.spans[:1])
    assert all(one[1] <= next_one[0] + 1e-6 for one, next_one in pairwise(busy)), "time counts once"


def test_what_the_work_took(actor, streams: list[Stream], frames: list[Frame]) -> None:
    before, began = time.process_time(), time.time()
    answers = enhance(actor, [(stream, frames) for stream in streams])
    *_, replies = actor.enlarge([Ask(stream, 0, 0) for stream in streams], "yuv", [frames])
    spent = time.process_time() - before
    told = [anchors.reply.cpu_seconds for anchors in answers] + [reply.cpu_seconds for reply in replies]
    assert all(seconds > 0 for seconds in told)
    assert sum(told) <= spent
    for anchors in answers:
        inference, encode = anchors.reply.spans
        assert (inference.stage, encode.stage) == ("inference", "encode")
        assert began <= inference.start <= encode.start < encode.end == inference.end <= time.time()


@pytest.mark.parametrize("form", ["rgb", "yuv"])
def test_pictures_of_several_sizes(actor, streams: list[Stream], frames: list[Frame], form: str) -> None:
    mixed = [frames[0], *resized(frames[1:2], (33, 17)), frames[2]]
    asks = [Ask(streams[0], 0, 0), Ask(streams[1], 0, 1)]
    one, other, replies = actor.enlarge(asks, form, [mixed, frames[:1]])
    assert [frame.record for frame in one] == [frame.record for frame in mixed]
    assert [made.record for made in replies[0].made] == [frame.record for frame in mixed]
    assert [(frame.picture.y if form == "yuv" else frame.picture).shape[0] for frame in one] == [192, 51, 192]
    for stream, drawn, given in ((streams[0], one, mixed), (streams[1], other, frames[:1])):
        for ours, frame in zip(drawn, given, strict=True):
            planes = ours.picture.planes if form == "yuv" else [ours.picture]
            expected = picture(stream, frame, form) if form == "yuv" else [picture(stream, frame)]
            assert all(map(np.array_equal, planes, expected))
    assert [span.stage for span in replies[0].spans] == ["inference"]


def test_pictures_wait_for_images_under_way(actor, streams: list[Stream], frames: list[Frame]) -> None:
    expected = alone(streams[0], frames)
    with ThreadPoolExecutor(2) as threads:
        images = [threads.submit(enhance, actor, [(streams[0], frames)]) for _ in range(4)]
        pictures = [threads.submit(actor.enlarge, [Ask(streams[1], 0, 0)], "rgb", [frames]) for _ in range(4)]
    assert all(list(call.result()[0].images) == expected for call in images)
    first = pictures[0].result()[0]
    assert all(
        np.array_equal(frame.picture, same.picture)
        for call in pictures
        for frame, same in zip(call.result()[0], first, strict=True)
    )


def test_weights_not_used_for_longest_are_read_again(monkeypatch, streams, frames) -> None:
    actor = made(weights=2)
    read = []
    load = enhancer.KeptWeights.read.__globals__["load_weights"]

    def noted(model, path):
        read.append(path.name)
        return load(model, path)

    monkeypatch.setitem(enhancer.KeptWeights.read.__globals__, "load_weights", noted)
    for number in (0, 1, 0, 2, 0, 1):
        (anchors,) = enhance(actor, [(streams[number], frames[:1])])
        assert list(anchors.images) == alone(streams[number], frames[:1])
        assert len(actor._weights) <= 2
    assert read == ["weights0.pt", "weights1.pt", "weights2.pt", "weights1.pt"]
    several = enhance(actor, [(stream, frames[:1]) for stream in streams])
    assert [list(anchors.images) for anchors in several] == [alone(stream, frames[:1]) for stream in streams]
    assert len(actor._weights) == 2


def test_an_engine_in_a_hurry_is_made_beside_the_work(actor, streams, frames, monkeypatch) -> None:
    going_on, make = Event(), actor._make
    actor.prepare(streams[0])

    def slowly(key):
        going_on.wait(20)
        return make(key)

    monkeypatch.setattr(actor, "_make", slowly)
    mixed = [frames[0], *resized(frames[1:2], (48, 32)), frames[2]]
    for _ in range(2):
        (anchors,) = enhance(actor, [(streams[0], mixed)], time.time() + 60)
        assert names(anchors) == [frames[0].record.name, frames[2].record.name]
    (making,) = actor._making.values()
    going_on.set()
    making.result(20)
    (anchors,) = enhance(actor, [(streams[0], mixed)], time.time() + 60)
    assert names(anchors) == [frame.record.name for frame in mixed]


def test_sizes_that_come_and_go_leave_nothing_behind(monkeypatch, streams, frames) -> None:
    actor = made(engines=2)
    monkeypatch.setattr(enhancer, "_REMEMBERED", 3)
    for width in range(16, 32, 2):
        enhance(actor, [(streams[0], resized(frames[:1], (width, 16)))], time.time() + 60)
        assert len(actor._making) <= 2
    for making in list(actor._making.values()):
        making.result(20)
    enhance(actor, [(streams[0], resized(frames[:1], (62, 16)))], time.time() + 60)
    assert (62 in {key[1] for key in actor._making}, len(actor._making)) == (True, 2)
    monkeypatch.setattr(enhancer, "MAX_HR_SAMPLES", 1)
    for width in range(32, 48, 2):
        enhance(actor, [(streams[0], resized(frames[:1], (width, 16)))])
    assert len(actor._refused) == 3


def test_the_engine_not_used_for_longest_goes(monkeypatch, streams: list[Stream], frames: list[Frame]) -> None:
    actor = made(engines=2)
    for size in [(96, 64), (48, 32), (96, 64), (32, 32)]:
        (anchors,) = enhance(actor, [(streams[0], resized(frames[:1], size))])
        assert decode_anchor(anchors.images[0]).shape == (3 * size[1], 3 * size[0], 3)
    assert [key[1:] for key in actor._hosted] == [(96, 64), (32, 32)]


def test_pictures_too_large_for_players_are_left_out(actor, streams, frames, monkeypatch) -> None:
    monkeypatch.setattr(enhancer, "MAX_HR_SAMPLES", 96 * 64 * 9)
    (anchors,) = enhance(actor, [(streams[0], [frames[0], *resized(frames[1:2], (98, 64))])])
    assert names(anchors) == [frames[0].record.name]
    assert not anchors.error
    assert len(actor._hosted) == 1


def test_what_no_engine_can_do_is_said_at_the_start_and_left_out_later(actor, streams, frames, monkeypatch) -> None:
    def refuse(*_):
        raise ModelError("no")

    actor.prepare(streams[0])
    monkeypatch.setattr(enhancer, "calibrate", refuse)
    mixed = [frames[0], *resized(frames[1:2], (48, 32))]
    for _ in range(2):
        (anchors,) = enhance(actor, [(streams[0], mixed)])
        assert len(anchors.images) == 1
    with pytest.raises(ModelError):
        actor.prepare(replace(streams[0], info=replace(streams[0].info, width=48)))


def test_images_are_pickled_out_of_band_and_stay_where_they_are(actor, streams, frames) -> None:
    answers = enhance(actor, [(stream, frames) for stream in streams])
    buffers: list[pickle.PickleBuffer] = []
    in_band = pickle.dumps(answers, 5, buffer_callback=buffers.append)
    images = [image for anchors in answers for image in anchors.images]
    assert len(buffers) == len(images)
    assert len(in_band) < 0.25 * sum(map(len, images))
    assert not any(image.body[-2000:] in in_band for image in images)
    stored = [bytearray(buffer.raw()) for buffer in buffers]
    again = [image for anchors in pickle.loads(in_band, buffers=stored) for image in anchors.images]
    assert again == images
    for image, buffer, kept, there in zip(images, buffers, stored, again, strict=True):
        assert np.shares_memory(np.frombuffer(image.body, np.uint8), np.frombuffer(buffer.raw(), np.uint8))
        assert np.shares_memory(np.frombuffer(there.body, np.uint8), np.frombuffer(kept, np.uint8))
    assert [image for anchors in pickle.loads(pickle.dumps(answers)) for image in anchors.images] == images


@pytest.mark.parametrize("limit", [0, 3000])
@pytest.mark.parametrize("codec", CODECS)
def test_anchors_of_every_codec_by_the_enhancer_or_an_encoder(actor, streams, frames, codec, limit) -> None:
    """Compressed where they are made, or elsewhere from what comes there, they are the same, and players open them."""
    odd = [replace(one, record=replace(one.record, width=33, height=17)) for one in resized(frames[2:3], (33, 17))]
    given = [*frames[:2], *odd]
    ask = Ask(streams[0], 0, 0, Coding(codec, 95, limit))
    (anchors,) = actor.enhance([ask], [given])
    form = "rgb" if codec == "jpeg" else "stacked"
    drawn, _ = actor.enlarge([ask], form, [given])
    made = EncoderActor([], EncoderPool()).compress(drawn, ask.coding)
    assert made.images == anchors.images
    assert [one.bytes for one in made.reply.made] == [len(image) for image in anchors.images]
    for image, frame in zip(anchors.images, given, strict=True):
        assert (image.codec, image.name) == (codec, frame.record.name)
        rgb = picture(streams[0], frame)
        seen = psnr(anchor_picture(image, frame.picture, 3).y, from_rgb(rgb).y)
        assert seen > 35 or (limit and len(image) < 1.1 * limit)
