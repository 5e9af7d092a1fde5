"""A tiny clip at LR and HR, and an engine for it."""

import pytest
import streams

from ns_ray.evaluation.original import reference
from ns_ray.sr.models import build
from ns_ray.sr.torch_engine import TorchEngine
from ns_ray.sr.train import start_as_interpolation
from ns_ray.video.probe import probe

FRAMES = 8


@pytest.fixture(scope="package")
def clip(tmp_path_factory):
    """The LR video's VideoInfo, and the originals: 8 frames, 64x48 and 192x144."""
    folder = tmp_path_factory.mktemp("clip")
    lr = streams.encode(folder / "lr.mkv", size=(64, 48), frames=FRAMES)
    exact = {"deadline": "realtime", "cpu-used": "8", "lossless": "1"}
    hr = streams.encode(folder / "hr.mkv", size=(192, 144), frames=FRAMES, options=exact)
    return probe(str(lr)), [picture.packed() for picture in reference(str(hr), (192, 144))]


@pytest.fixture(scope="package")
def engine():
    """EDSR_B1_F4_S3, which interpolates."""
    network = build("EDSR_B1_F4_S3")
    start_as_interpolation(network)
    made = TorchEngine("EDSR_B1_F4_S3", 64, 48)
    made.load(network.state_dict())
    return made
