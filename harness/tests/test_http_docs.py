"""The page on faults on HTTP requests: its examples run, and it leaves no toxic and no attribute out."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from windtunnel.proxy.toxics import TOXICS, HttpToxic

TEXT = (Path(__file__).parents[1] / "HTTP_FAULTS.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (http_[a-z_]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_every_example_runs():
    """One after the other, as the page says; each asserts what it shows."""
    names = {"__name__": "examples"}
    for example in EXAMPLES:
        exec(compile(example, "HTTP_FAULTS.md", "exec"), names)

    assert len(EXAMPLES) == len(SECTIONS) + 3
    assert names["answered"] is False


def test_every_toxic_on_requests_has_a_section_with_an_example():
    """And nothing else has."""
    assert set(SECTIONS) == {name for name, toxic in TOXICS.items() if issubclass(toxic, HttpToxic)}
    assert all("```python" in section for section in SECTIONS.values())


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_every_attribute_is_named_with_its_default(name):
    """As the settings have it; `match` is explained once for all."""
    documented = re.findall(r"^\| `(\w+)` \|", SECTIONS[name], re.MULTILINE)

    assert documented == [each.name for each in fields(TOXICS[name].Settings) if each.name != "match"]
