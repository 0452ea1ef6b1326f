"""Toxics that come with their proxy: in create, in populate; all of it or nothing (Toxiproxy #79, #281, #447)."""

import httpx
import pytest
from proxy_wires import Upstream, connect, proxied, read_all

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

SLOW = {"name": "slow", "type": "latency", "stream": "upstream", "attributes": {"latency": 5}}
THIN = {"type": "bandwidth", "toxicity": 0.5, "attributes": {"rate": 10}}
SHOWN = [
    {
        "attributes": {"latency": 5, "jitter": 0},
        "name": "slow",
        "type": "latency",
        "stream": "upstream",
        "toxicity": 1,
    },
    {
        "attributes": {"rate": 10},
        "name": "bandwidth_downstream",
        "type": "bandwidth",
        "stream": "downstream",
        "toxicity": 0.5,
    },
]
SHOP = {"name": "shop", "upstream": "127.0.0.1:9", "listen": "127.0.0.1:0"}


@pytest.fixture
def api():
    with EmbeddedToxiproxy() as server, httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
        yield client
    assert server.unhandled == ()


def test_created_proxy_has_the_toxics_that_it_was_given(api):
    """In one call, in their order, keys in any case."""
    answer = api.post("/proxies", json=SHOP | {"TOXICS": [SLOW, THIN]})

    assert (answer.status_code, answer.json()["toxics"]) == (201, SHOWN)
    assert api.get("/proxies/shop/toxics").json() == SHOWN


def test_first_connection_meets_them_already(api):
    """No moment in which the proxy listens without them."""
    with Upstream() as upstream:
        toxic = {"type": "limit_data", "stream": "downstream", "attributes": {"bytes": 3}}
        api.post("/proxies", json=SHOP | {"upstream": upstream.address, "toxics": [toxic]})
        with ToxiproxyClient(str(api.base_url)) as client, connect(EdgeProxy(client, "shop")) as sock:
            sock.sendall(b"12345")
            assert read_all(sock) == b"123"


@pytest.mark.parametrize(
    ("toxics", "status", "error"),
    [
        ([SLOW, THIN | {"type": "none"}], 400, "invalid toxic type at toxic 2"),
        ([SLOW, THIN | {"stream": "both"}], 400, "stream was invalid, can be either upstream or downstream at toxic 2"),
        ([SLOW, SLOW | {"stream": "downstream"}], 409, "toxic already exists at toxic 2"),
        (
            [SLOW, {"type": "latency", "attributes": {"latency": 1.5}}],
            400,
            "bad request body: attributes.latency: got a fraction, want an integer at toxic 2",
        ),
        ([SLOW, 5], 400, "bad request body: the toxic: got an integer, want an object at toxic 2"),
        (5, 400, "bad request body: toxics: got an integer, want an array"),
        (
            [SLOW | {"duration": -1}],
            400,
            "bad request body: duration: write milliseconds, 0 for no end at toxic 1",
        ),
    ],
)
def test_one_wrong_toxic_means_that_nothing_is_made(api, toxics, status, error):
    """Create and populate alike; populate says which proxy as well, and touches none."""
    created = api.post("/proxies", json=SHOP | {"toxics": toxics})
    entries = [SHOP | {"name": "fine"}, SHOP | {"toxics": toxics}]
    populated = api.post("/populate", json=entries)

    assert (created.status_code, created.json()) == (status, {"error": error, "status": status})
    assert (populated.status_code, populated.json()) == (
        status,
        {"error": f"{error} at proxy 2", "status": status, "proxies": []},
    )
    assert api.get("/proxies").json() == {}


def test_populate_makes_proxies_with_toxics(api):
    """The whole scene in one call; null is none."""
    entries = [SHOP | {"toxics": [SLOW]}, SHOP | {"name": "bank", "toxics": None}]
    answer = api.post("/populate", json=entries)

    assert answer.status_code == 201
    assert [proxy["toxics"] for proxy in answer.json()["proxies"]] == [SHOWN[:1], []]


def test_populate_again_with_toxics_sets_exactly_these(api):
    """On a proxy that is the same otherwise, without ending its connections; without the key they are kept."""
    made = api.post("/proxies", json=SHOP | {"toxics": [SLOW]}).json()
    entry = SHOP | {"listen": made["listen"]}
    kept = api.post("/populate", json=[entry]).json()["proxies"][0]["toxics"]
    other = api.post("/populate", json=[entry | {"toxics": [THIN]}]).json()["proxies"][0]["toxics"]
    none = api.post("/populate", json=[entry | {"toxics": []}]).json()["proxies"][0]["toxics"]

    assert (kept, other, none) == (SHOWN[:1], SHOWN[1:], [])


def test_populate_with_the_same_toxics_changes_nothing():
    """A toxic that has been there goes on with what it holds and counts."""
    with proxied() as (edge, upstream, server), connect(edge) as client:
        edge.add_toxic("limit_data", name="limit", attributes={"bytes": 4})
        client.sendall(b"1234567")
        read_all(client)
        before = edge.record().touched
        toxic = {"name": "limit", "type": "limit_data", "attributes": {"bytes": 4}}
        entry = {"name": "edge", "listen": edge.state().listen, "upstream": upstream.address, "toxics": [toxic]}
        httpx.post(f"{server.url}/populate", json=[entry], trust_env=False)

        assert (before, edge.record().touched) == ({"limit": 1}, {"limit": 1})


def test_update_of_a_proxy_ignores_toxics(api):
    """As in Toxiproxy, whose clients send back the whole proxy when they save it."""
    api.post("/proxies", json=SHOP | {"toxics": [SLOW]})
    answer = api.patch("/proxies/shop", json={"enabled": False, "toxics": [THIN]})

    assert (answer.status_code, answer.json()["toxics"]) == (200, SHOWN[:1])


def test_proxy_that_cannot_listen_leaves_no_toxic_behind(api):
    """And the name is free again."""
    refused = api.post("/proxies", json=SHOP | {"listen": "nonsense", "toxics": [SLOW | {"duration": 50}]})
    made = api.post("/proxies", json=SHOP)

    assert (refused.status_code, made.json()["toxics"]) == (500, [])
