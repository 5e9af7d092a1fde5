"""Typed configuration: what a machine offers and how the work is laid over it, read from configs/*.yaml."""

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ns_ray.errors import ConfigError
from ns_ray.names import folder_name


def _folder_name(name: str) -> str:
    try:
        return folder_name(name)
    except ConfigError as error:
        raise ValueError(str(error)) from None


FolderName = Annotated[str, AfterValidator(_folder_name)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pool(_Strict):
    """Actors of one kind.

    Attributes:
        actors: how many.
        cpus: CPUs that each reserves with Ray; 0 for one that hardly computes.
        resources: custom Ray resources that each reserves, which bind it to nodes that offer them.
        affinity: CPUs each may run on, one list an actor, taken in turn; empty for any.
        call_seconds: how long one call may run before its actor counts as hung; far more than any takes.
    """

    actors: int = Field(1, ge=1)
    cpus: float = Field(0, ge=0)
    resources: dict[str, float] = {}
    affinity: list[list[int]] = []
    call_seconds: float = Field(600, gt=0)


class DecoderSpeeds(_Strict):
    """Frames a second of one decoder process of each kind."""

    cpu: float = Field(gt=0)
    nvdec: float = Field(gt=0)


class DecoderPool(Pool):
    """Decoder actors on the CPU (`actors`), and beside them some that decode by NVDEC.

    Streams go to NVDEC until that is full, as cores have other work; from there on all decoders become about equally
    busy, by the speed of both kinds.

    Attributes:
        actors: processes that decode on the CPU.
        threads: decoding threads of each, which work on the tiles of one frame.
        nvdec: processes that decode by NVDEC, on the GPUs in turn; where that fails, on the CPU.
        nvdec_sessions: streams that each of those decodes at a time.
        nvdec_full: share of an NVDEC process's speed from which on the CPU decodes too.
        speeds: frames a second of one process of each kind; left out, both are measured at the start.
        bundle_streams: streams that one call brings at most; what has been decoded goes on call by call.
        calls: calls that each works on at a time.
    """

    actors: int = Field(1, ge=0)
    threads: int = Field(1, ge=1)
    nvdec: int = Field(0, ge=0)
    nvdec_sessions: int = Field(1, ge=1)
    nvdec_full: float = Field(0.6, gt=0, le=1)
    speeds: DecoderSpeeds | None = None
    bundle_streams: int = Field(8, ge=1)
    calls: int = Field(2, ge=1)

    @model_validator(mode="after")
    def _some(self) -> "DecoderPool":
        if not self.actors + self.nvdec:
            raise ValueError("there must be a decoder: set actors or nvdec to 1 or more")
        return self


class EnhancerPool(Pool):
    """Enhancer actors: one a GPU (then `actors` follows the number of GPUs), or on the CPU.

    Attributes:
        engine: inference engine; `auto` measures those that are there and takes the fastest.
        threads: CPU threads of inference where there is no GPU.
        chunk_frames: frames that one call takes at most, which bounds memory where every frame is enhanced.
        engines: engines that each hosts at most, one a model and size of frames; the one not used for longest goes.
        weights: sets of weights that each keeps in memory at most; the one not used for longest goes, and is read
            again when it is needed. A set takes 0.5 MB (EDSR_B8_F32).
        bundle_streams: streams that one call brings at most.
        bundle_frames: frames that travel together at most; a frame of 1280x720 takes 1.4 MB.
    """

    engine: str = "auto"
    threads: int = Field(1, ge=1)
    chunk_frames: int = Field(8, ge=1)
    engines: int = Field(6, ge=1)
    weights: int = Field(256, ge=1)
    bundle_streams: int = Field(16, ge=1)
    bundle_frames: int = Field(48, ge=1)


class EncoderPool(Pool):
    """Encoder actors: anchors to images, or pictures to video, on the CPU.

    Attributes:
        anchors: where anchors are compressed: in the enhancer, or here.
        threads: threads of a video encoder.
    """

    anchors: Literal["enhancer", "encoder"] = "enhancer"
    threads: int = Field(1, ge=1)


class Downloads(_Strict):
    """How source videos are fetched.

    Attributes:
        at_once: videos at a time.
        timeout_seconds: how long a server may be silent.
        retries: how often a broken connection is tried again before the video is given up.
    """

    at_once: int = Field(3, ge=1)
    timeout_seconds: float = Field(20, gt=0)
    retries: int = Field(5, ge=0)


class Encodes(_Strict):
    """How source videos are cut and encoded.

    Attributes:
        at_once: outputs in work at a time, over all nodes; the published number.
        cpus: CPUs that each reserves with Ray.
        resources: custom Ray resources that each reserves, which bind it to nodes that offer them.
        threads: decoding threads of each.
        task_seconds: how long one may make no progress before its process counts as hung, is killed and starts again.
        reference_crf: quality of references that are encoded rather than copied (SVT-AV1; lower is better).
        reference_preset: speed of the same, 0 to 13.
        require_hidden: refuse LR video of a GOP or longer without hidden frames, which make the best anchors.
    """

    at_once: int = Field(6, ge=1)
    cpus: float = Field(1, ge=0)
    resources: dict[str, float] = {}
    threads: int = Field(2, ge=1)
    task_seconds: float = Field(600, gt=0)
    reference_crf: int = Field(18, ge=0, le=63)
    reference_preset: int = Field(8, ge=0, le=13)
    require_hidden: bool = True


class Training(_Strict):
    """How a model is trained on a content; the published settings.

    Attributes:
        epochs, epoch_steps: how long; after each epoch the model is validated.
        minutes: end earlier, after training so long, if not 0.
        batch, patch: patches a step, and their LR side.
        rate, halve_epochs: Adam's learning rate, and after how many epochs each it is halved.
        luma, average: weight of the luma error; decay of the moving average of the weights. Published: none.
        fps: frames taken a second of video.
        held_out: last frames that are validated on and never trained on.
        precision: arithmetic; `auto` is bfloat16 or float16 on a GPU, float32 on a CPU.
        memory_gb: what frames may take (10^9 bytes): 27.6 MB each at 720p -> 2160p; published 10 minutes take 8.3.
        save_seconds: time between checkpoints.
        seed: of the patches.
        cpus: CPUs that each training reserves with Ray, and its threads.
        gpus: GPUs that each reserves where there are any; 0.5 lets two share one.
        resources: custom Ray resources that each reserves, which bind it to nodes that offer them.
        retries: how often a training goes on whose process died.
        task_seconds: how long one may make no progress, reading its videos included, before its process counts as
            hung and is killed.
    """

    epochs: int = Field(20, ge=1)
    epoch_steps: int = Field(1000, ge=1)
    minutes: float = Field(0, ge=0)
    batch: int = Field(64, ge=1)
    patch: int = Field(64, ge=1)
    rate: float = Field(1e-4, gt=0)
    halve_epochs: int = Field(100, ge=1)
    luma: float = Field(0, ge=0)
    average: float = Field(0, ge=0, lt=1)
    fps: float = Field(0.5, gt=0)
    held_out: int = Field(2, ge=0)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    memory_gb: float = Field(12, gt=0)
    save_seconds: float = Field(60, ge=0)
    seed: int = Field(0, ge=0)
    cpus: int = Field(1, ge=1)
    gpus: float = Field(1, gt=0)
    resources: dict[str, float] = {}
    retries: int = Field(3, ge=0)
    task_seconds: float = Field(3600, gt=0)


class Pretraining(_Strict):
    """How generic weights are trained, on all pairs of videos there are.

    Attributes:
        start: `interpolation`: random weights that interpolate; `shipped`: go on from the ones that ship.
        steps: how many, over which the learning rate falls.
        minutes: end earlier, after training so long, if not 0; the rate has fallen by then.
        batch, patch: patches a step, and their LR side.
        rate: highest learning rate of Adam.
        luma, average: weight of the luma error beside the RGB one; decay of the moving average of the weights.
        every: frames taken of a pair are at least so many LR frames apart.
        held_out: last frames of each collection and size that are validated on and never trained on.
        report: steps between validations.
        precision: arithmetic; `auto` is bfloat16 or float16 on a GPU, float32 on a CPU.
        memory_gb: what frames may take (10^9 bytes).
        save_seconds: time between checkpoints.
        device: cpu, cuda or cuda:<index>; empty for a GPU if there is one.
        threads: videos decoded at a time; 0 for one a core.
        seed: of weights and patches.
    """

    start: Literal["interpolation", "shipped"] = "interpolation"
    steps: int = Field(60_000, ge=1)
    minutes: float = Field(0, ge=0)
    batch: int = Field(64, ge=1)
    patch: int = Field(64, ge=1)
    rate: float = Field(4e-4, gt=0)
    luma: float = Field(1.0, ge=0)
    average: float = Field(0.999, ge=0, lt=1)
    every: int = Field(2, ge=1)
    held_out: int = Field(6, ge=0)
    report: int = Field(5000, ge=1)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    memory_gb: float = Field(24, gt=0)
    save_seconds: float = Field(60, ge=0)
    device: str = Field("", pattern=r"^(cpu|cuda(:\d+)?)?$")
    threads: int = Field(0, ge=0)
    seed: int = Field(0, ge=0)


class Stills(_Strict):
    """How training material is made out of still images.

    Attributes:
        kept: HR frames kept of a clip.
        detail: least mean step between neighbouring HR luma samples, in levels; flat pictures teach nothing.
        crf: quality of the HR clips (SVT-AV1; lower is better).
        limit: clips of each size at most; 0 for no limit.
        windows: clips made of an image at each size, with other windows and motion.
        seed: of the choice of windows and motion.
    """

    kept: int = Field(4, ge=1)
    detail: float = Field(0.7, ge=0)
    crf: int = Field(18, ge=0, le=63)
    limit: int = Field(0, ge=0)
    windows: int = Field(1, ge=1)
    seed: int = 0


class HardwareEncoder(_Strict):
    """A GPU's own video encoder, by what is stated of it rather than measured.

    Attributes:
        fps: 2160p frames a second of one GPU.
        source: who says so, where and when.
    """

    fps: float = Field(gt=0)
    source: str


class Instance(_Strict):
    """A machine that streams are served on, and what it costs.

    Attributes:
        vcpus: CPUs that its operating system counts.
        gpus: how many.
        gpu: their kind.
        price_usd: US dollars an hour; None where it has no price.
        price_source: who says so, for what, and when.
        hardware_encoder: of each GPU; None where nothing is known.
    """

    vcpus: int = Field(ge=1)
    gpus: int = Field(ge=0)
    gpu: str = ""
    price_usd: float | None = Field(None, gt=0)
    price_source: str = ""
    hardware_encoder: HardwareEncoder | None = None

    @model_validator(mode="after")
    def _sourced(self) -> "Instance":
        if self.price_usd is not None and not self.price_source:
            raise ValueError("a price needs its price_source")
        return self


class ArtifactContent(_Strict):
    """A content of the artifact evaluation.

    Attributes:
        lr, hr: its videos, paths from the repository; left out, the test video that jobs/encode.py prepared, and the
            weights trained on it.
    """

    lr: str = ""
    hr: str = ""

    @model_validator(mode="after")
    def _both(self) -> "ArtifactContent":
        if bool(self.lr) != bool(self.hr):
            raise ValueError("name both lr and hr, or neither")
        return self


class ArtifactMethod(_Strict):
    """A method of the artifact evaluation: its DNN, and of how many frames in 40 it enhances."""

    blocks: int = Field(8, ge=1)
    channels: int = Field(ge=1)
    anchors: int = Field(40, ge=1, le=40)


ArtifactTarget = Literal["per-frame", "selective", "engorgio"]


class Artifact(_Strict):
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
        fractions: shares of anchors of the curves.
        encoder_frames, decoder_frames: frames that encoders and decoders are measured on.
        requests, warm_up, naive_requests: of inference, each of 6 frames.
        step_seconds: how long a step may take before it is ended and counts as failed.
    """

    contents: dict[FolderName, ArtifactContent] = {"lol0": ArtifactContent()}
    methods: dict[ArtifactTarget, ArtifactMethod] = {
        "per-frame": ArtifactMethod(channels=16),
        "selective": ArtifactMethod(channels=32, anchors=8),
        "engorgio": ArtifactMethod(channels=32, anchors=3),
    }
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
    fractions: list[float] = [0.025, 0.05, 0.075, 0.1, 0.15]
    encoder_frames: int = Field(3600, ge=1)
    decoder_frames: int = Field(600, ge=1)
    requests: int = Field(100, ge=1)
    warm_up: int = Field(10, ge=0)
    naive_requests: int = Field(10, ge=0)
    step_seconds: float = Field(7200, gt=0)


class Config(_Strict):
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
        object_store_mb: memory for objects shared between processes, where the job starts Ray itself.
        kept_epochs: epochs of which a host keeps what became of them, for whoever asks; at 1.5 a second and stream,
            10,000 are 100 s of 64 streams.
        inputs: videos to take where none are named, relative to the repository.
        references: originals at HR by the videos made of them, both relative to the repository, for who compares.
        instances: machines by the name under which results are kept, for what streams cost on them.
        artifact: what jobs/artifact.py evaluates.
    """

    instance: FolderName = "local"
    epoch_seconds: float = Field(40 / 60, ge=0.001)
    gop_frames: int | None = Field(120, ge=1)
    in_flight_epochs: int = Field(2, ge=1)
    stop_seconds: float = Field(2, ge=0)
    retries: int = Field(4, ge=0)
    hang_seconds: float = Field(30, ge=3)
    start_seconds: float = Field(300, gt=0)
    object_store_mb: int = Field(1024, ge=100)
    kept_epochs: int = Field(10_000, ge=1)
    inputs: list[str] = []
    references: dict[str, str] = {}
    manager: Pool = Pool()
    host: Pool = Pool()
    decoder: DecoderPool = DecoderPool()
    scheduler: Pool = Pool()
    enhancer: EnhancerPool = EnhancerPool()
    encoder: EncoderPool = EncoderPool()
    download: Downloads = Downloads()
    encode: Encodes = Encodes()
    train: Training = Training()
    pretrain: Pretraining = Pretraining()
    stills: Stills = Stills()
    instances: dict[FolderName, Instance] = {}
    artifact: Artifact = Artifact()

    @property
    def slot(self) -> Fraction:
        """`epoch_seconds` as the nearest fraction with a denominator up to 1000: 2/3 where it says 0.6667."""
        return _nearest(self.epoch_seconds)


@cache
def _nearest(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(1000)


def load_config(path: Path, settings: list[str] | None = None) -> Config:
    """Read a configuration file and lay single settings over it.

    Args:
        path: a YAML file.
        settings: `key=value` with dots for levels, as in `enhancer.threads=2`; values are YAML.

    Raises:
        ConfigError: the file cannot be read, or a setting is unknown or out of range.
    """
    try:
        tree: Any = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: the configuration cannot be read ({error})") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a configuration is a mapping of settings to values")
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: write it as key=value")
        *levels, last = key.split(".")
        node = tree
        for level in levels:
            node = node.setdefault(level, {})
            if not isinstance(node, dict):
                raise ConfigError(f"--set {setting}: {level} is no group of settings")
        try:
            node[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {setting}: the value is no YAML ({error})") from error
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path}: {problems}") from error
