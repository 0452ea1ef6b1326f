"""The page on `windtunnel up`, and the help: every command in them can be typed as it stands."""

import re
import shlex
from pathlib import Path

import pytest

from windtunnel import up_command
from windtunnel.cli import main
from windtunnel.faults import SHAPES, build
from windtunnel.spec.surroundings import survey
from windtunnel.standby.load import read_load
from windtunnel.standby.words import read_words
from windtunnel.topology import read_topology

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "harness" / "UP.md").read_text(encoding="utf-8")
HELP = f"{up_command.UP}{up_command.FAULT}{up_command.LIFT}"
TYPED = sorted(
    set(re.findall(r"^\$ (windtunnel .*)$", TEXT, re.MULTILINE))
    | {re.split(r"  +", line.strip())[0] for line in HELP.splitlines() if line.startswith("  windtunnel")}
)
AROUND = survey(read_topology(ROOT / "platform" / "topology.yaml"), SHAPES)


@pytest.mark.parametrize("command", [line for line in TYPED if line.startswith("windtunnel fault '")])
def test_every_fault_on_an_edge_can_be_typed(command):
    """On the storefront."""
    _, _, *words = shlex.split(command)

    assert build(read_words(words, AROUND).step).step.edges


@pytest.mark.parametrize("command", [line for line in TYPED if re.match(r"windtunnel fault \w", line)])
def test_every_fault_on_a_service_can_be_typed(command):
    """On the storefront."""
    _, _, *words = shlex.split(command)

    assert build(read_words(words, AROUND).step).step.service


def test_the_loads_can_be_typed():
    """With scenarios of the storefront."""
    loads = [re.findall(r'--load "(.*)" --rate (\S+)', line)[0] for line in TYPED if "--load" in line]

    assert loads
    assert all(read_load(mix, rate, AROUND.scenarios).rate for mix, rate in loads)


def test_every_command_is_one_that_there_is(capsys):
    """And `--help` of each teaches with examples."""
    commands = {line.split()[1] for line in TYPED}

    assert commands == {"up", "fault", "lift"}
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert f"\n  windtunnel {command} " in capsys.readouterr().out


def test_every_option_of_up_is_explained(capsys):
    """In the table."""
    with pytest.raises(SystemExit):
        main(["up", "--help"])
    options = set(re.findall(r"^  (--[\w-]+)", capsys.readouterr().out, re.MULTILINE))
    (table,) = re.findall(r"\| option \|.*?\n\n", TEXT, re.DOTALL)

    assert options == set(re.findall(r"`(--[\w-]+)", table))


def test_links_lead_somewhere():
    """To pages beside it."""
    links = re.findall(r"\]\((\w+\.md)\)", TEXT)

    assert links
    assert all((ROOT / "harness" / link).is_file() for link in links)
