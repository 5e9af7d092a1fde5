"""Reading a configuration."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ns_ray.config.config import Config
from ns_ray.errors import ConfigError


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
