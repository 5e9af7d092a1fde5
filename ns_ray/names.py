"""Names that become parts of paths."""

import re

from ns_ray.errors import ConfigError

_NAME = re.compile(r"\w[\w .,+@=-]{0,99}")


def folder_name(name: str) -> str:
    """The name itself, if a file or folder can be called so and lies where it should.

    Raises:
        ConfigError: it is empty, longer than 100 characters, begins with a dot or dash, ends in a dot or space, or
            holds anything but letters, digits, spaces and ``.,_+@=-``: no slashes above all.
    """
    if not _NAME.fullmatch(name) or name[-1] in " .":
        raise ConfigError(
            f"{name!r} cannot be the name of a folder: use letters, digits, spaces and .,_+@=-, up to 100, with a "
            "letter or digit first"
        )
    return name
