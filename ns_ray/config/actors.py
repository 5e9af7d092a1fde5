"""Actors: how many of each kind, what each reserves, and what one call brings."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ns_ray.config.strict import Strict
from ns_ray.errors import ModelError
from ns_ray.sr.engine_names import engine_name


def _engine_name(name: str) -> str:
    try:
        return engine_name(name)
    except ModelError as error:
        raise ValueError(str(error)) from None


class Pool(Strict):
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
    resources: dict[str, float] = Field({})
    affinity: list[list[int]] = Field([])
    call_seconds: float = Field(600, gt=0)


class DecoderSpeeds(Strict):
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
        engine: inference engine; `auto` takes TensorRT on GPUs before Hopper (T4, RTX 20 to 40) where it is installed,
            else measures those that are there and takes the fastest.
        threads: CPU threads of inference where there is no GPU.
        chunk_frames: frames that one call takes at most, which bounds memory where every frame is enhanced.
        engines: engines that each hosts at most, one a model and size of frames; the one not used for longest goes.
        weights: sets of weights that each keeps in memory at most; the one not used for longest goes, and is read
            again when it is needed. A set takes 0.5 MB (EDSR_B8_F32).
        bundle_streams: streams that one call brings at most.
        bundle_frames: frames that travel together at most; a frame of 1280x720 takes 1.4 MB.
    """

    engine: Annotated[str, AfterValidator(_engine_name)] = "auto"
    threads: int = Field(1, ge=1)
    chunk_frames: int = Field(8, ge=1)
    engines: int = Field(6, ge=1)
    weights: int = Field(256, ge=1)
    bundle_streams: int = Field(16, ge=1)
    bundle_frames: int = Field(48, ge=1)


GPU_CALLS = 3
"""Calls that an enhancer on a GPU works on: one fetches its frames, one has the GPU, one stores its images."""


class EncoderPool(Pool):
    """Encoder actors: anchors to images, or pictures to video, on the CPU.

    Attributes:
        anchors: where anchors are compressed: in the enhancer, or here.
        threads: threads of a video encoder.
    """

    anchors: Literal["enhancer", "encoder"] = "enhancer"
    threads: int = Field(1, ge=1)
