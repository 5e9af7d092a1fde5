"""The names that settings have."""

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel

from ns_ray.nearest import nearest_first


def why_unknown(model: type[BaseModel], place: Sequence[str | int]) -> str:
    """That there is no such setting, and which there are instead: the nearest first.

    Args:
        model: the whole configuration.
        place: the levels of what is unknown, itself the last.
    """
    *group, last = map(str, place)
    inside = model
    for level in group:
        inside = _inside(inside, level)
    names = nearest_first(last, inside.model_fields)
    if group:
        return f"there is no such setting; `{'.'.join(group)}` has {', '.join(names)}"
    meant = [
        f"{name}.{last}"
        for name, field in model.model_fields.items()
        if (one := _model_of(field.annotation)) and last in one.model_fields
    ]
    return f"there is no such setting; choose {', '.join([*meant, *names])}"


def _inside(model: type[BaseModel], level: str) -> type[BaseModel]:
    field = model.model_fields.get(level)
    return (_model_of(field.annotation) if field else None) or model


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The settings that a field holds, itself or by names of the user's; None where it holds values."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None
