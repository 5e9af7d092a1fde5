"""Names of models, and what they say."""

import re
from dataclasses import dataclass
from typing import Self

from ns_ray.errors import ModelError

USUAL = ("EDSR_B8_F16_S3", "EDSR_B8_F32_S3")
"""The published models, which jobs take where none is named."""
SHIPPED = (*USUAL, "EDSR_B8_F16_S2", "EDSR_B8_F32_S2")
"""Models whose weights come with the project."""

_NAME = re.compile(r"EDSR_B([1-9]\d{0,2})_F([1-9]\d{0,3})_S([234])")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a model's name says: how many residual blocks, how many channels, and HR/LR."""

    blocks: int
    features: int
    scale: int

    @classmethod
    def parse(cls, name: str) -> Self:
        """Reads a name like `EDSR_B8_F32_S3`.

        Raises:
            ModelError: no such model; the message names the choices.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            raise ModelError(
                f"unknown model '{name}': choose {', '.join(SHIPPED)} (weights included), or any "
                "EDSR_B<blocks>_F<channels>_S<scale> of scale 2, 3 or 4 with weights of your own"
            )
        return cls(*map(int, match.groups()))

    @property
    def name(self) -> str:
        """The name that `parse` reads."""
        return f"EDSR_B{self.blocks}_F{self.features}_S{self.scale}"

    @property
    def upsampling(self) -> tuple[int, ...]:
        """The factors of the pixel shuffles, in order: scale 4 is twice by 2."""
        return (2, 2) if self.scale == 4 else (self.scale,)

    def __str__(self) -> str:
        return self.name
