"""The fused engine and the GPU's JPEG encoder against the reference."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ns_ray.errors import ModelError
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.coding import Coding
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.color import chroma_size
from ns_ray.sr.enhance import Compressor, Enhancement, gpu_encoders
from ns_ray.sr.models import build
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.weights import load_weights

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")

DEVICE = "cuda:0"


def weights(model, seed):
    state = build(model, seed).state_dict()
    state["tail.weight"] *= 2  # pictures that use more of the range
    state["tail.bias"] += 0.4
    return state


def noise(width, height, seed=0):
    random = np.random.default_rng(seed)
    chroma = chroma_size(height, width)
    return tuple(random.integers(16, 236, size, np.uint8) for size in ((height, width), chroma, chroma))


def loaded(engine, state):
    engine.load(state)
    return engine


def fused(model, width, height):
    from ns_ray.sr.fused_engine import FusedEngine

    return FusedEngine(model, width, height, DEVICE)


@pytest.mark.parametrize("size", [(1, 1), (63, 5), (333, 217), (1280, 720)])
@pytest.mark.parametrize("model", ["EDSR_B8_F32_S3", "EDSR_B8_F16_S3", "EDSR_B2_F32_S2", "EDSR_B3_F16_S2"])
def test_equals_the_reference(model, size):
    planes, state = noise(*size), weights(model, 1)
    reference = loaded(TorchEngine(model, *size, DEVICE, torch.float32), state)
    engine = loaded(fused(model, *size), state)
    expected, result = reference.infer(planes), engine.infer(planes)
    assert size == (1, 1) or expected.std() > 10
    assert min(psnr(result, expected), 100) > 50
    assert np.array_equal(result, engine.infer(planes))
    for ours, theirs in zip(engine.infer(planes, "yuv"), reference.infer(planes, "yuv"), strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_many_frames_and_weights_in_turns():
    model = "EDSR_B2_F16_S3"
    engine = fused(model, 96, 54)
    states = [weights(model, seed) for seed in (1, 2, 3)]
    frames = [noise(96, 54, seed) for seed in range(8)]
    expected = [loaded(engine, states[index % 3]).infer(planes).copy() for index, planes in enumerate(frames)]
    prepared = [engine.prepare(state) for state in states]

    def switching():
        for index, planes in enumerate(frames):
            engine.load(prepared[index % 3])
            yield planes

    for ours, theirs in zip(engine.infer_all(switching()), expected, strict=True):
        assert np.array_equal(ours, theirs)


def test_auto_takes_the_fused_engine():
    state = weights("EDSR_B8_F32_S3", 1)
    chosen = calibrate("EDSR_B8_F32_S3", state, 1280, 720, DEVICE)
    assert chosen.latencies_ms["fused"] < chosen.latencies_ms["torch"]


def test_images_are_of_the_same_pictures_in_order():
    try:
        (compress, *_) = gpu_encoders(DEVICE)
    except ModelError as error:
        pytest.skip(str(error))
    model = "EDSR_B8_F16_S3"
    engine = loaded(fused(model, 320, 180), load_weights(model))
    frames = [tuple(plane // 8 + 50 + 15 * seed for plane in noise(320, 180, seed)) for seed in range(8)]
    pictures = [engine.infer(planes).copy() for planes in frames]
    enhancement = Enhancement(engine, Compressor(compress, device=DEVICE))
    for image, picture in zip(enhancement.run(frames, Coding("jpeg", 95)), pictures, strict=True):
        cpu = io.BytesIO()
        Image.fromarray(picture).save(cpu, "JPEG", quality=95, subsampling=2)
        ours, theirs = (psnr(np.asarray(Image.open(file)), picture) for file in (io.BytesIO(image), cpu))
        assert theirs > 30
        assert abs(ours - theirs) < 0.5


def test_memory_stays_what_it_was():
    try:
        (compress, *_) = gpu_encoders(DEVICE)
    except ModelError as error:
        pytest.skip(str(error))
    model = "EDSR_B2_F16_S3"
    engine, planes = fused(model, 640, 360), noise(640, 360)
    states = [engine.prepare(weights(model, seed)) for seed in (1, 2)]
    enhancement = Enhancement(engine, Compressor(compress, device=DEVICE))

    def used(count):
        def switching():
            for index in range(count):
                engine.load(states[index % 2])
                yield planes

        assert sum(1 for _ in enhancement.run(switching(), Coding("jpeg", 90))) == count
        torch.cuda.synchronize()
        free, _ = torch.cuda.mem_get_info(DEVICE)
        return free

    before = used(50)
    assert used(500) == before
