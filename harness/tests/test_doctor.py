"""What the machine has, and what each missing thing costs."""

from pathlib import Path

from windtunnel.cli import main
from windtunnel.doctor import examine

NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock", "PATH": "/nowhere"}


def found(environ):
    return {finding.name: finding for finding in examine(None, environ)}


def test_a_machine_without_an_engine_can_run_all_the_same():
    """What is needed is there; what the engine would give is told."""
    findings = found(NOWHERE)

    assert all(finding.ok for finding in findings.values() if finding.needed)
    assert not findings["container engine"].ok
    assert "no docker backend: services run as processes" in findings["container engine"].told


def test_a_toxiproxy_program_is_found_where_the_variable_says(tmp_path):
    """Else the message says where it is looked for."""
    program = Path(tmp_path / "toxi")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert found({**NOWHERE, "WINDTUNNEL_TOXIPROXY_BINARY": str(program)})["Toxiproxy program"].told == str(program)
    assert "WINDTUNNEL_TOXIPROXY_BINARY" in found(NOWHERE)["Toxiproxy program"].told


def test_the_command_prints_a_line_for_each(capsys, monkeypatch):
    """Exit code 0: something can run here."""
    monkeypatch.setenv("DOCKER_HOST", NOWHERE["DOCKER_HOST"])

    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok   Linux with /proc")
    assert any(line.startswith("-    container engine") for line in lines)
