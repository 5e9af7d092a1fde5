"""Making videos: downloads, encodes, clips out of still images."""

from typing import Literal

from pydantic import Field

from ns_ray.config.strict import Strict


class Downloads(Strict):
    """How source videos are fetched.

    Attributes:
        at_once: videos at a time.
        timeout_seconds: how long a server may be silent.
        retries: how often a broken connection is tried again before the video is given up.
    """

    at_once: int = Field(3, ge=1)
    timeout_seconds: float = Field(20, gt=0)
    retries: int = Field(5, ge=0)


class Encodes(Strict):
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
    resources: dict[str, float] = Field({})
    threads: int = Field(2, ge=1)
    task_seconds: float = Field(600, gt=0)
    reference_crf: int = Field(18, ge=0, le=63)
    reference_preset: int = Field(8, ge=0, le=13)
    require_hidden: bool = True


class Stills(Strict):
    """How training material is made out of still images.

    Attributes:
        kept: HR frames kept of a clip.
        detail: least mean step between neighbouring HR luma samples, in levels; flat pictures teach nothing.
        crf: quality of the HR clips (SVT-AV1; lower is better).
        limit: clips of each size at most; 0 for no limit.
        windows: clips made of an image at each size, with other windows and motion.
        seed: of the choice of windows and motion.
        codec: of the LR clips: `vp9` at the published settings, or `h264` as streamers send it.
        scale: HR over LR of what `h264` makes; the published LR videos serve any scale up to 3.
    """

    kept: int = Field(4, ge=1)
    detail: float = Field(0.7, ge=0)
    crf: int = Field(18, ge=0, le=63)
    limit: int = Field(0, ge=0)
    windows: int = Field(1, ge=1)
    seed: int = 0
    codec: Literal["vp9", "h264"] = "vp9"
    scale: Literal[2, 3] = 3
