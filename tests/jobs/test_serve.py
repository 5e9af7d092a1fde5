"""jobs/serve.py, as far as it goes without Ray: what is wrong is told before anything starts."""

import socket
import stat
from fractions import Fraction

import pytest

from ns_ray.jobs import serve
from ns_ray.jobs.work import serve as work
from ns_ray.picture.coding import Coding


@pytest.fixture
def options(tmp_path):
    def read(*words: str):
        return serve.arguments([*words, "--token", str(tmp_path / "token"), "--result-dir", str(tmp_path)])

    return read


def test_all_that_is_wrong_is_told_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    (tmp_path / "file").touch()
    assert serve.main(["-m", "ESPCN", "--result-dir", str(tmp_path / "file")]) == 2
    told = capsys.readouterr().err
    for what in ("--model: ", "ESPCN", "--result-dir", "fastapi, uvicorn, websockets: not installed", "[service]"):
        assert what in told


def test_files_have_to_lie_where_the_service_sees_them(tmp_path, capsys):
    assert serve.main(["--set", "output.kind=collected", "--result-dir", str(tmp_path)]) == 2
    assert "output.kind collected: anchors are handed on from files in --result-dir" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--ip", "here"], ["--allow-origin", "tv.example"], ["--anchor-delay", "0"]])
def test_values_that_are_none_are_refused(words, capsys):
    with pytest.raises(SystemExit) as stop:
        serve.arguments(words)
    assert stop.value.code == 2
    assert words[1] in capsys.readouterr().err


def test_a_port_that_is_taken_and_a_token_that_is_none_are_named(options, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert serve.main(["--port", port, "--token", str(tmp_path / "token"), "--result-dir", str(tmp_path)]) == 1
        assert f"--port {port}: nobody can listen there" in capsys.readouterr().err
    token = tmp_path / "token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64
    token.write_text("short")
    assert serve.main(["--token", str(token), "--result-dir", str(tmp_path)]) == 2
    assert "it holds 5 characters; delete it" in capsys.readouterr().err


def test_streams_are_paced_and_their_anchors_are_as_in_a_benchmark(options, tmp_path):
    usual = options()
    config = serve._checked(usual)
    plan = work.plan_of(usual, config)
    assert plan.paced
    assert plan.coding == Coding.usual(config.anchor_codec, 0.075)
    assert plan.rate is not None
    assert plan.output == tmp_path / "live"
    assert plan.admission == config.admission
    told = options("--anchor-codec", "jpeg", "--quality", "80", "--anchor-delay", "1.5", "-f", "0.05")
    assert work.plan_of(told, config).coding == Coding("jpeg", 80)
    assert told.anchor_delay == Fraction(3, 2)


@pytest.mark.parametrize("port", ["65536", "99999", "-1", "http"])
def test_what_is_no_port_is_told_as_options_are_read(options, port, capsys):
    with pytest.raises(SystemExit) as stopped:
        options("--port", port)
    assert stopped.value.code == 2
    assert f"argument --port: {port}: it must be" in capsys.readouterr().err
