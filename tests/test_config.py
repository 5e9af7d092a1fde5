from pathlib import Path

import pytest

from ns_ray.config.config import Config
from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path):
    assert load_config(path).instance


def test_single_settings_win(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("instance: here\nenhancer: {threads: 2}\n")
    config = load_config(path, ["enhancer.threads=3", "decoder.actors=4", "gop_frames=null"])
    assert (config.instance, config.enhancer.threads, config.decoder.actors) == ("here", 3, 4)
    assert config.gop_frames is None
    assert config.epoch_seconds == Config().epoch_seconds == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("threads", "key=value"),
        (
            "enhancer.speed=3",
            r"--set enhancer.speed=3: enhancer.speed: there is no such setting; `enhancer` has .*engine, .*",
        ),
        ("enhancer.threads=0", "enhancer.threads"),
        ("decoder.nvdec=-1", "decoder.nvdec"),
        ("decoder.actors=0", "there must be a decoder"),
        ("instance.name=x", "instance is no group"),
        ("inputs=[", "no YAML"),
    ],
)
def test_bad_settings_are_named(tmp_path, setting, message):
    path = tmp_path / "c.yaml"
    path.write_text("instance: here\n")
    with pytest.raises(ConfigError, match=message):
        load_config(path, [setting])


@pytest.mark.parametrize("content", ["[1, 2]", "a: [", "nonsense: 1"])
def test_bad_files_are_named(tmp_path, content):
    path = tmp_path / "c.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"c.yaml"):
        load_config(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent.yaml"):
        load_config(tmp_path / "absent.yaml")
