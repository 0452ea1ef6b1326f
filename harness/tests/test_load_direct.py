"""The same scenarios run without a generator, and see the same answers."""

import socket

import load_server
import pytest

from windtunnel.load.direct import DirectClient
from windtunnel.load.scenarios import load_scenarios


@pytest.fixture
def server():
    with load_server.Server() as running:
        yield running


@pytest.fixture
def client(server):
    with DirectClient({"shop": server.url}, timeout=0.3) as opened:
        yield opened


def test_a_scenario_runs_on_it(client, server, tmp_path):
    """Written once, for load and for tests."""
    scenarios, _ = load_scenarios(load_server.write_scenarios(tmp_path), ["two_steps", "counts"])
    scenarios["two_steps"](client)
    scenarios["counts"](client)

    assert [(method, path) for method, path, _, _ in server.requests] == [
        ("GET", "/slow"),
        ("POST", "/ok"),
        ("GET", "/ok"),
    ]
    assert client.memory == {"n": 1}


def test_an_answer_is_whole(client):
    """Status, headers in lower case, body."""
    answer = client.request("GET", "shop", "/ok", expect=(200,))

    assert (answer.status, answer.json(), answer.error) == (200, {"n": 42}, None)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/status/503", 503, "expectation: status 503, wanted 2xx or 3xx"),
        ("/silent", None, "timeout"),
        ("/short", 200, "closed"),
        ("/chunk-cut", 200, "closed"),
        ("/close", None, "closed"),
        ("/reset", None, "reset"),
        ("/garbage", None, "protocol"),
        ("/redirect", 302, None),
    ],
)
def test_errors_have_the_words_of_the_load(client, path, status, error):
    """So that a scenario need not know which client it was given."""
    answer = client.request("GET", "shop", path)

    assert (answer.status, answer.error) == (status, error)


def test_nobody_listening_is_refused():
    """And no exception."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with DirectClient({"shop": f"http://127.0.0.1:{port}"}) as client:
        assert client.request("GET", "shop", "/ok").error == "refused"


def test_an_unknown_service_is_the_scenarios_mistake(client):
    """It names those that there are."""
    with pytest.raises(LookupError, match="no edge to 'bank'; it has to shop"):
        client.request("GET", "bank", "/ok")


def test_its_choices_are_seeded(server):
    """The same seed, the same choices."""
    with DirectClient({}, seed=3) as one, DirectClient({}, seed=3) as other:
        assert one.rng.random() == other.rng.random()
