"""The clusters' files: by Ray's own validation, by what its rsync would take, by what the configuration asks for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.command_runner import SSHCommandRunner
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler._private.util import prepare_config, validate_config

from ns_ray.actors.fleet import Fleet
from ns_ray.actors.node_checks import NODE_CHECKS
from ns_ray.config.load import load_config

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDERS = {"ami-REPLACE-ME", "fs-REPLACE-ME", "REGISTRY-REPLACE-ME"}
NEEDED = ["jobs/benchmark.py", "configs/t4.yaml", "dataset/sample/360p_700kbps_d4_test.webm", "ns_ray/actors/fleet.py"]


@pytest.fixture(scope="module")
def aws():
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


@pytest.fixture(scope="module")
def kuberay():
    return yaml.safe_load((ROOT / "kuberay.yaml").read_text())


def test_ray_takes_the_file_for_aws(aws):
    prepared = prepare_config(aws)
    validate_config(prepared)
    assert {name: one["max_workers"] for name, one in prepared["available_node_types"].items()} == {
        "head": 0,
        "gpu": 4,
        "gpu4": 2,
        "cpu": 4,
    }


def test_all_node_types_have_the_image_and_the_same_set_up(aws):
    types = aws["available_node_types"]
    assert {one["node_config"]["ImageId"] for one in types.values()} == {"ami-REPLACE-ME"}
    for name in ("gpu", "gpu4"):
        *common, extras = types[name]["worker_setup_commands"]
        assert common == aws["setup_commands"], "a node type's list stands in place of the common one"
        assert "[gpu,tensorrt]" in extras


def test_what_has_to_be_put_in_is_pointed_out():
    found = {
        word
        for name in ("cluster.yaml", "kuberay.yaml")
        for word in re.findall(r"\b\w+-REPLACE-ME\b", (ROOT / name).read_text())
    }
    text = (ROOT / "docs" / "cluster.md").read_text()
    assert found == PLACEHOLDERS
    assert [word for word in found if word not in text] == []


def test_nothing_secret_is_inside_and_the_token_is_its_owners_alone(aws):
    text = (ROOT / "cluster.yaml").read_text() + (ROOT / "kuberay.yaml").read_text()
    assert not re.search(r"AKIA\w{16}|PRIVATE KEY|[0-9a-f]{64}|secret_key|password", text)
    assert aws["file_mounts"]["/home/ubuntu/.ray/auth_token"] == "~/.ray/auth_token"
    assert "chmod 700 ~/.ray && chmod 600 ~/.ray/auth_token" in aws["setup_commands"]
    for start in (aws["head_start_ray_commands"], aws["worker_start_ray_commands"]):
        assert "RAY_AUTH_MODE=token" in start[-1]


def test_heads_notice_at_once_that_a_node_has_died(aws, kuberay):
    start = aws["head_start_ray_commands"][-1]
    assert [f"{name}={value}" in start for name, value in NODE_CHECKS.items()] == [True] * 3
    (head,) = kuberay["spec"]["headGroupSpec"]["template"]["spec"]["containers"]
    assert {one["name"]: one["value"] for one in head["env"]}.items() >= NODE_CHECKS.items()


def test_actors_of_the_configuration_have_a_place_on_both(aws, kuberay):
    """Each actor on a node type by itself, and all together on as many as there may be."""
    config = load_config(ROOT / "configs" / "t4.yaml")
    fleet = Fleet(config, 4)
    actors = fleet.reserved(fleet.configured() | {"encoder": config.encoder.actors})
    # What AWS tells Ray of its instances, which it asks before it starts any.
    hardware = {"g4dn.xlarge": {"CPU": 4, "GPU": 1}, "g4dn.12xlarge": {"CPU": 48, "GPU": 4}, "c6i.4xlarge": {"CPU": 16}}
    of_aws = {
        name: (hardware.get(one["node_config"]["InstanceType"], {}) | one["resources"], one.get("max_workers", 1))
        for name, one in aws["available_node_types"].items()
    }
    derived = _derive_autoscaling_config_from_ray_cr({**kuberay, "metadata": {**kuberay["metadata"], "namespace": "x"}})
    of_kuberay = {
        name: (one["resources"], max(one["max_workers"], 1)) for name, one in derived["available_node_types"].items()
    }
    for types in (of_aws, of_kuberay):
        for actor in actors:
            asked = {name: amount for name, amount in actor.items() if amount and not name.startswith("node:")}
            assert any(all(have.get(name, 0) >= asked[name] for name in asked) for have, _ in types.values()), asked
        for name in ("CPU", "GPU", "cpu_node"):
            most = sum(have.get(name, 0) * count for have, count in types.values())
            assert sum(actor.get(name, 0) for actor in actors) <= most


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_weights_and_sample_travel_and_what_was_built_stays(aws, tmp_path):
    """By the arguments that Ray gives rsync, into a folder."""
    options = {"rsync_exclude": aws["rsync_exclude"], "rsync_filter": aws.get("rsync_filter", [])}
    filters = SSHCommandRunner._create_rsync_filter_args(None, options)
    source = aws["file_mounts"]["/home/ubuntu/neuroscaler"]
    subprocess.run(["rsync", "-avz", *filters, f"{source}/", f"{tmp_path}/"], cwd=ROOT, check=True, capture_output=True)
    weights = sorted(path.relative_to(ROOT) for path in (ROOT / "result" / "pretrained").rglob("*.pt"))
    assert weights
    assert [name for name in [*NEEDED, *map(str, weights)] if not (tmp_path / name).exists()] == []
    arrived = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    assert [name for name in arrived if re.search(r"(^|/)(\.git|\.venv|build|__pycache__)(/|$)|\.so$", name)] == []
