"""No toxic on requests, whatever its attributes, stops the server or spoils the next request."""

import socket
from contextlib import suppress
from dataclasses import fields

import httpx
import pytest
from http_wires import TEXT, call, caller, shop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proxy_wires import PATIENCE

from windtunnel.proxy.toxics import TOXICS, HttpToxic

MANY = settings(max_examples=max(300, settings.default.max_examples // 4), suppress_health_check=list(HealthCheck))
NAMES = st.sampled_from(["X-A", "etag", "Content-Length", "a b", ""])
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["GET", "POST", "get", ""]),
        "path": st.sampled_from(["/", "/{a}", "/*", "*", "x", "/{", "/chunked"]),
        "headers": st.dictionaries(NAMES, st.sampled_from(["*", "b", ""]), max_size=2),
        "scope": st.sampled_from(["armed", "connection", "trace", "x"]),
        "first": st.integers(-1, 3),
        "every": st.integers(0, 2),
    },
)
ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 700),
    st.integers(),
    st.floats(0, 1),
    st.text(max_size=8),
    st.sampled_from(["reset", "close", "hang", "text/plain", "a\r\nb"]),
    st.lists(NAMES, max_size=2),
    st.dictionaries(NAMES, st.text(max_size=5), max_size=2),
)
ASKED = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /chunked HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"


@st.composite
def toxics(draw):
    """Attributes by their names, and any values."""
    kind = draw(st.sampled_from(sorted(name for name, toxic in TOXICS.items() if issubclass(toxic, HttpToxic))))
    names = [field.name for field in fields(TOXICS[kind].Settings) if field.name != "match"]
    attributes = {name: draw(ANY) for name in names if draw(st.booleans())}
    return {
        "type": kind,
        "stream": draw(st.sampled_from(["upstream", "downstream"])),
        "toxicity": draw(st.sampled_from([1, 1, 0.5, 0])),
        "attributes": attributes | ({"match": draw(MATCHES)} if draw(st.booleans()) else {}),
    }


@pytest.fixture(scope="module")
def standing():
    with shop() as (edge, _), httpx.Client(base_url=edge.client.url, trust_env=False) as api:
        yield edge, api, edge.listen


@MANY
@given(wanted=st.lists(toxics(), min_size=1, max_size=3), later=toxics())
def test_no_attributes_stop_the_server(standing, wanted, later):
    """Taken or refused; with requests on the way, pipelined and cut; afterwards all is well."""
    edge, api, address = standing
    with socket.create_connection(address, timeout=PATIENCE) as client:
        client.sendall(ASKED[:40])
        for number, toxic in enumerate(wanted):
            answer = api.post("/proxies/edge/toxics", json=toxic | {"name": str(number)})
            assert answer.status_code in (200, 400)
        with suppress(OSError):
            client.sendall(ASKED[40:] * 2)
            client.settimeout(0.005)
            client.recv(100)
        assert api.patch("/proxies/edge/toxics/0", json=later).status_code in (200, 400, 404)
        assert api.post("/reset").status_code == 204
    with caller(edge) as healthy:
        assert call(healthy)[:2] == (200, TEXT)
