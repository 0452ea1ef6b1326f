"""`windtunnel compare`: two versions of a small system, driven in turn."""

import json
import subprocess

import pytest
import small_system

from windtunnel.cli import main

PROFILE = """
profile: windtunnel/v1
title: Front answers
rate: 40/s
mix: [{scenario: ask}]
stages: [{name: steady, for: 1500ms, rate: 100%, slo: quick}]
"""
SLOS = """
slos: windtunnel/v1
objectives:
  quick: {p95: "< 5s"}
"""
SLOW = '        if path == "/":\n            time.sleep(1)\n            return ask()'


def git(folder, *words):
    own = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path, monkeypatch):
    small_system.write_system(tmp_path)
    (tmp_path / "load" / "profiles").mkdir(parents=True)
    (tmp_path / "load" / "profiles" / "smoke.yaml").write_text(PROFILE)
    (tmp_path / "load" / "slos.yaml").write_text(SLOS)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "base")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_slower_working_tree_is_worse(project, capsys):
    """A second on every answer: seen in every round, exit code 1, and no trace of the base is left.

    That much, because six rounds decide only where each agrees, and a neighbour can cost one half a second.
    """
    front = project / "front.py"
    front.write_text(front.read_text().replace('        if path == "/":\n            return ask()', SLOW))
    assert SLOW in front.read_text()

    code = main(["compare", "--base", "main", "--topology", "topology.yaml", "--out", "figures.json"])
    told, figures = capsys.readouterr().out, json.loads((project / "figures.json").read_text())

    assert code == 1, told
    assert {one["name"]: one["judgement"] for one in figures["figures"]}["steady p50"] == "worse"
    assert len(figures["rounds"]["base"]) == len(figures["rounds"]["head"]) == 6
    assert "steady p95" in told
    assert (
        subprocess.run(
            ["git", "worktree", "list", "--porcelain"], check=True, capture_output=True, text=True
        ).stdout.count("worktree ")
        == 1
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--base", "nowhere"], "no commit 'nowhere'"),
        (["--base", "main", "--rounds", "5"], "--rounds 5: fewer than 6 decide nothing"),
        (["--base", "main", "--tolerance", "ten"], "--tolerance: 'ten' is not a percentage"),
        (["--base", "main", "fast"], "no load profile 'fast'; known in load/profiles: smoke"),
    ],
)
def test_what_is_typed_wrongly_is_one_line(project, capsys, words, complaint):
    """Exit code 2, before anything is started."""
    code = main(["compare", *words, "--topology", "topology.yaml"])

    assert code == 2
    assert complaint in capsys.readouterr().err
