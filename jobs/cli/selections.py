"""Ways to choose anchors that can be compared, by name."""

from collections.abc import Callable
from functools import partial

from ns_ray.anchors.baselines import Uniform
from ns_ray.anchors.policies import Fraction, Policy

SELECTIONS: dict[str, Callable[[float], Policy]] = {
    "neuroscaler": Fraction,
    "published": partial(Fraction, horizon="gop"),
    "published-quality": partial(Fraction, horizon="epoch"),
    "uniform": Uniform,
    "uniform-coded": partial(Uniform, among="coded"),
}
"""How anchors are chosen, by the fraction of them. `published` is `neuroscaler` with the horizon of the published
engine, `published-quality` with that of its quality code; normalisers make no difference to a single stream."""
ORACLE = "nemo"
"""As many anchors in each epoch as `neuroscaler` has, chosen by trying every frame: see `ns_ray.evaluation.oracle`."""
