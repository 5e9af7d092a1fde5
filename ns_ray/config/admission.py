"""What becomes of streams that the machines have no time for."""

from typing import Literal

from pydantic import Field

from ns_ray.config.strict import Strict


class Admission(Strict):
    """How streams that come in real time are let in; see docs/control.md.

    Attributes:
        mode: `refuse` those whose anchors there is no time for; or `degrade`: lower all streams' fractions until there
            is, and refuse only where `floor` does not leave enough.
        floor: anchors a shown frame that no stream is lowered below; streams that ask for fewer keep theirs.
    """

    mode: Literal["refuse", "degrade"] = "degrade"
    floor: float = Field(0.01, gt=0, le=1)
