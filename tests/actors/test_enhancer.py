"""The enhancer with a compressor beside it on its own device, as on a GPU: the same anchors as the CPU makes."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from threading import Event

import pytest
import ray
from torch import Tensor

from actors import enhancer
from actors.messages import Frame, Stream
from ns_ray.config import EnhancerPool
from ns_ray.errors import ModelError
from ns_ray.hybrid.anchor_image import AnchorImage, decode_anchor, encode_anchor
from ns_ray.picture.yuv import resize
from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

MODEL = "EDSR_B1_F4_S3"


def _jpeg(pixels: Tensor, quality: int) -> bytes:
    """A JPEG without the marker that `encode_anchor` puts after the JFIF header."""
    tagged = encode_anchor(pixels.numpy(), 0, 0, quality).data
    start = tagged.index(b"\xff\xe9")
    return tagged[:start] + tagged[start + 2 + int.from_bytes(tagged[start + 2 : start + 4], "big") :]


@pytest.fixture
def stream(plain_video: Path, tmp_path: Path) -> Stream:
    weights = tmp_path / "weights.pt"
    save_weights(build(MODEL, 1).state_dict(), weights)
    return Stream("stream0", probe(str(plain_video)), MODEL, str(weights))


@pytest.fixture
def frames(stream: Stream) -> list[Frame]:
    decoded = VideoDecoder(stream.info).decode(islice(read_packets(stream.info), 5)).frames
    return [Frame(frame.record, frame.pts, frame.picture) for frame in decoded]


@pytest.fixture
def actors(monkeypatch: pytest.MonkeyPatch) -> tuple[enhancer.EnhancerActor, enhancer.EnhancerActor]:
    """One that compresses on the CPU, and one on its device."""
    monkeypatch.setattr(ray, "get_gpu_ids", list)
    plain = enhancer.EnhancerActor([], EnhancerPool(engine="torch"))
    monkeypatch.setattr(enhancer, "_gpu_compressor", lambda device: _jpeg)
    return plain, enhancer.EnhancerActor([], EnhancerPool(engine="torch"))


def test_the_same_anchors_either_way(actors, stream: Stream, frames: list[Frame]) -> None:
    (expected, one), (images, other) = (actor.enhance(stream, frames, "jpeg", 90, None) for actor in actors)
    assert images == expected
    assert [image.name for image in images] == [frame.record.name for frame in frames]
    assert other.made == one.made
    assert [span.stage for span in other.spans] == ["inference", "encode"]
    inference, encode = other.spans
    assert inference.start <= encode.start < encode.end == inference.end


def test_no_frame_is_begun_past_the_deadline(actors, stream: Stream, frames: list[Frame]) -> None:
    images, reply = actors[1].enhance(stream, frames, "jpeg", 90, time.time() - 1)
    assert not images
    assert not reply.made


def test_streams_take_turns_with_their_own_weights(actors, stream: Stream, frames: list[Frame], tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    save_weights(build(MODEL, 2).state_dict(), path)
    other = Stream("stream1", stream.info, MODEL, str(path))
    turns = [actors[1].enhance(which, frames[:1], "jpeg", 90, None)[0] for which in (stream, other, stream, other)]
    assert turns[0] != turns[1]
    assert turns[:2] == turns[2:]


def test_calls_overlap_and_yet_keep_their_own_weights(
    actors, stream: Stream, frames: list[Frame], tmp_path: Path
) -> None:
    path = tmp_path / "other.pt"
    save_weights(build(MODEL, 2).state_dict(), path)
    other = Stream("stream1", stream.info, MODEL, str(path))
    alone = {which.name: actors[1].enhance(which, frames, "jpeg", 90, None)[0] for which in (stream, other)}
    with ThreadPoolExecutor(4) as threads:
        calls = [
            (which.name, threads.submit(actors[1].enhance, which, frames, "jpeg", 90, None))
            for which in [stream, other] * 6
        ]
        replies = [(name, *call.result()) for name, call in calls]
    assert all(images == alone[name] for name, images, _ in replies)
    busy = sorted((reply.spans[0].start, reply.spans[0].end) for _, _, reply in replies)
    assert all(one[1] <= next_one[0] for one, next_one in pairwise(busy)), "time counts once"


def resized(frames: list[Frame], size: tuple[int, int]) -> list[Frame]:
    return [Frame(frame.record, frame.pts, resize(frame.picture, size)) for frame in frames]


def sized(width: int, height: int, *, anchors: list[AnchorImage]) -> bool:
    return all(decode_anchor(anchor).shape == (3 * height, 3 * width, 3) for anchor in anchors)


def test_frames_of_several_sizes_keep_their_order(actors, stream: Stream, frames: list[Frame]) -> None:
    small = resized(frames, (48, 32))
    mixed = [frames[0], small[1], frames[2], small[3], frames[4]]
    (expected, one), (images, other) = (actor.enhance(stream, mixed, "jpeg", 90, None) for actor in actors)
    assert images == expected
    assert [image.name for image in images] == [frame.record.name for frame in mixed]
    assert [decode_anchor(image).shape[:2] for image in images] == [(192, 288), (96, 144)] * 2 + [(192, 288)]
    assert one.made == other.made
    alone = actors[0].enhance(stream, [small[1]], "jpeg", 90, None)[0]
    assert alone == [images[1]]


@pytest.mark.parametrize("form", ["rgb", "yuv"])
def test_pictures_of_several_sizes(actors, stream: Stream, frames: list[Frame], form: str) -> None:
    mixed = [frames[0], *resized(frames[1:2], (33, 17)), frames[2]]
    made, reply = actors[1].enhance(stream, mixed, form, 90, None)
    assert [frame.record for frame in made] == [frame.record for frame in mixed]
    assert [one.record for one in reply.made] == [frame.record for frame in mixed]
    rows = [(frame.picture.y if form == "yuv" else frame.picture).shape[0] for frame in made]
    assert rows == [192, 51, 192]


def test_an_engine_in_a_hurry_is_made_beside_the_work(actors, stream: Stream, frames: list[Frame], monkeypatch) -> None:
    actor, going_on = actors[0], Event()
    actor.prepare(stream)
    make = actor._make

    def slowly(*arguments):
        going_on.wait(20)
        return make(*arguments)

    monkeypatch.setattr(actor, "_make", slowly)
    mixed = [frames[0], *resized(frames[1:2], (48, 32)), frames[2]]
    for _ in range(2):
        images, reply = actor.enhance(stream, mixed, "jpeg", 90, time.time() + 60)
        assert [image.name for image in images] == [frames[0].record.name, frames[2].record.name]
        assert len(reply.made) == 2
    (making,) = actor._making.values()
    going_on.set()
    making.result(20)
    images, _ = actor.enhance(stream, mixed, "jpeg", 90, time.time() + 60)
    assert [image.name for image in images] == [frame.record.name for frame in mixed]


def test_the_engine_not_used_for_longest_goes(monkeypatch, stream: Stream, frames: list[Frame]) -> None:
    monkeypatch.setattr(ray, "get_gpu_ids", list)
    actor = enhancer.EnhancerActor([], EnhancerPool(engine="torch", engines=2))
    sizes = [(96, 64), (48, 32), (96, 64), (32, 32)]
    for size in sizes:
        assert sized(*size, anchors=actor.enhance(stream, resized(frames[:1], size), "jpeg", 90, None)[0])
    assert [key[1:] for key in actor._hosted] == [(96, 64), (32, 32)]


def test_pictures_too_large_for_players_are_left_out(actors, stream: Stream, frames: list[Frame], monkeypatch) -> None:
    monkeypatch.setattr(enhancer, "MAX_HR_SAMPLES", 96 * 64 * 9)
    mixed = [frames[0], *resized(frames[1:2], (98, 64))]
    images, _ = actors[0].enhance(stream, mixed, "jpeg", 90, None)
    assert [image.name for image in images] == [frames[0].record.name]
    assert len(actors[0]._hosted) == 1


def test_what_no_engine_can_do_is_said_at_the_start_and_left_out_later(
    actors, stream: Stream, frames: list[Frame], monkeypatch
) -> None:
    def refuse(*_):
        raise ModelError("no")

    actor = actors[0]
    actor.prepare(stream)
    monkeypatch.setattr(enhancer, "calibrate", refuse)
    mixed = [frames[0], *resized(frames[1:2], (48, 32))]
    for _ in range(2):
        assert len(actor.enhance(stream, mixed, "jpeg", 90, None)[0]) == 1
    with pytest.raises(ModelError):
        actor.prepare(replace(stream, info=replace(stream.info, width=48)))
