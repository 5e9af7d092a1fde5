"""jobs/head.py: who may use the Ray that it starts; `ray start` itself is stood in for."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ns_ray.actors.ray_token import private_token
from ns_ray.errors import FileError
from ns_ray.jobs import head


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    return tmp_path


@pytest.fixture
def asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was started, with which environment; it ends with the status that stands first."""
    found: list[Any] = [0]

    def run(command: Any, env: dict[str, str], stdout: Any, stderr: Any) -> subprocess.CompletedProcess[bytes]:
        found.append((command, env))
        stdout.write(b"there is one already")
        return subprocess.CompletedProcess(command, found[0])

    monkeypatch.setattr(subprocess, "run", run)
    return found


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_token_is_its_users_alone_and_is_kept(home: Path) -> None:
    path = private_token()
    token = path.read_text()
    assert (path, len(token)) == (home / ".ray" / "auth_token", 64)
    assert (_mode(path), _mode(path.parent)) == (0o600, 0o700)
    path.chmod(0o644)  # as Ray itself makes it
    assert private_token().read_text() == token
    assert _mode(path) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["auth_token"]


def test_a_token_that_cannot_be_made_is_told_with_a_remedy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").touch()
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "file" / "token"))
    with pytest.raises(FileError, match=r"file/token: .*RAY_AUTH_TOKEN_PATH"):
        private_token()


def test_it_listens_on_this_machine_alone_and_asks_for_the_token(asked: list[Any], capsys: Any) -> None:
    assert head.main(["--", "--num-cpus=3"]) == 0
    ((command, env),) = asked[1:]
    assert {"--head", "--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", "--num-cpus=3"} <= set(command)
    assert env["RAY_AUTH_MODE"] == "token"
    assert env["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    said = capsys.readouterr().out
    assert "RAY_AUTH_MODE=token" in said
    assert "firewall" not in said


def test_in_a_private_network_it_says_what_else_is_needed(asked: list[Any], capsys: Any) -> None:
    assert head.main(["--node-ip", "10.0.0.5"]) == 0
    assert "--node-ip-address=10.0.0.5" in asked[1][0]
    said = capsys.readouterr().out
    assert "--address=10.0.0.5:6379" in said
    assert "firewall" in said


@pytest.mark.parametrize("address", ["8.8.8.8", "0.0.0.0", "::", "here"])
def test_public_addresses_are_refused(address: str, asked: list[Any]) -> None:
    with pytest.raises(SystemExit) as stopped:
        head.main(["--node-ip", address])
    assert stopped.value.code == 2
    assert not asked[1:]


@pytest.mark.parametrize("word", ["--node-ip-address=0.0.0.0", "--dashboard-host=0.0.0.0"])
def test_what_would_open_it_is_refused(word: str, asked: list[Any], capsys: Any) -> None:
    assert head.main(["--", word]) == 2
    assert "--node-ip" in capsys.readouterr().err
    assert not asked[1:]


def test_what_ray_says_of_a_failure_is_told(asked: list[Any], capsys: Any) -> None:
    asked[0] = 1
    assert head.main([]) == 1
    assert "there is one already" in capsys.readouterr().err
