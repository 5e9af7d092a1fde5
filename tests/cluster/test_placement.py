"""Who is where, by every configuration that ships."""

from pathlib import Path

import pytest

from ns_ray.actors import room
from ns_ray.actors.fleet import Fleet
from ns_ray.config.config import Config
from ns_ray.config.load import load_config
from ns_ray.errors import ConfigError
from ns_ray.jobs.cli.nodes import require_placed

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SHIPPED = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
HEAD = "node:__internal_head__"


def reserved(config: Config, gpus: int) -> dict[str, dict[str, float]]:
    """What an actor of each kind reserves."""
    fleet = Fleet(config, gpus)
    kinds = dict.fromkeys(fleet.configured(), 1) | {"encoder": 1}
    every = zip(kinds, fleet.reserved(kinds), strict=True)
    return {kind: {name: amount for name, amount in its.items() if amount} for kind, its in every}


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_lands_anywhere_by_chance(name, monkeypatch):
    config = load_config(CONFIGS / f"{name}.yaml")
    for gpus in (0, 1) if name in ("local", "artifact") else (1,):
        found = reserved(config, gpus)
        assert all(found.values()), found
        assert {kind for kind, its in found.items() if HEAD in its} == {"manager", "scheduler"}
        assert {kind for kind, its in found.items() if "GPU" in its} == ({"enhancer"} if gpus else set())
        monkeypatch.setattr(room, "several_nodes", lambda: True)
        require_placed(config, found, gpus)


def test_on_a_cluster_gpus_and_cpus_are_apart_and_anchors_are_compressed_on_gpu_nodes():
    config = load_config(CONFIGS / "t4.yaml")
    found = reserved(config, 4)
    assert {kind for kind, its in found.items() if "cpu_node" in its} == {"host", "decoder", "encoder"}
    assert all(found[kind]["CPU"] >= 1 for kind in ("host", "decoder", "encoder"))
    assert "CPU" not in found["manager"] | found["scheduler"], "the head offers none"
    assert config.encoder.anchors == Config().encoder.anchors == "enhancer"
    assert config.output.kind == "shared"


@pytest.mark.parametrize(
    ("name", "cpus"), [("local", 2), ("artifact", 2), ("h100", 16), ("h100x2", 32), ("rtx2080s", 16)]
)
def test_on_one_machine_all_have_room_together(name, cpus):
    """Submitted to a Ray that offers what the machine has."""
    config = load_config(CONFIGS / f"{name}.yaml")
    gpus = {"h100": 1, "rtx2080s": 1, "h100x2": 2}.get(name, 0)
    fleet = Fleet(config, gpus)
    actors = fleet.reserved(fleet.configured() | {"encoder": config.encoder.actors})
    assert sum(actor["CPU"] for actor in actors) <= cpus


def test_what_reserves_nothing_is_refused_where_there_are_several_nodes(monkeypatch):
    config = Config()
    monkeypatch.setattr(room, "several_nodes", lambda: False)
    require_placed(config, ("host", "decoder"), 0)
    monkeypatch.setattr(room, "several_nodes", lambda: True)
    with pytest.raises(ConfigError) as refused:
        require_placed(config, ("manager", "host", "enhancer"), 1)
    (text,) = refused.value.args
    assert text.startswith("host.cpus: 0 and no host.resources")
    assert "--set host.cpus=0.5" in text
