"""TOXICS.md: every toxic is there with its attributes, and what it shows runs."""

import json
import re
from contextlib import redirect_stdout
from dataclasses import fields
from io import StringIO
from pathlib import Path

import pytest
from proxy_wires import Upstream
from toxiproxy.api import APIConsumer

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.proxy.toxics import TOXICS
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

PAGE = (Path(__file__).parents[1] / "TOXICS.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### ([a-z_]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
PROGRAMS = re.findall(r"```python\n((?:import|from) .*?)```", PAGE, re.DOTALL)


def test_every_toxic_is_documented_and_nothing_else():
    """In the order of the alphabet; those that know HTTP have a page of their own."""
    assert list(SECTIONS) == sorted(name for name in TOXICS if not name.startswith("http_"))


@pytest.mark.parametrize("kind", SECTIONS)
def test_paragraph_names_every_attribute(kind):
    """With a unit."""
    documented = re.findall(r"^\| `(\w+)` \| ([\w/]+) \|", SECTIONS[kind], re.MULTILINE)

    assert [name for name, _ in documented] == [field.name for field in fields(TOXICS[kind].Settings)]
    assert {unit for _, unit in documented} <= {"ms", "us", "B", "KB/s", "share", "flag"}


@pytest.fixture
def edge():
    with Upstream() as upstream, EmbeddedToxiproxy() as server, ToxiproxyClient(server.url) as client:
        client.create("db", "127.0.0.1:0", upstream.address)
        yield EdgeProxy(client, "db")


@pytest.mark.parametrize("kind", SECTIONS)
def test_example_adds_that_toxic(kind, edge):
    """As it stands on the page."""
    (example,) = re.findall(r"```python\n(.*?)```", SECTIONS[kind], re.DOTALL)
    exec(example, {"add": edge.add_toxic})
    (added,) = edge.state().toxics

    assert added.type == kind
    assert all(added.attributes.values()) or kind in ("noop", "witness")


def test_there_are_programs_on_the_page():
    """Else the next test would run nothing."""
    assert len(PROGRAMS) == 3


@pytest.mark.parametrize("program", PROGRAMS, ids=["plain", "async", "toxiproxy-python"])
def test_program_runs(program, monkeypatch):
    """As it stands on the page; what it sets on a class is taken back."""
    monkeypatch.setattr(APIConsumer, "host", APIConsumer.host)
    monkeypatch.setattr(APIConsumer, "port", APIConsumer.port)
    with redirect_stdout(StringIO()) as said:
        exec(program, {"__name__": "__main__"})

    assert ("connect to 127.0.0.1:" in said.getvalue()) or ("2.12.0" in said.getvalue()) or "Toxiproxy()" in program


def test_file_on_the_page_is_one_that_is_read(tmp_path):
    """With the toxic that it names; and what the page prints of the record can be printed."""
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "proxies.json"
    path.write_text(text)
    (snippet,) = re.findall(r"```python\n(record = .*?)```", PAGE, re.DOTALL)
    with EmbeddedToxiproxy(config=path) as server, ToxiproxyClient(server.url) as client:
        (toxic,) = client.proxy("db").toxics
        scope = {"server": server}
        exec(snippet, scope)

    assert toxic.type == json.loads(text)[0]["toxics"][0]["type"]
    assert scope["record"].connections == 0


def test_page_names_every_flag_of_the_command():
    """The parser's own, one dash each."""
    import argparse

    from windtunnel.serve import add_arguments

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    known = {action.option_strings[0] for action in parser._actions} - {"-h"}

    assert set(re.findall(r"^\| `(-[\w-]+)` \|", PAGE, re.MULTILINE)) == known
