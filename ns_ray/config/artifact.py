"""What the artifact evaluation runs."""

from typing import Literal

from pydantic import Field, model_validator

from ns_ray.config.strict import FolderName, Strict


class ArtifactContent(Strict):
    """A content of the artifact evaluation.

    Attributes:
        lr, hr: its videos, in the current folder or of those that ship; left out, the test video that jobs/encode.py
            prepared, and the weights trained on it.
    """

    lr: str = ""
    hr: str = ""

    @model_validator(mode="after")
    def _both(self) -> "ArtifactContent":
        if bool(self.lr) != bool(self.hr):
            raise ValueError("name both lr and hr, or neither")
        return self


class ArtifactMethod(Strict):
    """A method of the artifact evaluation: its DNN, and of how many frames in 40 it enhances."""

    blocks: int = Field(8, ge=1)
    channels: int = Field(ge=1)
    anchors: int = Field(40, ge=1, le=40)


ArtifactTarget = Literal["per-frame", "selective", "engorgio"]


class Artifact(Strict):
    """What jobs/artifact.py evaluates, and how long; defaults are the published ones.

    Attributes:
        contents: by name; whole runs and throughput take the first.
        methods: by published name.
        rows, scale: of LR; HR over LR.
        duration: seconds in the names of prepared videos.
        gpus: GPUs of whole runs.
        videos: streams of the run that goes as fast as possible.
        paced_videos: streams of the run in real time.
        run_frames, paced_frames, against_frames: frames a stream of these runs, and of the other methods beside.
        quality_frames, curve_frames: frames that quality is measured on.
        rate_frames: frames that quality over rate is measured on; 0 leaves that out.
        fractions: shares of anchors of the curves.
        encoder_frames, decoder_frames: frames that encoders and decoders are measured on.
        requests, warm_up, naive_requests: of inference, each of 6 frames.
        step_seconds: how long a step may take before it is ended and counts as failed.
    """

    contents: dict[FolderName, ArtifactContent] = Field({"lol0": ArtifactContent()})
    methods: dict[ArtifactTarget, ArtifactMethod] = Field(
        {
            "per-frame": ArtifactMethod(channels=16),
            "selective": ArtifactMethod(channels=32, anchors=8),
            "engorgio": ArtifactMethod(channels=32, anchors=3),
        }
    )
    rows: int = Field(720, ge=1)
    scale: int = Field(3, ge=1)
    duration: int = Field(60, ge=1)
    gpus: int = Field(0, ge=0)
    videos: int = Field(2, ge=1)
    paced_videos: int = Field(1, ge=1)
    run_frames: int = Field(3000, ge=1)
    paced_frames: int = Field(3000, ge=1)
    against_frames: int = Field(240, ge=1)
    quality_frames: int = Field(3000, ge=1)
    curve_frames: int = Field(360, ge=1)
    rate_frames: int = Field(120, ge=0)
    fractions: list[float] = Field([0.025, 0.05, 0.075, 0.1, 0.15])
    encoder_frames: int = Field(3600, ge=1)
    decoder_frames: int = Field(600, ge=1)
    requests: int = Field(100, ge=1)
    warm_up: int = Field(10, ge=0)
    naive_requests: int = Field(10, ge=0)
    step_seconds: float = Field(7200, gt=0)
