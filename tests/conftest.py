"""What tests share. Ray starts once; it takes seconds."""

import os
from pathlib import Path

import pytest
import streams

os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def plain_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96x64, 60 frames/s, 60 frames, a key frame every 30."""
    return streams.encode(tmp_path_factory.mktemp("video") / "plain.mkv")


@pytest.fixture(scope="session")
def layered_video() -> Path:
    """178x100, 90 frames, encoded in two passes: several layers of hidden frames, and frames that are shown again."""
    return DATA / "layers.webm"
