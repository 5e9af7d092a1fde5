"""What all groups of settings have in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from ns_ray.errors import ConfigError
from ns_ray.names import folder_name


def _folder_name(name: str) -> str:
    try:
        return folder_name(name)
    except ConfigError as error:
        raise ValueError(str(error)) from None


FolderName = Annotated[str, AfterValidator(_folder_name)]


class Strict(BaseModel):
    """Settings that refuse names they do not have, and never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
