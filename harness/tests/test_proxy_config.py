"""The configuration file: proxies to begin with; a mistake is named with file and line, and nothing is started."""

import json
import socket
import threading

import pytest

from windtunnel.errors import BadInputError
from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.toxiproxy import ToxiproxyClient


@pytest.fixture
def path(tmp_path):
    return tmp_path / "toxiproxy.json"


def test_server_begins_with_the_proxies_of_the_file(path):
    """Toxics with them; keys in any case."""
    toxic = {"type": "latency", "attributes": {"latency": 5}, "toxicity": 0.5}
    path.write_text(
        json.dumps(
            [
                {"Name": "a", "Upstream": "u:1", "toxics": [toxic]},
                {"name": "b", "upstream": "u:2", "listen": "localhost:0", "enabled": False},
            ]
        )
    )
    with EmbeddedToxiproxy(config=path) as server, ToxiproxyClient(server.url) as client:
        found = client.proxies()

    assert {name: proxy.enabled for name, proxy in found.items()} == {"a": True, "b": False}
    assert [(t.name, t.toxicity, t.attributes["latency"]) for t in found["a"].toxics] == [
        ("latency_downstream", 0.5, 5)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: not JSON: Expecting value"),
        ('[\n  {"name": "a",}\n]', ":2: not JSON: "),
        ("[" * 100_000, ": not JSON: "),
        ("{}", ":1: not a list of proxies; write ["),
        (
            '[\n {"name": "a", "upstream": "u:1"},\n\n {"upstream": "u:1"}]',
            ":4: missing required field: name at proxy 2",
        ),
        ("[\n 5]", ":2: bad request body: proxy 1: got an integer, want an object"),
        (
            '[{"name": "a", "upstream": "u:1"},\n {"name": "b", "upstream": "u:1",\n  "toxics": [{"type": "x"}]}]',
            ":2: invalid toxic type at toxic 1 at proxy 2",
        ),
        (
            '[\n{"name": "a", "upstream": "u:1"},\n{"name": "b", "upstream": "u:1", "listen": "foo"}]',
            ":3: proxy 2 (b): listen tcp: address foo: missing port in address",
        ),
    ],
)
def test_mistake_is_named_with_its_line(path, text, said):
    """And leaves no server behind (Toxiproxy logs it and goes on without the proxies)."""
    path.write_text(text)
    before = threading.active_count()
    server = EmbeddedToxiproxy(config=path)
    with pytest.raises(BadInputError) as caught:
        server.start()

    assert str(caught.value).startswith(f"{path}{said}")
    assert threading.active_count() == before


def test_file_that_is_not_there_is_one_clear_error(path):
    """With what would be right."""
    with pytest.raises(BadInputError, match=r"cannot be read: No such file .* write a JSON list like \["):
        EmbeddedToxiproxy(config=path).start()


def test_file_that_is_no_text_is_one_clear_error(path):
    """Not a traceback of the decoder."""
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="cannot be read: not UTF-8 text"):
        EmbeddedToxiproxy(config=path).start()


def test_port_that_is_taken_names_the_proxy(path):
    """The line too."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        path.write_text(json.dumps([{"name": "a", "upstream": "u:1", "listen": listen}]))
        with pytest.raises(BadInputError, match=rf":1: proxy 1 \(a\): .*{listen}: bind: address already in use"):
            EmbeddedToxiproxy(config=path).start()
