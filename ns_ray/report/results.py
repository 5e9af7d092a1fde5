"""What a benchmark run found, as it is kept in benchmark.json; tables and plots are made from this alone."""

from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from ns_ray.brief_pickle import briefly_pickled
from ns_ray.errors import ResultError

# Stages of an epoch in the order it passes them.
STAGES = ("read", "decode", "schedule", "take", "inference", "encode", "write")
PICTURES = "picture"
"""Folder of the images of a run's picture, in the run's own."""


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Span:
    """Work on one stage, in seconds since the run began."""

    stage: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@briefly_pickled
@dataclass(slots=True)
class EpochResult:
    """One epoch of one stream.

    Attributes:
        stream: its stream.
        epoch: the number of its slot of time, the same for all streams; slots without a frame have no epoch.
        arrived: when its last packet was there, in seconds since the run began.
        deadline: when inference had to be done, on the same clock; None where the run is not paced.
        spans: the work done for it.
        dropped: anchors that were chosen but not enhanced, because the epoch was late.
        still: anchors that were chosen but left out, because they show what the last one showed.
        unpaid: anchors that were chosen but left out, because fewer at a better quality are worth more at the rate that
            they keep to.
        late: whether inference ended after the deadline, or anchors were dropped.
        seconds: media time that it covers: its slot, or what there is of that at the stream's end.
        first: video_index of its first packet.
        packets: how many it has.
        factor: what its stream's fraction was multiplied by, as there was no time for more; 1 where there was.
    """

    stream: str
    epoch: int
    arrived: float = 0.0
    deadline: float | None = None
    spans: list[Span] = field(default_factory=list)
    dropped: int = 0
    still: int = 0
    unpaid: int = 0
    late: bool = False
    seconds: float = 0.0
    first: int = 0
    packets: int = 0
    factor: float = 1.0

    @property
    def latency(self) -> float:
        """Seconds from the arrival of the last packet to the end of the last stage."""
        return max((s.end for s in self.spans), default=self.arrived) - self.arrived


@briefly_pickled
@dataclass(frozen=True, slots=True)
class AnchorResult:
    """One anchor in a stream's output: which frame (its type KEY, ALTREF or NORMAL), its gain and bytes."""

    stream: str
    video_index: int
    super_index: int
    type: str
    gain: float
    bytes: int


@dataclass(slots=True)
class StreamResult:
    """One stream.

    Attributes:
        name: its name.
        input: the video it came from.
        status: `done`, `refused` (nothing was written), `failed` (ended early), `stopped` (ended early as the run was)
            or `damaged` (whole but for damaged frames).
        reason: why, where it is not `done`.
        frames: shown frames of what was written.
        hidden: hidden frames of the same.
        damaged: packets of the same that could not be decoded.
        seconds: its length in media time, by the times of its frames.
        anchors: anchors in the output by type of frame.
        dropped_anchors: anchors chosen but not enhanced in time.
        still_anchors, unpaid_anchors: anchors left out for a rate; see `EpochResult`.
        missed_deadlines: epochs whose inference came late.
        decode_fps: frames decoded in a second of decoding, likewise `inference_fps` and `encode_fps`.
        latency_ms: for each stage, and `epoch` for all, the 50th, 95th and 99th percentile.
        lr_kbps: bitrate of the ingested video.
        anchor_kbps: bitrate of the anchors; of the video encoded anew where the method makes one.
        anchor_share: the same over that of the ingested video.
        output: the file written.
        output_bytes: its size.
        notes: what of the input is not carried, was assumed, or was done to its times.
    """

    name: str
    input: str
    status: str = "done"
    reason: str = ""
    frames: int = 0
    hidden: int = 0
    damaged: int = 0
    seconds: float = 0.0
    anchors: dict[str, int] = field(default_factory=lambda: {"KEY": 0, "ALTREF": 0, "NORMAL": 0})
    dropped_anchors: int = 0
    still_anchors: int = 0
    unpaid_anchors: int = 0
    missed_deadlines: int = 0
    decode_fps: float = 0.0
    inference_fps: float = 0.0
    encode_fps: float = 0.0
    latency_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    lr_kbps: float = 0.0
    anchor_kbps: float = 0.0
    anchor_share: float = 0.0
    output: str = ""
    output_bytes: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of real time: what was measured against its limit, for the worst stream."""

    name: str
    value: float
    limit: float
    unit: str
    met: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """An actor that died and was replaced, the call that noticed it first, and why; one that hung was killed."""

    actor: str
    seconds: float
    call: str
    cause: str = "died"


@dataclass(slots=True)
class Usage:
    """What all processes of the run took together.

    Attributes:
        cpu_seconds: CPU time of all.
        cores: cores busy on average.
        peak_memory_mb: the most memory that all held together, shared memory counted once.
        job_cpu_seconds: of that CPU time, the job's own process.
        ray_cpu_seconds: Ray's own processes: object store, placement, logs.
        actor_cpu_seconds: the actors, by kind.
        stage_cpu_seconds: what went into decoding, enhancing (DNN and JPEG), encoding anew and writing.
        memory_mb: the memory all along, at equal intervals.
    """

    cpu_seconds: float = 0.0
    cores: float = 0.0
    peak_memory_mb: float = 0.0
    job_cpu_seconds: float = 0.0
    ray_cpu_seconds: float = 0.0
    actor_cpu_seconds: dict[str, float] = field(default_factory=dict)
    stage_cpu_seconds: dict[str, float] = field(default_factory=dict)
    memory_mb: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DecodersResult:
    """Decoders that work on one device.

    Attributes:
        actors: how many processes.
        frames_per_second: what each can decode, measured or set; 0 where all decoders are of one kind.
        streams: how many streams they have been given.
        reason: why decoders are here that were meant for another device.
    """

    actors: int
    frames_per_second: float
    streams: int
    reason: str = ""


@briefly_pickled
@dataclass(frozen=True, slots=True)
class Standing:
    """What streams that come in real time ask of enhancers and decoders, and what these are counted on for.

    Attributes:
        seconds: since when, from the beginning of the run.
        cause: what has changed with it: `streams`, `enhancers` or `overload`; empty where nothing has.
        factor: what all fractions are multiplied by; 1 where there is time for all that is asked.
        asked: anchors a second that the streams ask for.
        capacity: anchors a second that all enhancers are counted on for; 0 where nothing was measured.
        streams, enhancers: how many.
        decoding: seconds a second that the busiest decoder is asked for; 0 where nothing was measured.
        refused: streams that were refused so far.
    """

    seconds: float = 0.0
    cause: str = ""
    factor: float = 1.0
    asked: float = 0.0
    capacity: float = 0.0
    streams: int = 0
    enhancers: int = 0
    decoding: float = 0.0
    refused: int = 0


@dataclass(slots=True)
class AdmissionResult:
    """How streams were let in.

    Attributes:
        mode: `refuse` or `degrade`; see `ns_ray.config.admission`.
        floor: the smallest fraction that streams are lowered to.
        standings: one for each time that something changed, the latest.
    """

    mode: str
    floor: float
    standings: list[Standing] = field(default_factory=list)

    @property
    def lowest(self) -> float:
        """The smallest factor there was."""
        return min((one.factor for one in self.standings), default=1.0)


@dataclass(slots=True)
class Switches:
    """How often an enhancer switched to another stream's weights, and the seconds that took."""

    count: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class EngineResult:
    """The inference engine taken for a model and LR size, where it ran, and its measured time for a frame."""

    name: str
    device: str
    latency_ms: float

    def __str__(self) -> str:
        return f"{self.name} on {self.device}, {self.latency_ms:.1f} ms a frame"


@dataclass(frozen=True, slots=True)
class MethodResult:
    """Another method, measured after this run on the same machine and actors, as fast as it goes.

    Attributes:
        method: its name.
        model: its DNN.
        streams: streams at once.
        anchors: share of the shown frames that the DNN enhanced.
        media_seconds: media time of all streams together.
        wall_seconds: from the first packet to the last byte written.
        real_time_streams: streams that it would keep in real time.
        report: its own report, from the folder of this run's.
    """

    method: str
    model: str
    streams: int
    anchors: float
    media_seconds: float
    wall_seconds: float
    real_time_streams: float
    report: str


@dataclass(frozen=True, slots=True)
class CropResult:
    """A window cut out of one frame, as a viewer sees it and beside it what else there could be.

    Attributes:
        frame: number of the frame in its stream.
        source: `anchor`, `rebuilt` (from anchors), `upscaled` or `repeated`; `super-resolved` where all frames are.
        window: left, top, width and height, in HR samples.
        images: names of PNG files of the window, which lie in `PICTURES`: `bicubic` (LR upscaled), `enhanced` and,
            where there is one, `reference`.
        psnr: luma PSNR of the whole frame in dB, of `bicubic` and `enhanced`; empty without a reference.
        window_psnr: the same of the window.
    """

    frame: int
    source: str
    window: tuple[int, int, int, int]
    images: dict[str, str]
    psnr: dict[str, float] = field(default_factory=dict)
    window_psnr: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QualityResult:
    """How near a stream's first frames come to its reference.

    Attributes:
        frames: how many were compared.
        looked_at: how many of them, one behind the other, by what takes longer: all but PSNR.
        first: number of the first of these.
        figures: of `bicubic` (LR upscaled) and `enhanced`, the means over these frames: `psnr_y` and `psnr`, dB, and
            what `evaluation.perceived` measures; what could not be measured is left out.
        note: why that is so.
    """

    frames: int
    looked_at: int
    first: int
    figures: dict[str, dict[str, float]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PictureResult:
    """What the output looks like.

    Attributes:
        stream: the stream shown.
        reference: the original at HR; empty where none is known.
        crops: some of its frames.
        note: why there is less to be seen than there could be.
        quality: figures of its first frames; None without a reference.
    """

    stream: str = ""
    reference: str = ""
    crops: list[CropResult] = field(default_factory=list)
    note: str = ""
    quality: QualityResult | None = None


@dataclass(slots=True)
class BenchmarkResult:
    """One run.

    Attributes:
        options: what was asked for, by name.
        config: the configuration in force.
        host: the machine: processor, cores, memory, GPUs, versions.
        engines: what ran each `WIDTHxHEIGHT model`.
        decoders: what decoded, by kind: `cpu`, `cuda`.
        switches: the enhancers' switching of weights.
        paced: whether packets came in real time; otherwise as fast as possible.
        wall_seconds: from the first packet to the last byte written.
        media_seconds: media time of all streams together.
        real_time: whether every rule was met; None where that cannot be judged.
        not_judged: why it cannot.
        rules: the rules of real time.
        usage: CPU and memory of all processes.
        losses: actors that died.
        streams: one entry a stream.
        epochs: one entry an epoch and stream, of those that were written.
        chosen: the anchors in the outputs.
        against: other methods on the same machine.
        picture: what a stream of it looks like.
        admission: how streams were let in; None where all were.
        told: names of the options that were set to something else than their defaults; None where that is not known.
    """

    options: dict[str, Any]
    config: dict[str, Any]
    host: dict[str, Any]
    engines: dict[str, EngineResult] = field(default_factory=dict)
    decoders: dict[str, DecodersResult] = field(default_factory=dict)
    switches: Switches = field(default_factory=Switches)
    paced: bool = False
    wall_seconds: float = 0.0
    media_seconds: float = 0.0
    real_time: bool | None = None
    not_judged: str = ""
    rules: list[Rule] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    losses: list[Loss] = field(default_factory=list)
    streams: list[StreamResult] = field(default_factory=list)
    epochs: list[EpochResult] = field(default_factory=list)
    chosen: list[AnchorResult] = field(default_factory=list)
    against: list[MethodResult] = field(default_factory=list)
    picture: PictureResult = field(default_factory=PictureResult)
    admission: AdmissionResult | None = None
    told: list[str] | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as plain objects."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> "BenchmarkResult":
        """The result that `to_json` made plain.

        Raises:
            ResultError: something is missing or of another type.
        """
        try:
            return _adapter().validate_python(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "top level"
            raise ResultError(f"no benchmark result: {where}: {first['msg']}") from error


@cache
def _adapter() -> TypeAdapter[BenchmarkResult]:
    return TypeAdapter(BenchmarkResult)


def percentiles(values: list[float]) -> dict[str, float]:
    """The 50th, 95th and 99th percentile, in the unit of `values`; empty where there are none."""
    if not values:
        return {}
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99)}
