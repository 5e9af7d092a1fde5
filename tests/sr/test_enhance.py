"""Super-resolution and compression side by side: the same images in the same order, and no picture overwritten."""

import io
import threading
import time
from itertools import pairwise

import numpy as np
import pictures
import pytest
from PIL import Image
from torch import Tensor

from ns_ray.errors import ModelError
from ns_ray.picture.coding import Coding
from ns_ray.sr.enhance import Compressor, Enhancement
from ns_ray.sr.models import build
from ns_ray.sr.torch_engine import TorchEngine

MODEL = "EDSR_B1_F4_S3"
CODING = Coding("jpeg", 90)


def _png(pixels: Tensor, coding: Coding) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def engine() -> TorchEngine:
    made = TorchEngine(MODEL, 16, 10)
    made.load(build(MODEL, 1).state_dict())
    return made


def test_images_in_order(engine: TorchEngine) -> None:
    frames = [pictures.noise(16, 10, seed) for seed in range(7)]
    images = list(Enhancement(engine, Compressor(_png)).run(frames, CODING))
    for image, planes in zip(images, frames, strict=True):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(image))), engine.infer(planes))


def test_weights_switch_between_frames(engine: TorchEngine) -> None:
    planes = pictures.noise(16, 10)
    sets = [engine.prepare(build(MODEL, seed).state_dict()) for seed in (1, 2)]

    def frames():
        for index in range(6):
            engine.load(sets[index % 2])
            yield planes

    images = list(Enhancement(engine, Compressor(_png)).run(frames(), CODING))
    assert images[0] != images[1]
    assert images == images[:2] * 3


def test_frames_wait_while_too_many_are_compressed(engine: TorchEngine) -> None:
    """A picture's memory is used again `in_flight` frames later, so no more than that may be under way."""
    gate, begun, done = threading.Semaphore(0), [], []

    def slow(pixels: Tensor, coding: Coding) -> bytes:
        gate.acquire()
        done.append(coding.quality)
        return b"image"

    def frames():
        for seed in range(5):
            if seed >= engine.in_flight:
                gate.release()
            begun.append(seed - len(done))
            yield pictures.noise(16, 10, seed)
        for _ in range(engine.in_flight):
            gate.release()

    assert list(Enhancement(engine, Compressor(slow)).run(frames(), CODING)) == [b"image"] * 5
    assert done == [90] * 5
    assert max(begun) <= engine.in_flight


def test_a_failing_compressor_is_heard_of(engine: TorchEngine) -> None:
    def broken(pixels: Tensor, coding: Coding) -> bytes:
        raise ModelError("no encoder here")

    with pytest.raises(ModelError, match="no encoder here"):
        list(Enhancement(engine, Compressor(broken)).run([pictures.noise(16, 10)], CODING))


def test_time_spent_compressing_is_told(engine: TorchEngine) -> None:
    def slow(pixels: Tensor, coding: Coding) -> bytes:
        time.sleep(0.02)
        return b""

    assert Enhancement(engine, Compressor(slow)).submit(pictures.noise(16, 10), CODING).result().seconds >= 0.02


def test_times_of_frames_do_not_overlap_and_cpu_time_is_told(engine: TorchEngine) -> None:
    def busy(pixels: Tensor, coding: Coding) -> bytes:
        until = time.thread_time() + 0.01
        while time.thread_time() < until:
            pass
        return b""

    other = TorchEngine(MODEL, 8, 8)
    other.load(build(MODEL, 1).state_dict())
    compressor = Compressor(busy)
    one, two = Enhancement(engine, compressor), Enhancement(other, compressor)
    begun = time.time()
    flights = [
        (two if at % 2 else one).submit(pictures.noise(*((8, 8) if at % 2 else (16, 10))), CODING) for at in range(4)
    ]
    done = [flight.result() for flight in reversed(flights)][::-1]
    assert begun <= done[0].begin
    assert all(before.end <= after.begin <= after.end for before, after in pairwise(done))
    assert all(image.end - image.begin >= image.seconds >= 0.01 for image in done)
    assert all(image.cpu_seconds >= 0.01 for image in done)


def test_a_refused_frame_takes_no_place(engine: TorchEngine) -> None:
    enhancement = Enhancement(engine, Compressor(_png))
    for _ in range(2 * engine.in_flight):
        with pytest.raises(ModelError):
            enhancement.submit(pictures.noise(8, 10), CODING)
    assert len(list(enhancement.run([pictures.noise(16, 10)], CODING))) == 1


def test_drained_when_all_is_compressed(engine: TorchEngine) -> None:
    gate, done = threading.Event(), []

    def slow(pixels: Tensor, coding: Coding) -> bytes:
        gate.wait()
        done.append(coding.quality)
        return b""

    enhancement = Enhancement(engine, Compressor(slow))
    for _ in range(engine.in_flight):
        enhancement.submit(pictures.noise(16, 10), CODING)
    threading.Timer(0.05, gate.set).start()
    enhancement.drain()
    assert len(done) == engine.in_flight


def test_threads_of_the_engine_count_as_its_work(engine, monkeypatch):
    def burn():
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    begin = engine.begin_pixels

    def by_another(planes):
        thread = threading.Thread(target=burn)
        thread.start()
        thread.join()
        return begin(planes)

    monkeypatch.setattr(engine, "begin_pixels", by_another)
    flight = Enhancement(engine, Compressor(lambda pixels, coding: b"")).submit(pictures.noise(16, 10), CODING)
    assert flight.result().cpu_seconds >= 0.05
