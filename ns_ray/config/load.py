"""Reading a configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ns_ray.config.config import Config
from ns_ray.config.setting_names import why_unknown
from ns_ray.errors import ConfigError


def load_config(path: Path, settings: list[str] | None = None) -> Config:
    """Read a configuration file and lay single settings over it.

    Args:
        path: a YAML file.
        settings: `key=value` with dots for levels, as in `enhancer.threads=2`; values are YAML.

    Raises:
        ConfigError: the file cannot be read, or settings are unknown or out of range; a text for each.
    """
    try:
        tree: Any = yaml.safe_load(path.read_text()) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: the configuration cannot be read ({_one_line(error)})") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a configuration is a mapping of settings to values")
    problems, told = list[str](), dict[str, str]()
    for setting in settings or []:
        try:
            told[_lay(tree, setting)] = f"--set {setting}"
        except ConfigError as error:
            problems.append(f"--set {setting}: {error}")
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        problems += (_problem(one["loc"], one["type"], one["msg"], told, path) for one in error.errors())
    if problems:
        raise ConfigError(*problems)
    return config


def _lay(tree: dict[str, Any], setting: str) -> str:
    """Lay a single setting over the others; gives its key. Raises ConfigError where that makes no sense."""
    key, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError("write it as key=value")
    *levels, last = key.split(".")
    node = tree
    for level in levels:
        node = node.setdefault(level, {})
        if not isinstance(node, dict):
            raise ConfigError(f"{level} is no group of settings")
    try:
        node[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value is no YAML ({_one_line(error)})") from error
    return key


def _problem(place: tuple[str | int, ...], kind: str, said: str, told: Mapping[str, str], path: Path) -> str:
    """What is wrong with a setting: where it was told, its name, and what it may be."""
    name = ".".join(map(str, place))
    origin = next((text for key, text in told.items() if f"{key}.".startswith(f"{name}.")), "")
    origin = origin or next((text for key, text in told.items() if f"{name}.".startswith(f"{key}.")), str(path))
    why = why_unknown(Config, place) if kind == "extra_forbidden" else said.removeprefix("Value error, ")
    return f"{origin}: {name}: {why}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
