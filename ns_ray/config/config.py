"""A whole configuration: one machine or experiment."""

from fractions import Fraction
from functools import cache
from typing import Literal

from pydantic import Field

from ns_ray.config.actors import DecoderPool, EncoderPool, EnhancerPool, Pool
from ns_ray.config.admission import Admission
from ns_ray.config.artifact import Artifact
from ns_ray.config.instance import Instance
from ns_ray.config.output import Output
from ns_ray.config.strict import FolderName, Strict
from ns_ray.config.training import Pretraining, Training
from ns_ray.config.videos import Downloads, Encodes, Stills
from ns_ray.picture.coding import Codec

EventLevel = Literal["off", "streams", "epochs"]
"""Of what hosts write in their logs; see `ns_ray.actors.event_log`."""

_ON_HEAD = Pool(resources={"node:__internal_head__": 0.001})  # Ray's own mark of it


class Config(Strict):
    """One machine or experiment.

    Attributes:
        instance: its name, under which results are kept.
        epoch_seconds: time between two selections of anchors; the published 40 frames at 60 a second. See `slot`.
        gop_frames: frames between key frames where the streams keep to it; None where that is not known.
        in_flight_epochs: epochs of a stream that may be in work at once.
        stop_seconds: time that epochs in work are given when a run is to end before its streams do.
        retries: how often a call is made again whose actor died under it, before its stream is given up.
        hang_seconds: how long an actor may give no sign of life before it is killed, which counts as a death;
            Ray takes 2 to tell of one.
        start_seconds: how long actors may take to start, or to be back after a death, a cluster's growth included.
        wait_seconds: how long to wait for nodes that a cluster's autoscaler starts, their set-up included.
        object_store_mb: memory for objects shared between processes, where the job starts Ray itself.
        kept_epochs: epochs of which a host keeps what became of them, for whoever asks; at 1.5 a second and stream,
            10,000 are 100 s of 64 streams.
        events: what hosts write in their logs: nothing (`off`), of `streams` beginnings, ends and late epochs, or all
            `epochs`.
        anchor_codec: how anchors are compressed; see `ns_ray.picture.coding`.
        output: where streams' files come to lie.
        inputs: videos to take where none are named, in the current folder or among what ships.
        references: originals at HR by the videos made of them, found in the same way, for who compares.
        instances: machines by the name under which results are kept, for what streams cost on them.
        artifact: what jobs/artifact.py evaluates.
        admission: what becomes of streams that come in real time where there is no time for them.
        manager, scheduler: control; on the head node, unless it is told otherwise.
    """

    instance: FolderName = "local"
    epoch_seconds: float = Field(40 / 60, ge=0.001)
    gop_frames: int | None = Field(120, ge=1)
    in_flight_epochs: int = Field(2, ge=1)
    stop_seconds: float = Field(2, ge=0)
    retries: int = Field(4, ge=0)
    hang_seconds: float = Field(30, ge=3)
    start_seconds: float = Field(300, gt=0)
    wait_seconds: float = Field(1800, gt=0)
    object_store_mb: int = Field(1024, ge=100)
    kept_epochs: int = Field(10_000, ge=1)
    events: EventLevel = "streams"
    anchor_codec: Codec = "av1"
    output: Output = Output()
    inputs: list[str] = Field([])
    references: dict[str, str] = Field({})
    manager: Pool = _ON_HEAD
    host: Pool = Pool()
    decoder: DecoderPool = DecoderPool()
    scheduler: Pool = _ON_HEAD
    enhancer: EnhancerPool = EnhancerPool()
    encoder: EncoderPool = EncoderPool()
    admission: Admission = Admission()
    download: Downloads = Downloads()
    encode: Encodes = Encodes()
    train: Training = Training()
    pretrain: Pretraining = Pretraining()
    stills: Stills = Stills()
    instances: dict[FolderName, Instance] = Field({})
    artifact: Artifact = Artifact()

    @property
    def slot(self) -> Fraction:
        """`epoch_seconds` as the nearest fraction with a denominator up to 1000: 2/3 where it says 0.6667."""
        return _nearest(self.epoch_seconds)


@cache
def _nearest(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(1000)
