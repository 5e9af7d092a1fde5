"""What the live service is asked and answers, as JSON."""

import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ns_ray.actors.orders import Change
from ns_ray.actors.service.enhancement import Enhancement
from ns_ray.actors.service.live_stream import LiveStream
from ns_ray.picture.coding import LARGEST_FRACTION

Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Fraction = Annotated[
    float, Field(ge=0, le=LARGEST_FRACTION, description="anchors a shown frame; default: the service's")
]
Priority = Annotated[float, Field(gt=0, le=1000, description="how many times its gains count among streams")]
Weights = Annotated[Text, Field(description="file of weights on the service's machine; those that ship if left out")]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NewStream(_Asked):
    """A stream to be added."""

    name: Text = Field(description="letters, digits, _ and -, up to 64")
    source: Text = Field(description="a file on the service's machine, or a URL of rtmp(s), rtsp(s) or http(s)")
    listen: bool = Field(False, description="wait at that address, of rtmp or rtsp, for somebody who sends")
    repeat: bool = Field(False, description="begin a file again at its end")
    model: Text | None = Field(None, description="the DNN; the service's where it is left out")
    weights: Weights | None = None
    fraction: Fraction | None = None
    priority: Priority = 1.0


class ChangedStream(_Asked):
    """What is to be otherwise with a stream from its next epoch on."""

    weights: Weights | None = None
    fraction: Fraction | None = None
    priority: Priority | None = None

    @property
    def change(self) -> Change:
        """As the manager has it."""
        return Change(self.weights, self.fraction, self.priority)


class EnhancementView(BaseModel):
    """How a stream is enhanced."""

    model: str
    state: Literal["waiting", "running", "done", "failed", "stopped", "refused"]
    problem: str
    recording: str | None
    fraction: float
    fraction_now: float
    seconds: float
    frames: int
    anchors: int
    anchors_dropped: int
    anchors_sent: int
    anchors_late: int
    late_epochs: int
    video_bytes: int
    anchor_bytes: int


class StreamView(BaseModel):
    """A stream as it is now."""

    name: str
    source: str
    listen: bool
    state: Literal["waiting", "live", "ended"]
    reason: str
    again_in_seconds: float | None
    codec: str | None
    width: int | None
    height: int | None
    frame_rate: float | None
    packets: int
    viewers: int
    notes: list[str]
    enhancement: EnhancementView
    live: str
    player: str


class Health(BaseModel):
    """Whether the service works."""

    status: Literal["ok", "degraded"]
    streams: int
    live: int
    viewers: int


def stream_view(stream: LiveStream, key: str) -> StreamView:
    """A stream as it is shown to who has the token; `key` is that of its viewers."""
    info = stream.relay.info
    live = f"/streams/{stream.name}/live?key={key}"
    return StreamView(
        name=stream.name,
        source=stream.address.shown,
        listen=stream.address.listen,
        state=stream.state,
        reason=stream.reason,
        again_in_seconds=None if stream.again_at is None else round(max(0.0, stream.again_at - time.time()), 1),
        codec=info.codec if info else None,
        width=info.width if info else None,
        height=info.height if info else None,
        frame_rate=float(info.frame_rate) if info else None,
        packets=stream.relay.count,
        viewers=len(stream.audience.viewers),
        notes=list(stream.relay.notes),
        enhancement=_enhancement(stream, stream.enhancement),
        live=live,
        player=f"/player/?stream=/streams/{stream.name}/live%3Fkey%3D{key}",
    )


def _enhancement(stream: LiveStream, one: Enhancement) -> EnhancementView:
    report = one.report
    totals = report.totals if report else None
    return EnhancementView(
        model=one.wish.model,
        state=report.state if report else "waiting",
        problem=one.problem,
        recording=str(one.path) if one.path else None,
        fraction=one.fraction,
        fraction_now=one.fraction_now,
        seconds=totals.seconds if totals else 0.0,
        frames=totals.shown if totals else 0,
        anchors=sum(totals.anchors.values()) if totals else 0,
        anchors_dropped=totals.dropped if totals else 0,
        anchors_sent=stream.anchors_sent,
        anchors_late=stream.anchors_late,
        late_epochs=totals.late if totals else 0,
        video_bytes=totals.lr_bytes if totals else 0,
        anchor_bytes=totals.anchor_bytes if totals else 0,
    )
