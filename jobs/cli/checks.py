"""What a job checks before it does anything that takes long: all of it, so that all that is wrong is told at once."""

import argparse
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from ns_ray.config.config import Config
from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError, MediaError, ModelError, NsRayError
from ns_ray.evaluation.original import Original
from ns_ray.jobs.cli import entry
from ns_ray.jobs.cli.despite import despite
from ns_ray.sr.checkpoints import weights_in, weights_path
from ns_ray.sr.engine_names import engine_name
from ns_ray.sr.spec import ModelSpec
from ns_ray.video.address import is_pipe, local
from ns_ray.video.probe import VideoInfo, probe, require_supported

T = TypeVar("T")
P = ParamSpec("P")


def required(found: T | None) -> T:
    """What checks that were all passed have found."""
    assert found is not None
    return found


class Checks:
    """What was found wrong so far. What is checked is given back, so that nothing is read twice."""

    def __init__(self) -> None:
        self._usage: list[str] = []
        self._failures: list[str] = []

    def __call__(self, check: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T | None:
        """Make a check; None where it failed."""
        try:
            return check(*arguments, **options)
        except ConfigError as error:
            self._usage += map(str, error.args)
        except NsRayError as error:
            self._failures += map(str, error.args)
        except OSError as error:
            self._failures.append(str(error))
        return None

    def wrong(self, problem: str) -> None:
        """Note wrong usage."""
        self._usage.append(problem)

    def add(self, others: "Checks") -> None:
        """Take what others found wrong."""
        self._usage += others._usage
        self._failures += others._failures

    def done(self) -> None:
        """End of the checks.

        Raises:
            ConfigError: something was wrong usage; a text for each thing that is wrong.
            MediaError: files failed, but usage was right; likewise.
        """
        problems = dict.fromkeys((*self._usage, *self._failures))
        if self._usage:
            raise ConfigError(*problems)
        if problems:
            raise MediaError(*problems)

    def settings(self, options: argparse.Namespace) -> Config:
        """The configuration; where it is wrong, for further checks, what it is without --set, or by itself."""
        config = self(load_config, options.config, options.set)
        if config is None and options.set:
            with suppress(ConfigError):
                return load_config(options.config)
        return config or Config()

    def model(self, name: str, option: str = "--model") -> ModelSpec | None:
        """A model by its name."""
        try:
            return ModelSpec.parse(name)
        except ModelError as error:
            self.wrong(f"{option}: {error}")
            return None

    def engine(self, name: str | None) -> None:
        """An engine that is named by an option."""
        try:
            engine_name(name or "auto")
        except ModelError as error:
            self.wrong(f"--engine: {error}")

    def video(self, path: str | Path, data_dir: Path | None = None, unsafe: bool = False) -> VideoInfo | None:
        """A video, as far as it is a file: pipes and URLs are opened by whoever reads them.

        Args:
            path: its path, or one below `data_dir`.
            data_dir: the data folder.
            unsafe: as `probe` has it.
        """
        text = str(path)
        if data_dir is not None and local(text) is None and "://" not in text:
            text = str(entry.found(Path(text), data_dir)) if entry.found(Path(text), data_dir).exists() else text
        if is_pipe(text) or (local(text) is None and "://" in text):
            return None
        return self(probe, text, unsafe)

    def source(self, path: str | Path, data_dir: Path | None = None, unsafe: bool = False) -> VideoInfo | None:
        """A video, likewise, that is of a kind that can be enhanced."""
        info = self.video(path, data_dir, unsafe)
        if info is not None:
            self(require_supported, info)
        return info

    def pair(
        self, lr: Path, hr: Path, options: argparse.Namespace, spec: ModelSpec | None, enhanced: bool = True
    ) -> tuple[VideoInfo | None, VideoInfo | None]:
        """A video and its original, each a path or one below --data-dir; whether they belong together, too.

        Args:
            lr: the video.
            hr: the original.
            options: with those of `despite_options`.
            spec: the model; None where that is wrong itself.
            enhanced: whether the video has to be of a kind that can be enhanced.

        Returns:
            What both are.
        """
        low = self.source(lr, options.data_dir) if enhanced else self.video(lr, options.data_dir)
        high = self.video(hr, options.data_dir)
        if low is not None and high is not None and spec is not None:
            self(Original, high.path, low.path, spec.scale, despite(options))
        return low, high

    def weights(self, spec: ModelSpec | None, path: Path | None, epoch: int | None = None) -> Path | None:
        """The file of a model's weights, which is read.

        Args:
            spec: the model; None where that is wrong itself.
            path: a file, or a folder that holds it; None for the ones that ship.
            epoch: of the training whose folder it is; None for the final ones.
        """
        if spec is None:
            if path is not None and not path.exists():
                self._failures.append(f"--weights {path}: there is no such file or folder; check the path")
            return None
        file = self(weights_file, spec, path, epoch)
        if file is not None and path is not None:
            from ns_ray.sr.weights import load_weights  # torch takes seconds

            self(load_weights, spec, file)
        return file

    def folder(self, path: Path, option: str) -> None:
        """A folder that results can be written to; it may have to be made."""
        there = next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))
        if not there.is_dir():
            self._failures.append(f"{option} {path}: {there} is no folder; name another place")
        elif not os.access(there, os.W_OK | os.X_OK):
            self._failures.append(
                f"{option} {path}: {there} cannot be written to; change its rights, or name another place"
            )

    def file(self, path: Path, option: str) -> None:
        """A file that can be written."""
        if path.is_dir():
            self._failures.append(f"{option} {path}: it is a folder; name a file in it")
        self.folder(path.parent, option)


def weights_file(spec: ModelSpec, path: Path | None, epoch: int | None = None) -> Path:
    """The file of a model's weights: the one named, that of the folder named, or the one that ships.

    Raises:
        ModelError: there is none.
    """
    if path is None:
        file = weights_path(spec)
        if not file.is_file():
            raise ModelError(
                f"no weights for {spec} ship ({file}): train them (jobs/train.py), or name some by --weights"
            )
        return file
    if not path.exists():
        raise ModelError(f"--weights {path}: there is no such file or folder; check the path")
    if not path.is_dir():
        if epoch is not None:
            raise ModelError(f"--weights {path}: it is a file; --epoch is of a training's folder")
        return path
    file = weights_in(path, spec, epoch)
    if not file.is_file():
        there = ", ".join(sorted(one.name for one in path.glob("*.pt"))) or "no weights at all"
        raise ModelError(f"--weights {path}: it has no {file.name}, but {there}; name the folder of {spec}, or a file")
    return file
