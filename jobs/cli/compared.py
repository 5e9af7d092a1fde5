"""The checks of jobs that compare a video's methods with its original."""

import argparse

from ns_ray.config.config import Config
from ns_ray.jobs.cli.checks import Checks


def checked(options: argparse.Namespace) -> Config:
    """The configuration, where nothing that the options name is wrong.

    Args:
        options: `lr`, `hr`, `model`, `engine`, `weights` and `output`; of `weights` the file is noted.

    Raises:
        NsRayError: something is; all of it is named.
    """
    checks = Checks()
    config = checks.settings(options)
    spec = checks.model(options.model)
    checks.pair(options.lr, options.hr, options, spec)
    checks.engine(options.engine)
    options.weights = checks.weights(spec, options.weights)
    checks.folder(options.output or options.result_dir, "--output" if options.output else "--result-dir")
    checks.done()
    return config
