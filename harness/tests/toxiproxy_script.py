"""One script of control requests, good, bad and hostile, said word for word to Toxiproxy and to the embedded server.

`Step.differs` names the rows of `toxiproxy_differences.DIFFERENCES` that explain why the two answers are not the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

TOXIC_TYPES = ("latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop")


@dataclass(frozen=True)
class Step:
    """One request. `differs`: the rows that explain the two answers, in the order in which they apply."""

    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    differs: str = ""


def step(method, path, body=None, *, differs="", **headers):
    if body is not None and not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Step(method, path, body, named, differs)


def script(ports, busy):
    """The steps, in order. `ports` are free ones on loopback, `busy` is one that somebody listens on."""
    return [
        *server_steps(),
        *creating(ports, busy),
        *changing(ports, busy),
        *toxics_of_every_type(),
        *bad_toxics(),
        *changing_toxics(),
        *odd_names(),
        *populating(ports, busy),
        *resetting(ports, busy),
        *leaving(),
    ]


def server_steps():
    return [
        step("GET", "/version", differs="version"),
        step("GET", "/proxies"),
        step("POST", "/reset"),
        step("GET", "/"),
        step("GET", "/nope"),
        step("GET", "/metrics", differs="metrics"),
        step("GET", "/proxies/"),
        step("GET", "/proxies/none"),
        step("DELETE", "/proxies/none"),
        step("PATCH", "/proxies/none", "{}"),
        step("POST", "/proxies/none", "{}"),
        step("GET", "/proxies/none/toxics"),
        step("POST", "/proxies/none/toxics", '{"type": "noop"}'),
        step("GET", "/proxies/none/toxics/none"),
        step("DELETE", "/proxies/none/toxics/none"),
        step("GET", "/proxies/none/record", differs="record"),
        *(step(method, "/proxies") for method in ("PUT", "HEAD", "DELETE", "OPTIONS", "PATCH")),
        *(step(method, "/version") for method in ("POST", "HEAD", "DELETE")),
        *(step(method, "/populate") for method in ("GET", "PATCH")),
        step("GET", "/reset"),
        step("GET", "/proxies", User_Agent="Mozilla/5.0 (X11)"),
        step("GET", "/nope", User_Agent="Mozilla/5.0 (X11)"),
        step("PUT", "/proxies", User_Agent="Mozilla/5.0 (X11)"),
        step("GET", "/proxies", User_Agent="mozilla/5.0"),
        step("GET", "/proxies?name=x"),
        step("GET", "//proxies", differs="clean-path"),
        step("GET", "/proxies/../version", differs="clean-path"),
        step("GET", "/PROXIES"),
    ]


def creating(ports, busy):
    a = {"name": "a", "listen": f"127.0.0.1:{ports[0]}", "upstream": "127.0.0.1:9"}
    return [
        step("POST", "/proxies", ""),
        step("POST", "/proxies", " \n"),
        step("POST", "/proxies", "{", differs="go-text"),
        step("POST", "/proxies", "[]", differs="go-text"),
        step("POST", "/proxies", "5", differs="go-text"),
        step("POST", "/proxies", "nonsense", differs="go-text"),
        step("POST", "/proxies", "null"),
        step("POST", "/proxies", "{}"),
        step("POST", "/proxies", {"name": "a"}),
        step("POST", "/proxies", {"upstream": "u:1"}),
        step("POST", "/proxies", {"name": "", "upstream": ""}),
        step("POST", "/proxies", {"name": 5, "upstream": "u:1"}, differs="go-text"),
        step("POST", "/proxies", {"name": "a", "upstream": "u:1", "enabled": "yes"}, differs="go-text"),
        step("POST", "/proxies", {"name": "a", "upstream": "u:1", "listen": "foo"}),
        step("POST", "/proxies", {"name": "a", "upstream": "u:1", "listen": "127.0.0.1:99999"}),
        step("POST", "/proxies", {"name": "a", "upstream": "u:1", "listen": "127.0.0.1:-1"}),
        step("POST", "/proxies", {"name": "a", "upstream": "u:1", "listen": "::1:80"}),
        step("POST", "/proxies", {"name": "a", "upstream": "u:1", "listen": "[::1:80"}),
        step("POST", "/proxies", {"name": "a", "upstream": "u:1", "listen": f"127.0.0.1:{busy}"}),
        step("GET", "/proxies"),
        step("POST", "/proxies", a),
        step("POST", "/proxies", a),
        step("POST", "/proxies", {**a, "listen": f"127.0.0.1:{ports[1]}"}),
        step("GET", "/proxies"),
        step("GET", "/proxies/a"),
        step(
            "POST", "/proxies", f'{{"NAME": "b", "UpStream": "u:1", "LISTEN": "localhost:{ports[1]}", "x": 1}} and more'
        ),
        step("POST", "/proxies", {"name": "c", "upstream": "u:1", "listen": f"localhost:{ports[2]}", "enabled": False}),
        step("POST", "/proxies", {"name": "d", "upstream": "u:1", "listen": "127.0.0.1:0", "enabled": None}),
        step("POST", "/proxies", {"name": "e", "upstream": "u:1", "enabled": False}),
        step("POST", "/proxies", {"name": "f", "upstream": "u:1", "listen": f":{ports[3]}"}),
        step("POST", "/proxies", {"name": "g", "upstream": "no port at all", "listen": "127.0.0.1:0"}),
        step("GET", "/proxies"),
    ]


def changing(ports, busy):
    return [
        *(step(verb, "/proxies/a", {"enabled": False}) for verb in ("PATCH", "POST")),
        step("PATCH", "/proxies/a", {"enabled": True}),
        step("PATCH", "/proxies/a", {"upstream": "127.0.0.1:10"}),
        step("PATCH", "/proxies/a", {"upstream": ""}),
        step("PATCH", "/proxies/a", {"upstream": "127.0.0.1:9", "name": "ignored"}),
        step("PATCH", "/proxies/a", {"listen": f"127.0.0.1:{ports[4]}"}),
        step("PATCH", "/proxies/a", {"listen": f"localhost:{ports[4]}"}),
        step("PATCH", "/proxies/a", {"listen": f"127.0.0.1:{ports[0]}"}),
        step("PATCH", "/proxies/a", "{}"),
        step("PATCH", "/proxies/a", "null"),
        step("PATCH", "/proxies/a", ""),
        step("PATCH", "/proxies/a", {"enabled": 1}, differs="go-text"),
        step("PATCH", "/proxies/a", {"listen": "foo"}),
        step("PATCH", "/proxies/a", {"listen": "127.0.0.1:99999"}),
        step("GET", "/proxies/a"),
        step("PATCH", "/proxies/a", {"listen": f"127.0.0.1:{busy}"}),
        step("GET", "/proxies/a", differs="whole-move"),
        step("PATCH", "/proxies/a", {"listen": f"127.0.0.1:{ports[0]}", "enabled": True}),
        step("PATCH", "/proxies/c", {"enabled": True}),
        step("PATCH", "/proxies/c", {"enabled": False}),
        step("PATCH", "/proxies/c", {"listen": f"localhost:{ports[2]}", "enabled": False}),
        step("PATCH", "/proxies/c", {"listen": "foo"}),
        step("PATCH", "/proxies/c", {"listen": f"127.0.0.1:{ports[5]}"}),
        step("PUT", "/proxies/a", {"enabled": False}),
        step("HEAD", "/proxies/a"),
        *(step("DELETE", f"/proxies/{name}") for name in "defg"),
        step("DELETE", "/proxies/d"),
        step("GET", "/proxies"),
    ]


def toxics_of_every_type():
    steps = [step("GET", "/proxies/a/toxics")]
    for kind in TOXIC_TYPES:
        steps.append(step("POST", "/proxies/a/toxics", {"type": kind}))
        steps.append(step("POST", "/proxies/a/toxics", {"type": kind, "stream": "upstream", "name": f"my {kind}"}))
    steps += [step("GET", "/proxies/a/toxics"), step("GET", "/proxies/a"), step("POST", "/reset")]
    attributes = {
        "latency": {"latency": 5, "JITTER": 2, "unknown": 1},
        "bandwidth": {"rate": 100},
        "slow_close": {"delay": 1},
        "timeout": {"timeout": 1},
        "reset_peer": {"timeout": 1},
        "slicer": {"average_size": 10, "size_variation": 5, "delay": 100},
        "limit_data": {"bytes": 100},
    }
    for kind, given in attributes.items():
        steps.append(step("POST", "/proxies/a/toxics", {"type": kind, "attributes": given, "toxicity": 0.3}))
        steps.append(step("GET", f"/proxies/a/toxics/{kind}_downstream"))
    return [*steps, step("GET", "/proxies/a/toxics"), step("GET", "/proxies")]


def bad_toxics():
    latency = {"type": "latency", "stream": "upstream"}
    own_words = [
        "",
        "{}",
        "null",
        {"type": "down"},
        {"type": "LATENCY"},
        {"type": "latency", "stream": ""},
        {"type": "latency", "stream": "both"},
        {"type": "nonsense", "stream": "both"},
        {"type": "noop", "name": "latency_downstream", "stream": "upstream"},
    ]
    go_s_words = [
        "{",
        "[]",
        {"type": 5},
        {"type": "latency", "stream": 5},
        latency | {"attributes": 5},
        latency | {"attributes": {"latency": 5.0}},
        latency | {"attributes": {"latency": 5.5}},
        latency | {"attributes": {"latency": "5"}},
        latency | {"attributes": {"latency": True}},
        '{"type": "latency", "stream": "upstream", "attributes": {"latency": 9223372036854775808}}',
        latency | {"toxicity": "1"},
        '{"type": "latency", "stream": "upstream", "toxicity": 1e999}',
        '{"type": "latency", "stream": "upstream", "toxicity": 4e38}',
    ]
    return [
        *(step("POST", "/proxies/a/toxics", body) for body in own_words),
        *(step("POST", "/proxies/a/toxics", body, differs="go-text") for body in go_s_words),
        step("POST", "/proxies/a/toxics", {"type": "packet_loss"}, differs="more-toxics"),
        step("DELETE", "/proxies/a/toxics/packet_loss_downstream", differs="more-toxics"),
        step("GET", "/proxies/a/toxics"),
        step("PUT", "/proxies/a/toxics", {"type": "noop"}),
        step("DELETE", "/proxies/a/toxics"),
    ]


def changing_toxics():
    one = "/proxies/a/toxics/latency_downstream"
    return [
        step("PATCH", one, {"attributes": {"latency": 9}}),
        step("POST", one, {"attributes": {"jitter": 1}, "toxicity": 1}),
        step("PATCH", one, {"toxicity": 0.123456789}),
        step("PATCH", one, {"toxicity": -1}),
        step("PATCH", one, {"toxicity": 7.5}),
        step("PATCH", one, {"toxicity": None, "attributes": None}),
        step("PATCH", one, {"name": "x", "type": "noop", "stream": "upstream"}),
        step("PATCH", one, "{}"),
        step("PATCH", one, ""),
        step("PATCH", one, {"toxicity": "much"}, differs="go-text"),
        step("PATCH", one, {"attributes": 5}, differs="go-text"),
        step("GET", one),
        step("PATCH", one, '{"attributes": {"latency": "s", "jitter": 4}, "toxicity": 0.5}', differs="go-text"),
        step("GET", one, differs="whole-update"),
        step("PATCH", one, {"attributes": {"latency": 9, "jitter": 1}, "toxicity": 1}),
        step("GET", "/proxies/a/toxics/none"),
        step("PATCH", "/proxies/a/toxics/none", "{}"),
        step("DELETE", "/proxies/a/toxics/none"),
        step("PUT", one, "{}"),
        step("DELETE", one),
        step("GET", one),
        step(
            "POST",
            "/proxies/a/toxics",
            {"type": "latency", "stream": "UPSTREAM", "toxicity": 3e38},
            differs="stream-case",
        ),
        step(
            "POST", "/proxies/a/toxics", {"type": "noop", "name": "last", "stream": "Upstream"}, differs="stream-case"
        ),
        step("POST", "/proxies/a/toxics", '{"type": "latency", "attributes": {"latency": -9223372036854775808}} x'),
        step("GET", "/proxies/a/toxics", differs="stream-case"),
        step("POST", "/proxies/a/toxics", {"type": "noop", "name": "with a duration", "duration": 0}),
        step("POST", "/reset"),
        step("GET", "/proxies/a/toxics"),
    ]


def odd_names():
    return [
        step("POST", "/proxies", {"name": "a b", "upstream": "u:1", "enabled": False}),
        step("GET", "/proxies/a%20b"),
        step("POST", "/proxies", {"name": '<ü> & \u2028\b\f\n"\\', "upstream": "u:1", "enabled": False}),
        step("GET", "/proxies"),
        step("DELETE", "/proxies/a%20b"),
        step("POST", "/proxies", {"name": "s/l", "upstream": "u:1", "enabled": False}),
        step("GET", "/proxies/s%2Fl", differs="slash"),
        step("GET", "/proxies/s/l"),
        step("POST", "/proxies", '{"name": "\\ud800", "upstream": "u:1", "enabled": false}'),
        step("POST", "/proxies", b'{"name": "\xff", "upstream": "u:1", "enabled": false}'),
        step("DELETE", "/proxies/%3C%C3%BC%3E%20&%20%E2%80%A8%08%0C%0A%22%5C"),
        step("GET", "/proxies/%zz", differs="not-http"),
    ]


def populating(ports, busy):
    b = {"name": "b", "listen": f"127.0.0.1:{ports[1]}", "upstream": "u:1"}
    return [
        step("POST", "/populate", "", differs="null-list"),
        step("POST", "/populate", "{}", differs="go-text null-list"),
        step("POST", "/populate", "[5]", differs="go-text null-list"),
        step("POST", "/populate", "[]", differs="null-list"),
        step("POST", "/populate", "null", differs="null-list"),
        step("POST", "/populate", [{"name": "x", "upstream": "u:1"}, {"upstream": "u:1"}], differs="null-list"),
        step("POST", "/populate", [{"name": "x", "upstream": "u:1"}, {"name": "y"}], differs="null-list"),
        step("POST", "/proxies/b/toxics", {"type": "noop"}),
        step("POST", "/populate", [b]),
        step("POST", "/populate", [b | {"enabled": False}]),
        step("POST", "/populate", [b | {"upstream": "u:2"}]),
        step("POST", "/populate", [b | {"upstream": "u:2"}, {"name": "x", "upstream": "u:1", "enabled": False}]),
        step("POST", "/populate", [b | {"name": "x", "upstream": "u:1", "listen": f"127.0.0.1:{ports[2]}"}, b]),
        step(
            "POST",
            "/populate",
            [{"name": "y", "upstream": "u:1", "listen": f"127.0.0.1:{busy}"}, b],
            differs="null-list",
        ),
        step("POST", "/populate", [b, {"name": "y", "upstream": "u:1", "listen": f"127.0.0.1:{busy}"}]),
        step("GET", "/proxies/y"),
        step("POST", "/populate", [b | {"listen": "foo"}], differs="null-list"),
        step("GET", "/proxies/b"),
        step("POST", "/populate", [b | {"listen": f"127.0.0.1:{busy}"}], differs="null-list"),
        step("GET", "/proxies/b", differs="whole-move"),
        step("POST", "/populate", [b | {"toxics": [{"type": "noop"}]}], differs="whole-move toxics-with-proxy"),
        step(
            "POST",
            "/proxies",
            {"name": "t", "upstream": "u:1", "enabled": False, "toxics": [{"type": "noop"}]},
            differs="toxics-with-proxy",
        ),
    ]


def resetting(ports, busy):
    return [
        step("PATCH", "/proxies/x", {"enabled": False}),
        step("POST", "/proxies/x/toxics", {"type": "noop"}),
        step("POST", "/reset", "anything"),
        step("GET", "/proxies/x"),
    ]


def leaving():
    return [
        *(step("DELETE", f"/proxies/{name}") for name in ("a", "b", "c", "x", "t")),
        step("GET", "/proxies", differs="loopback"),
        step("POST", "/proxies", b"2\r\n{}\r\n0\r\n\r\n", differs="chunked", Transfer_Encoding="chunked"),
    ]
