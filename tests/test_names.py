import pytest

from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError
from ns_ray.jobs import benchmark, build_engine, train
from ns_ray.names import folder_name


@pytest.mark.parametrize("name", ["local", "g4dn.xlarge", "Tesla T4", "lol0", "2080 Super, left", "größe", "a" * 100])
def test_names_of_folders(name):
    assert folder_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../up", "a/b", "/etc", "a\\b", ".hidden", "-x", "a\nb", "a\0b", "end.", "end ", "a" * 101, "C:"],
)
def test_what_would_leave_the_folder_or_cannot_be_one(name):
    with pytest.raises(ConfigError, match="cannot be the name of a folder"):
        folder_name(name)


@pytest.mark.parametrize(
    ("job", "options"),
    [
        (benchmark, ["--instance", "../../etc"]),
        (benchmark, ["--content", "../up"]),
        (train, ["--content", "/tmp"]),
        (build_engine, ["--capability", "7.5", "--gpu-name", "../T4"]),
    ],
)
def test_jobs_refuse_them_as_wrong_usage(job, options, capsys):
    with pytest.raises(SystemExit) as ended:
        job.arguments(options)
    assert ended.value.code == 2
    assert "cannot be the name of a folder" in capsys.readouterr().err


def test_so_does_the_configuration(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("instance: ../elsewhere\n")
    with pytest.raises(ConfigError, match=r"instance.*cannot be the name of a folder"):
        load_config(path)
