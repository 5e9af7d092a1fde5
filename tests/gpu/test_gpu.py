"""What needs a GPU. Everywhere else these are skipped; the same paths run on the CPU in the other tests."""

import asyncio
import time
from itertools import islice

import numpy as np
import pytest
import ray
import streams
import torch

from ns_ray.actors.fleet import Fleet
from ns_ray.actors.following import Following
from ns_ray.actors.messages import Stream
from ns_ray.actors.orders import Order, Plan
from ns_ray.anchors.policies import Fraction
from ns_ray.config.actors import DecoderPool
from ns_ray.config.config import Config
from ns_ray.errors import ModelError
from ns_ray.hybrid.anchor_image import tag
from ns_ray.hybrid.anchor_picture import anchor_picture
from ns_ray.hybrid.grey_bytes import counts
from ns_ray.hybrid.grey_jpeg import decode_grey, encode_grey
from ns_ray.hybrid.hevc_image import decode_hevc, encode_hevc, has_nvenc
from ns_ray.hybrid.reader import read_hybrid
from ns_ray.metrics.psnr import psnr
from ns_ray.picture.coding import CODECS, PUBLISHED, Coding
from ns_ray.picture.convert import from_rgb, to_rgb
from ns_ray.picture.yuv import resize
from ns_ray.sr.calibrate import calibrate
from ns_ray.sr.compressible import compressible
from ns_ray.sr.enhance import gpu_encoders
from ns_ray.sr.gpu_grey_jpeg import GpuGreyJpeg
from ns_ray.sr.stacked_kernels import kernels
from ns_ray.sr.weights import load_weights
from ns_ray.video.decode import VideoDecoder
from ns_ray.video.packets import read_packets
from ns_ray.video.probe import probe

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")


def sample_frames(count: int, **options):
    info = probe(str(streams.SAMPLE))
    return VideoDecoder(info, **options).decode(islice(read_packets(info), count)).frames


def test_nvdec_gives_the_same_frames_hidden_ones_too():
    on_cpu, on_gpu = sample_frames(60), sample_frames(60, device="cuda")
    assert any(not frame.record.shown for frame in on_gpu)
    for one, other in zip(on_cpu, on_gpu, strict=True):
        assert one.record == other.record
        assert all(map(np.array_equal, one.picture.planes, other.picture.planes)), one.record.name


@pytest.mark.parametrize("engine", ["fused", "torch"])
@pytest.mark.parametrize("model", ["EDSR_B8_F16_S3", "EDSR_B8_F32_S3"])
def test_half_precision_keeps_the_picture(model, engine):
    picture = sample_frames(1)[0].picture
    weights = load_weights(model)
    reference = calibrate(model, weights, 640, 360, "cpu").engine.infer(picture.planes)
    calibrated = calibrate(model, weights, 640, 360, "cuda:0", engine)
    assert calibrated.engine.device == "cuda:0"
    assert calibrated.engine.latency_ms > 0
    assert psnr(calibrated.engine.infer(picture.planes), reference) > 50


def test_a_run_on_one_gpu(tmp_path):
    """Decoding by NVDEC, enhancing on the GPU: a hybrid stream with every selected anchor."""
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    config = Config(decoder=DecoderPool(actors=0, nvdec=1, nvdec_sessions=2))

    async def run():
        fleet = Fleet(config, gpus=1)
        await fleet.start()
        stream = Stream("stream0", await fleet.manager.probe(str(streams.SAMPLE)), "EDSR_B8_F32_S3")
        prepared = await fleet.manager.prepare([stream])
        following = Following(fleet.manager, fleet.crew, kept_epochs=100)
        plan = Plan("run", "neuroscaler", Fraction(0.075), PUBLISHED, 240, True, tmp_path, time.time())
        await following.add([Order(stream, plan)])
        await following.until_ended(lambda name, frames: None, asyncio.Event())
        fleet.stop()
        return prepared.engines, following.streams["stream0"]

    engines, done = asyncio.run(run())
    ray.shutdown()
    assert (done.report.state, done.report.reason) == ("done", "")
    assert next(iter(engines.values())).device == "cuda:0"
    names = {anchor.name for one in read_hybrid(done.report.output) for anchor in one.anchors}
    epochs = [done.epochs[number] for number in sorted(done.epochs)]
    assert names == {f"{a.video_index}.{a.super_index}" for epoch in epochs for a in epoch.anchors}
    assert len(names) == 18
    assert not any(epoch.result.late for epoch in epochs[2:])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(640, 360), (33, 21)])
def test_what_is_compressed_is_the_same_to_the_bit(codec, size):
    picture = resize(sample_frames(1)[0].picture, size)
    pixels = torch.from_numpy(to_rgb(resize(picture, (3 * size[0], 3 * size[1]), "LANCZOS")))
    on_cpu = compressible(pixels, picture.planes, Coding(codec, 80))
    on_gpu = compressible(pixels.cuda(), picture.planes, Coding(codec, 80))
    assert on_gpu.is_cuda
    assert torch.equal(on_cpu, on_gpu.cpu())


@pytest.mark.parametrize("codec", ["jpeg", "jpeg-residual"])
def test_the_gpu_compresses_pictures_and_residuals(codec):
    lr = sample_frames(1)[0].picture
    pixels = torch.from_numpy(to_rgb(resize(lr, (1920, 1080), "LANCZOS")))
    coding = Coding(codec, 90)
    try:
        (compress, *_) = gpu_encoders("cuda:0")
    except ModelError as error:
        pytest.skip(str(error))
    image = tag(compress(compressible(pixels.cuda(), lr.planes, coding), coding), 0, 0, codec, (1920, 1080))
    assert psnr(anchor_picture(image, lr, 3).y, from_rgb(pixels.numpy()).y) > 42


def test_nvenc_compresses_pictures():
    if not has_nvenc((1920, 1080)):
        pytest.skip("no NVENC here")
    hr = resize(sample_frames(1)[0].picture, (1920, 1080), "LANCZOS")
    sizes, seen = [], []
    for quality in (20, 55, 55, 95):
        image = encode_hevc(hr, quality)
        sizes.append(len(image))
        seen.append(psnr(decode_hevc(image, (1920, 1080)).y, hr.y))
    assert sizes[0] < sizes[1] == sizes[2] < sizes[3]
    assert seen[0] < seen[1] == seen[2] < seen[3]
    assert seen[1] > 36
    assert seen[3] > 46


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 97])
def test_residuals_take_no_more_bytes_than_on_the_cpu_and_look_alike(quality):
    try:
        gpu = GpuGreyJpeg("cuda:0")
    except ModelError as error:
        pytest.skip(str(error))
    lr = sample_frames(1)[0].picture
    pixels = torch.from_numpy(to_rgb(resize(lr, (1920, 1080), "LANCZOS")))
    plane = compressible(pixels, lr.planes, Coding("jpeg-residual", quality))
    image, expected = gpu.encode(plane.cuda(), quality), encode_grey(plane.numpy(), quality)
    assert len(image) < 1.03 * len(expected)
    mine, theirs = (decode_grey(bytes(one), plane.shape).astype(int) - plane.numpy() for one in (image, expected))
    assert np.square(mine).mean() < 1.02 * np.square(theirs).mean() + 0.01


def test_residuals_count_as_much_as_on_the_cpu():
    """By which bytes are foretold; but for coefficients that other orders of the same sums take beyond a limit."""
    plane = np.clip(np.random.default_rng(1).normal(128, 20, (270, 486)), 0, 255).astype(np.uint8)
    made = kernels(torch.device("cuda:0")).counts(torch.from_numpy(plane).cuda())
    expected = counts(plane)
    assert np.abs(made - expected).max() <= 0.002 * expected[0, 1]
