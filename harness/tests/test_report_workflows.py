"""The ready-made workflow files are valid, and name nothing that does not exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from windtunnel.cli import main
from windtunnel.report.gate import parse_gate
from windtunnel.spec.reader import known_profiles

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "reports" / "ci").rglob("*.y*ml"))
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(path):
    """Every shell line of a workflow: `run` of GitHub, `script` and `before_script` of GitLab."""
    found = []

    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "run":
                    found.append(value)
                elif key in ("script", "before_script", "after_script"):
                    found.extend(value)
                else:
                    walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(yaml.safe_load(path.read_text()))
    return found


def made(path):
    """`(target, {variable: words})` of each call of make."""
    calls = [shlex.split(line) for line in commands(path) if line.startswith("make ")]
    return [
        (words[1], {k: shlex.split(v) for k, _, v in (w.partition("=") for w in words[2:]) if k in ("ARGS", "REPORT")})
        for words in calls
    ]


def test_there_is_one_for_each_server_and_occasion():
    """A pull request and a night on GitHub, both in one file on GitLab."""
    assert [str(path.relative_to(ROOT / "reports" / "ci")) for path in FILES] == [
        "github/chaos.yaml",
        "github/nightly.yaml",
        "gitlab-ci.yml",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_targets_exist_in_the_makefile(path):
    """And each workflow reports right after the experiments; contracts are for changes, long load is for the night."""
    targets = [target for target, _ in made(path)]
    beside = {"chaos.yaml": {"contract"}, "nightly.yaml": {"load"}, "gitlab-ci.yml": {"contract", "load"}}

    assert set(targets) <= TARGETS
    assert set(targets) - {"chaos", "report"} == beside[path.name]
    for index in (index for index, target in enumerate(targets) if target == "chaos"):
        assert targets[index + 1] == "report"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_options_exist(path, capsys):
    """Profiles that the experiments have, options that the commands know, gates that can be read."""
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    known = set(re.findall(r"--[a-z]+", capsys.readouterr().out))
    profiles = {name for file in (ROOT / "chaos_specs").glob("*.yaml") for name in known_profiles(file)} | {"ci"}

    for _, variables in made(path):
        for word in variables.get("ARGS", []):
            assert word.split("=")[0] in ("--wt-profile", "--wt-seed", "--junitxml")
            assert not word.startswith("--wt-profile=") or word.split("=")[1] in profiles
        words = variables.get("REPORT", [])
        assert {word for word in words if word.startswith("--")} <= known
        assert [parse_gate(word).metric for word in words if "<=" in word] == ["worse"] * ("REPORT" in variables)


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "github"], ids=lambda path: path.name)
def test_actionlint_finds_nothing(path):
    """The linter of GitHub's workflows, where it is installed."""
    linter = shutil.which("actionlint")
    if linter is None:
        pytest.skip("no actionlint on PATH (go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12)")

    done = subprocess.run([linter, "-no-color", str(path)], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout
