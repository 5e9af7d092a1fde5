"""The enhancer with a compressor beside it on its own device, as on a GPU: the same anchors as the CPU makes."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from pathlib import Path

import pytest
import ray
from torch import Tensor

from actors import enhancer
from actors.messages import Frame, Stream
from ns_ray.config import EnhancerPool
from ns_ray.hybrid.anchor_image import encode_anchor
from ns_ray.media.decode import VideoDecoder
from ns_ray.media.packets import read_packets
from ns_ray.media.probe import probe
from ns_ray.sr.models import build
from ns_ray.sr.weights import save_weights

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
