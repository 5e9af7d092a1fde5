"""A machine for rent: what it has, and what it costs."""

from pydantic import Field, model_validator

from ns_ray.config.strict import Strict


class HardwareEncoder(Strict):
    """A GPU's own video encoder, by what is stated of it rather than measured.

    Attributes:
        fps: 2160p frames a second of one GPU.
        source: who says so, where and when.
    """

    fps: float = Field(gt=0)
    source: str


class Instance(Strict):
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
