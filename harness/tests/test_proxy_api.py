"""Every route of the control API: statuses, bodies, and what is said to bad input."""

import socket

import httpx
import pytest

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.stack.ports import reserve_port


@pytest.fixture
def api():
    """A client of an empty server."""
    with EmbeddedToxiproxy() as server, httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
        yield client
    assert server.unhandled == ()


@pytest.fixture
def shop(api):
    """The same with one proxy, `shop`."""
    api.post("/proxies", json={"name": "shop", "upstream": "127.0.0.1:9", "listen": "127.0.0.1:0"})
    return api


@pytest.fixture
def slow(shop):
    """The same with one toxic on it, `slow`."""
    shop.post(
        "/proxies/shop/toxics", json={"name": "slow", "type": "latency", "attributes": {"latency": 5, "jitter": 1}}
    )
    return shop


@pytest.fixture
def port():
    """On which nobody listens, until the test is over."""
    reservation = reserve_port()
    yield reservation.port
    reservation.release()


SLOW = {
    "attributes": {"latency": 5, "jitter": 1},
    "name": "slow",
    "type": "latency",
    "stream": "downstream",
    "toxicity": 1,
}


def test_version_names_the_api_that_is_spoken(api):
    """`2.12.0`, and who speaks it."""
    answer = api.get("/version")

    assert (answer.status_code, answer.json()) == (200, {"version": "2.12.0+windtunnel"})


def test_every_routed_answer_carries_a_request_id(api):
    """20 characters, different each time."""
    ids = {api.get(path).headers["x-toxiproxy-request-id"] for path in ("/version", "/proxies", "/proxies/none")}

    assert (len(ids), {len(each) for each in ids}) == (3, {20})


def test_proxies_of_an_empty_server_are_an_empty_object(api):
    """An object by name, not an array."""
    answer = api.get("/proxies")

    assert (answer.status_code, answer.content) == (200, b"{}")


def test_created_proxy_is_answered_with_its_real_port(api):
    """201, all keys in Toxiproxy's order."""
    answer = api.post("/proxies", json={"name": "shop", "upstream": "bank:80", "listen": "localhost:0"})
    body = answer.json()
    host, port = body["listen"].split(":")

    assert list(body) == ["name", "listen", "upstream", "enabled", "toxics"]
    assert (answer.status_code, body["name"], body["upstream"]) == (201, "shop", "bank:80")
    assert (body["enabled"], body["toxics"], host, int(port) > 0) == (True, [], "127.0.0.1", True)
    assert api.get("/proxies/shop").json() == body
    assert api.get("/proxies").json() == {"shop": body}


def test_proxy_without_listen_gets_a_free_loopback_port(api):
    """Nothing is offered to the network unless that is asked for."""
    body = api.post("/proxies", json={"name": "shop", "upstream": "bank:80"}).json()

    assert body["listen"].startswith("127.0.0.1:")


def test_proxy_created_disabled_keeps_its_listen_text_and_does_not_listen(api, port):
    """It is looked up and bound when it is enabled."""
    body = {"name": "shop", "upstream": "bank:80", "listen": f"localhost:{port}", "enabled": False}
    answer = api.post("/proxies", json=body)
    with socket.socket() as probe:
        refused = probe.connect_ex(("127.0.0.1", port))

    assert (answer.status_code, answer.json()["listen"]) == (201, f"localhost:{port}")
    assert refused
    assert api.patch("/proxies/shop", json={"enabled": True}).json()["listen"] == f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("", 400, "bad request body: EOF"),
        ("{", 400, "bad request body: not JSON: "),
        ("[" * 100_000, 400, "bad request body: nested too deeply"),
        ("[]", 400, "bad request body: the body: got an array, want an object"),
        ('{"name": 5}', 400, "bad request body: name: got an integer, want a string"),
        ('{"name": "x", "upstream": "u", "enabled": 1}', 400, "bad request body: enabled: got an integer"),
        ('{"name": NaN}', 400, "bad request body: not JSON: "),
        ("null", 400, "missing required field: name"),
        ('{"upstream": "u"}', 400, "missing required field: name"),
        ('{"name": "x", "upstream": ""}', 400, "missing required field: upstream"),
        ('{"name": "shop", "upstream": "u"}', 409, "proxy already exists"),
        ('{"name": "x", "upstream": "u", "listen": "foo"}', 500, "listen tcp: address foo: missing port in address"),
        ('{"name": "x", "upstream": "u", "listen": "a:99999"}', 500, "listen tcp: address 99999: invalid port"),
        ('{"name": "x", "upstream": "u", "listen": "::1:80"}', 500, "listen tcp: address ::1:80: too many colons"),
        ('{"name": "x", "upstream": "u", "listen": "no.invalid:80"}', 500, "listen tcp: lookup no.invalid: no such"),
    ],
)
def test_bad_proxy_is_refused_with_the_reason(shop, body, status, error):
    """And nothing is created."""
    answer = shop.post("/proxies", content=body)

    assert answer.json()["error"].startswith(error)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert list(shop.get("/proxies").json()) == ["shop"]


def test_busy_port_is_refused_in_toxiproxys_words(api):
    """500, as there, with the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = api.post("/proxies", json={"name": "shop", "upstream": "u:1", "listen": listen})

    error = f"listen tcp {listen}: bind: address already in use"
    assert (answer.status_code, answer.json()) == (500, {"error": error, "status": 500})
    assert api.get("/proxies").json() == {}


def test_decoding_follows_go(api):
    """Keys in any case, unknown keys and text after the value ignored, null is not given."""
    body = '{"NAME": "shop", "UpStream": "u:1", "listen": "127.0.0.1:0", "enabled": null, "x": 1} and more'
    answer = api.post("/proxies", content=body)

    assert (answer.status_code, answer.json()["enabled"], answer.json()["upstream"]) == (201, True, "u:1")


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_update_changes_what_is_given_and_nothing_else(slow, method):
    """Both verbs; toxics and port survive disabling and enabling."""
    before = slow.get("/proxies/shop").json()
    off = slow.request(method, "/proxies/shop", json={"enabled": False, "name": "ignored"})
    on = slow.request(method, "/proxies/shop", json={"enabled": True, "upstream": "u:2"})

    assert (off.status_code, off.json()) == (200, before | {"enabled": False})
    assert on.json() == before | {"upstream": "u:2"}


def test_update_can_move_a_proxy_to_another_port(shop, port):
    """The old one is free afterwards."""
    old = shop.get("/proxies/shop").json()["listen"]
    answer = shop.patch("/proxies/shop", json={"listen": f"localhost:{port}"})
    host, old_port = old.split(":")
    with socket.create_server((host, int(old_port))) as taken:
        assert taken.fileno() > 0

    assert answer.json()["listen"] == f"127.0.0.1:{port}"


def test_update_that_fails_changes_nothing(shop):
    """All or nothing: the proxy still listens where it did."""
    before = shop.get("/proxies/shop").json()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = shop.patch("/proxies/shop", json={"upstream": "other:1", "listen": listen})

    assert (answer.status_code, shop.get("/proxies/shop").json()) == (500, before)


@pytest.mark.parametrize(
    ("listen", "error"),
    [
        ("foo", "address foo: missing port in address"),
        ("127.0.0.1:99999", "address 99999: invalid port"),
        ("[::1:80", "address [::1:80: missing ']' in address"),
        ("no.invalid:80", "lookup no.invalid: no such host"),
    ],
)
def test_update_to_an_address_that_is_none_is_refused(shop, listen, error):
    """In the words of Go's resolver, as there, and before anything is done."""
    before = shop.get("/proxies/shop").json()
    answer = shop.patch("/proxies/shop", json={"listen": listen})

    assert (answer.status_code, answer.json()["error"]) == (500, error)
    assert shop.get("/proxies/shop").json() == before


@pytest.mark.parametrize("body", ["", "[]", '{"enabled": "no"}', '{"upstream": 5}'])
def test_bad_update_is_refused(shop, body):
    """And changes nothing."""
    before = shop.get("/proxies/shop").json()
    answer = shop.patch("/proxies/shop", content=body)

    assert (answer.status_code, shop.get("/proxies/shop").json()) == (400, before)


def test_deleted_proxy_is_gone(shop):
    """204 without a body, then 404."""
    gone, again = shop.delete("/proxies/shop"), shop.delete("/proxies/shop")

    assert (gone.status_code, gone.content) == (204, b"")
    assert (again.status_code, again.json()) == (404, {"error": "proxy not found", "status": 404})


@pytest.mark.parametrize("name", ["a b", "a/b", "ü", "orders->payments", "%2F", "a?b#c"])
def test_any_name_can_be_addressed(api, name):
    """Percent-encoded; Toxiproxy cannot delete a proxy whose name has a slash."""
    api.post("/proxies", json={"name": name, "upstream": "u:1"})
    path = "/proxies/" + "".join(f"%{byte:02X}" for byte in name.encode())

    assert api.get(path).json()["name"] == name
    assert (api.delete(path).status_code, api.get("/proxies").json()) == (204, {})


def test_toxic_is_answered_with_200_and_listed(slow):
    """In the list, by name, and in its proxy."""
    listed = slow.get("/proxies/shop/toxics")

    assert (listed.status_code, listed.json()) == (200, [SLOW])
    assert slow.get("/proxies/shop/toxics/slow").json() == SLOW
    assert slow.get("/proxies/shop").json()["toxics"] == [SLOW]
    assert list(listed.json()[0]) == ["attributes", "name", "type", "stream", "toxicity"]


def test_toxic_defaults_to_downstream_always_and_a_name_of_type_and_stream(shop):
    """All attributes are 0."""
    body = shop.post("/proxies/shop/toxics", json={"type": "bandwidth", "stream": None, "attributes": None}).json()

    assert body == {
        "attributes": {"rate": 0},
        "name": "bandwidth_downstream",
        "type": "bandwidth",
        "stream": "downstream",
        "toxicity": 1,
    }


def test_upstream_toxics_are_listed_before_downstream_ones(shop):
    """Each in the order in which they were added."""
    for name, stream in (("a", "downstream"), ("b", "upstream"), ("c", "downstream"), ("d", "UPSTREAM")):
        shop.post("/proxies/shop/toxics", json={"name": name, "type": "noop", "stream": stream})

    assert [toxic["name"] for toxic in shop.get("/proxies/shop/toxics").json()] == ["b", "d", "a", "c"]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("", 400, "bad request body: EOF"),
        ('{"type": "latency", "attributes": 5}', 400, "bad request body: attributes: got an integer, want an object"),
        ('{"type": "latency", "stream": ""}', 400, "stream was invalid, can be either upstream or downstream"),
        ('{"type": "latency", "stream": "both"}', 400, "stream was invalid, can be either upstream or downstream"),
        ("{}", 400, "invalid toxic type"),
        ('{"type": "down"}', 400, "invalid toxic type"),
        ('{"type": "noop", "name": "slow", "stream": "upstream"}', 409, "toxic already exists"),
        ('{"type": "latency", "attributes": {"latency": 5.0}}', 400, "bad request body: attributes.latency: got a fr"),
        ('{"type": "latency", "attributes": {"latency": "5"}}', 400, "bad request body: attributes.latency: got a st"),
        ('{"type": "latency", "attributes": {"latency": true}}', 400, "bad request body: attributes.latency: got true"),
        ('{"type": "latency", "attributes": {"latency": 9223372036854775808}}', 400, "bad request body: attributes."),
        ('{"type": "latency", "attributes": {"latency": 1%s}}' % ("0" * 5000), 400, "bad request body: "),
        ('{"type": "latency", "toxicity": "1"}', 400, "bad request body: toxicity: got a string, want a number"),
        ('{"type": "latency", "toxicity": 1e999}', 400, "bad request body: toxicity: out of range"),
    ],
)
def test_bad_toxic_is_refused_with_the_reason(slow, body, status, error):
    """And nothing is added."""
    answer = slow.post("/proxies/shop/toxics", content=body)

    assert answer.json()["error"].startswith(error)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert slow.get("/proxies/shop/toxics").json() == [SLOW]


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_toxic_update_merges_attributes_and_ignores_what_cannot_change(slow, method):
    """Name, type and stream stay."""
    body = {"attributes": {"LATENCY": 9}, "toxicity": 0.5, "name": "x", "type": "noop", "stream": "upstream"}
    answer = slow.request(method, "/proxies/shop/toxics/slow", json=body)

    assert answer.status_code == 200
    assert answer.json() == SLOW | {"attributes": {"latency": 9, "jitter": 1}, "toxicity": 0.5}


@pytest.mark.parametrize("attributes", [{"latency": "s", "jitter": 4}, {"jitter": 4, "latency": 1.5}])
def test_refused_toxic_update_changes_nothing(slow, attributes):
    """Not even the attributes that were right (Toxiproxy changes those)."""
    answer = slow.patch("/proxies/shop/toxics/slow", json={"attributes": attributes, "toxicity": 0.1})

    assert (answer.status_code, slow.get("/proxies/shop/toxics").json()) == (400, [SLOW])


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_unknown_names_are_404(shop, method):
    """The proxy is looked for first."""
    proxy = shop.request(method, "/proxies/none/toxics/none", content="{}")
    toxic = shop.request(method, "/proxies/shop/toxics/none", content="{}")

    assert (proxy.status_code, proxy.json()["error"]) == (404, "proxy not found")
    assert (toxic.status_code, toxic.json()["error"]) == (404, "toxic not found")


def test_removed_toxic_is_gone(slow):
    """204 without a body."""
    answer = slow.delete("/proxies/shop/toxics/slow")

    assert (answer.status_code, answer.content) == (204, b"")
    assert slow.get("/proxies/shop/toxics").json() == []


def test_record_of_a_proxy_starts_at_zero(slow):
    """Our addition to the API."""
    answer = slow.get("/proxies/shop/record")

    assert answer.json() == {
        "connections": 0,
        "open": 0,
        "forwarded": 0,
        "bytes_up": 0,
        "bytes_down": 0,
        "touched": {"slow": 0},
    }


def test_reset_removes_toxics_and_enables_every_proxy(slow):
    """204; the record forgets the toxics."""
    slow.patch("/proxies/shop", json={"enabled": False})
    answer = slow.post("/reset")
    state = slow.get("/proxies/shop").json()

    assert (answer.status_code, state["enabled"], state["toxics"]) == (204, True, [])
    assert slow.get("/proxies/shop/record").json()["touched"] == {}


def test_reset_goes_on_after_a_proxy_that_cannot_listen(api):
    """The failure is answered, the others are enabled (Toxiproxy leaves the rest as it was)."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        for name, where in (("a", "127.0.0.1:0"), ("b", listen), ("c", "127.0.0.1:0")):
            api.post("/proxies", json={"name": name, "upstream": "u:1", "listen": where, "enabled": False})
        answer = api.post("/reset")

    assert answer.status_code == 500
    assert {name: body["enabled"] for name, body in api.get("/proxies").json().items()} == {
        "a": True,
        "b": False,
        "c": True,
    }


def test_populate_creates_replaces_and_leaves_alone(slow, port):
    """The same proxy is untouched, toxics and all; another upstream replaces it."""
    same = slow.get("/proxies/shop").json()
    entry = {"name": "shop", "upstream": same["upstream"], "listen": same["listen"]}
    kept = slow.post("/populate", json=[entry, {"name": "new", "upstream": "u:1", "listen": f"127.0.0.1:{port}"}])
    replaced = slow.post("/populate", json=[entry | {"upstream": "u:2"}])

    assert kept.status_code == replaced.status_code == 201
    assert kept.json()["proxies"][0] == same
    assert kept.json()["proxies"][1]["listen"] == f"127.0.0.1:{port}"
    assert replaced.json()["proxies"] == [same | {"upstream": "u:2", "toxics": []}]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "bad request body: EOF"),
        ("{}", "bad request body: the body: got an object, want an array"),
        ("[5]", "bad request body: proxy 1: got an integer, want an object"),
        ('[{"name": "a", "upstream": "u:1"}, {"upstream": "u:1"}]', "missing required field: name at proxy 2"),
        ('[{"name": "a", "upstream": "u:1"}, {"name": "b"}]', "missing required field: upstream at proxy 2"),
    ],
)
def test_bad_populate_creates_nothing(api, body, error):
    """All entries are looked at first."""
    answer = api.post("/populate", content=body)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert api.get("/proxies").json() == {}


def test_populate_stops_at_a_proxy_that_cannot_listen_and_says_what_was_made(api):
    """As Toxiproxy does; an old proxy that could not be replaced goes on (there it is left stopped)."""
    old = api.post("/proxies", json={"name": "old", "upstream": "u:1"}).json()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        entries = [{"name": "a", "upstream": "u:1"}, {"name": "old", "upstream": "u:2", "listen": busy}]
        answer = api.post("/populate", json=entries)

    assert answer.status_code == answer.json()["status"] == 500
    assert [proxy["name"] for proxy in answer.json()["proxies"]] == ["a"]
    assert api.get("/proxies/old").json() == old


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/proxies/", "/proxies/shop/", "//proxies", "/proxies/shop/record/none", "/Proxies"]
)
def test_unknown_route_is_a_plain_404(shop, path):
    """As Go answers it."""
    answer = shop.get(httpx.URL(str(shop.base_url).rstrip("/") + path))

    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/proxies"),
        ("HEAD", "/proxies"),
        ("DELETE", "/proxies"),
        ("GET", "/reset"),
        ("GET", "/populate"),
        ("POST", "/version"),
        ("PUT", "/proxies/shop/toxics/slow"),
        ("POST", "/proxies/shop/record"),
    ],
)
def test_wrong_method_is_405_without_a_body(slow, method, path):
    """HEAD too."""
    answer = slow.request(method, path)

    assert (answer.status_code, answer.content) == (405, b"")


def test_browsers_are_refused(shop):
    """A web page must not drive a server on loopback."""
    answer = shop.get("/proxies", headers={"User-Agent": "Mozilla/5.0 (X11)"})

    assert (answer.status_code, answer.text) == (403, "User agent not allowed\n")


def test_wrong_method_of_a_browser_is_405_first(shop):
    """Only what is routed looks at who asks, as there."""
    answer = shop.put("/proxies", headers={"User-Agent": "Mozilla/5.0 (X11)"})

    assert answer.status_code == 405


def test_numbers_are_written_as_go_writes_them(shop):
    """Whole ones without a fraction; toxicity in 32 bits."""
    body = {"type": "noop", "toxicity": 0.123456789}
    kept = shop.post("/proxies/shop/toxics", json=body).content
    whole = shop.patch("/proxies/shop/toxics/noop_downstream", json={"toxicity": 1.0}).content

    assert b'"toxicity":0.12345679}' in kept
    assert b'"toxicity":1}' in whole


def test_text_is_escaped_as_go_escapes_it(api):
    """Harmless inside a page, and the same when it is read."""
    answer = api.post("/proxies", json={"name": "orders->payments", "upstream": "u:1"})

    assert b'"name":"orders-\\u003epayments"' in answer.content
    assert answer.json()["name"] == "orders->payments"


def test_proxies_are_listed_by_name(api):
    """Whatever the order in which they were made."""
    for name in ("b", "a", "c"):
        api.post("/proxies", json={"name": name, "upstream": "u:1"})

    assert list(api.get("/proxies").json()) == ["a", "b", "c"]
