"""The table of faults: every one built from a step, described by its shape, and documented."""

import re
from pathlib import Path

import pytest
import yaml

from windtunnel.errors import SpecError
from windtunnel.faults import FAULTS, SHAPES, EachInstance, build
from windtunnel.spec.model import FaultStep

TEXT = (Path(__file__).parents[1] / "FAULTS.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### ([a-z_]+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
UNITS = {
    "ms": "ms",
    "us": "us",
    "bytes": "B",
    "kbps": "KB/s",
    "status": "status",
    "text": "text",
    "word": "word",
    "whole_s": "s",
    "share": "%",
}


def made(name, **more):
    shape = SHAPES[name]
    place = {"service": "web"} if shape.on == "service" else {"edges": ("a->b",)}
    return FaultStep(**{"name": name, "fault": name, **place, "params": dict.fromkeys(shape.required, 1), **more})


@pytest.mark.parametrize("name", FAULTS)
def test_a_step_becomes_its_fault(name):
    """By the name in the table, which is the file's as well."""
    fault = build(made(name))

    kind = fault.kind if isinstance(fault, EachInstance) else type(fault)

    assert kind is FAULTS[name]
    assert kind.__module__ == f"windtunnel.faults.{name}"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            FaultStep(name="x", fault="latncy", edges=("a->b",)),
            "unknown fault 'latncy'; known: bandwidth, disconnect, disk_full, down",
        ),
        (made("latency", params={}), "latency: attribute 'latency' is missing"),
        (made("latency", params={"latency": 1, "jiter": 1}), "unknown attribute 'jiter'; known: jitter, latency"),
        (made("down", params={"delay": 1}), "down: unknown attribute 'delay'; known: none"),
        (made("kill", service=None, edges=("a->b",)), "kill is put on one service"),
        (made("down", service="web", edges=()), "down is put on an edge, such as a->b"),
        (made("down", edges=("a->b", "a->c")), "down is put on one edge, not on a->b, a->c"),
    ],
)
def test_a_step_that_cannot_be_built_says_why(step, said):
    """One clear line, for steps that no file was read for."""
    with pytest.raises(SpecError) as caught:
        build(step)

    assert said in str(caught.value)


def test_every_fault_is_documented_and_nothing_else():
    """A paragraph each: those on edges, then those on services, each in the order of the alphabet."""
    assert list(SECTIONS) == sorted(FAULTS, key=lambda name: (SHAPES[name].on, name))


@pytest.mark.parametrize("name", FAULTS)
def test_the_paragraph_names_every_attribute_with_its_unit(name):
    """What it takes is what the shape says."""
    documented = dict(re.findall(r"^\| `(\w+)` \| ([\w/%]+)", SECTIONS[name], re.MULTILINE))

    assert documented == {param: UNITS[unit] for param, unit in SHAPES[name].params.items()}


@pytest.mark.parametrize("name", FAULTS)
def test_the_paragraph_has_an_example_that_fits_the_shape(name):
    """Required attributes given, unknown ones not; and the proof and the restoration told."""
    (example,) = yaml.safe_load(re.search(r"```yaml\n(.*?)```", SECTIONS[name], re.DOTALL)[1])
    shape = SHAPES[name]
    places = {"service"} if shape.on == "service" else {"edge", "edges"}
    toxic = {"stream", "toxicity"} if shape.on == "edge" and shape.toxic else set()
    toxic |= {"match"} if shape.match else set()

    assert example["fault"] == name
    assert shape.required <= example.keys() <= {"name", "type", "fault", "at", "for", *places, *toxic, *shape.params}
    assert "**Proven**" in SECTIONS[name]
    assert "**Restored**" in SECTIONS[name]


@pytest.mark.parametrize("name", FAULTS)
def test_the_proof_table_has_a_row_for_every_fault(name):
    """State, canary and load."""
    rows = re.findall(rf"^\| `{name}` \|(.+)\|$", TEXT, re.MULTILINE)

    assert len([row for row in rows if row.count("|") == 2]) == 1
