"""The injection rule: which requests, and which of those."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from http_wires import call, caller, ended, shop, statuses
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import ProxyError
from windtunnel.proxy.http1.head import request_head
from windtunnel.proxy.http1.rule import MOST_SCOPES, RequestRule
from windtunnel.request_match import COUNTS, RequestMatch, path_pattern, read_match, text_pattern

NEVER = lambda decision: False  # noqa: E731 - nobody is spared


def head(line="GET /orders/7 HTTP/1.1", **headers):
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return request_head((line + "\r\n" + "".join(lines) + "\r\n").encode())


LOOKS = {
    "anything": ({}, head(), True),
    "method": ({"method": "GET"}, head(), True),
    "other method": ({"method": "POST"}, head(), False),
    "method in another case": ({"method": "get"}, head(), False),
    "path": ({"path": "/orders/7"}, head(), True),
    "template": ({"path": "/orders/{id}"}, head(), True),
    "template, query": ({"path": "/orders/{id}"}, head("GET /orders/7?q=/x HTTP/1.1"), True),
    "template, deeper": ({"path": "/orders/{id}"}, head("GET /orders/7/items HTTP/1.1"), False),
    "template, nothing there": ({"path": "/orders/{id}"}, head("GET /orders/ HTTP/1.1"), False),
    "template within a segment": ({"path": "/orders/{id}.json"}, head("GET /orders/7.json HTTP/1.1"), True),
    "two placeholders": ({"path": "/{a}/{b}"}, head(), True),
    "all below": ({"path": "/orders/*"}, head("GET /orders/7/items HTTP/1.1"), True),
    "all below, beside": ({"path": "/orders/*"}, head("GET /ordersx/7 HTTP/1.1"), False),
    "absolute target": ({"path": "/orders/{id}"}, head("GET http://shop:80/orders/7?x HTTP/1.1"), True),
    "a dot is a dot": ({"path": "/a.c"}, head("GET /abc HTTP/1.1"), False),
    "header": ({"headers": {"X-Tenant": "blue"}}, head(x_tenant="blue"), True),
    "header, other value": ({"headers": {"X-Tenant": "blue"}}, head(x_tenant="Blue"), False),
    "header, not there": ({"headers": {"x-tenant": "*"}}, head(), False),
    "header, any": ({"headers": {"x-tenant": "*"}}, head(x_tenant="green"), True),
    "header, part": ({"headers": {"accept": "*json*"}}, head(accept="text/html, application/json"), True),
    "two headers": ({"headers": {"a": "1", "b": "2"}}, head(a="1"), False),
    "canary": ({}, head(user_agent="windtunnel-canary"), False),
    "canary that is meant": (
        {"headers": {"user-agent": "*-canary/*"}},
        head(user_agent="windtunnel-canary/7"),
        True,
    ),
}


@pytest.mark.parametrize("case", LOOKS)
def test_a_request_looks_right_or_not(case):
    """Method, path template, headers; canaries only where they are named."""
    given_, asked, expected = LOOKS[case]
    rule = RequestRule(read_match(given_))

    assert bool(rule.decide(asked, 1, NEVER)) is expected


SELECTED = {"first": [1, 2, 3], "nth": [3], "after": [4, 5, 6, 7], "every": [3, 6]}


@pytest.mark.parametrize("count", COUNTS)
def test_of_those_that_look_right_the_count_selects(count):
    """With 3, of seven; what looks otherwise is not counted."""
    rule = RequestRule(read_match({"path": "/a", count: 3}))
    hit = []
    for number in range(1, 8):
        rule.decide(head("GET /b HTTP/1.1"), 1, NEVER)
        if rule.decide(head("GET /a HTTP/1.1"), 1, NEVER):
            hit.append(number)

    assert hit == SELECTED[count]


def test_counts_are_per_connection_where_that_is_asked_for():
    """The second on each."""
    rule = RequestRule(read_match({"nth": 2, "scope": "connection"}))
    hits = [bool(rule.decide(head(), connection, NEVER)) for connection in (1, 2, 1, 2, 1)]

    assert hits == [False, False, True, True, False]


def traced(number):
    return head(traceparent=f"00-{number:032x}-00f067aa0ba902b7-01")


def test_counts_are_per_trace_where_that_is_asked_for():
    """By trace id, else by request id; a request with neither belongs to no trace, and is spared."""
    rule = RequestRule(read_match({"first": 1, "scope": "trace"}))
    asked = [traced(1), traced(1), traced(2), head(x_request_id="a"), head(x_request_id="a"), head(), head()]

    assert [bool(rule.decide(each, 1, NEVER)) for each in asked] == [True, False, True, True, False, False, False]


def test_traces_without_number_take_no_memory_without_bound():
    """The one not seen for longest is forgotten first."""
    rule = RequestRule(read_match({"first": 1, "scope": "trace"}))
    for number in range(1, MOST_SCOPES + 100):
        rule.decide(traced(number), 1, NEVER)

    assert len(rule._counts) == MOST_SCOPES
    assert rule.decide(traced(MOST_SCOPES + 99), 1, NEVER) == 0


@given(st.lists(st.sampled_from(["/a", "/b"])), st.sampled_from(COUNTS), st.integers(1, 5))
def test_the_count_is_what_its_word_says(paths, count, n):
    """For any series of requests."""
    rule = RequestRule(RequestMatch(path="/a", **{count: n}))
    hits = [path for path in paths if rule.decide(head(f"GET {path} HTTP/1.1"), 1, NEVER)]
    total = paths.count("/a")
    expected = {"first": min(total, n), "nth": total >= n, "after": max(total - n, 0), "every": total // n}

    assert Counter(hits)["/a"] == expected[count]
    assert "/b" not in hits


MISTAKES = {
    "match: want an object": [],
    "match: unknown key 'pth'; known: method, path": {"pth": "/"},
    "match.method: 'GET /' is no method": {"method": "GET /"},
    "match.path: 'orders' is no path; write one such as /orders/{id}": {"path": "orders"},
    "match.path: '/a?b=c' is no path": {"path": "/a?b=c"},
    "match.path: '/{id' has a brace that is no placeholder": {"path": "/{id"},
    "'*' stands alone after the last slash": {"path": "/*/a"},
    "match.headers: want an object": {"headers": ["a"]},
    "match.headers: 'a b' is no header name": {"headers": {"a b": "c"}},
    "match.headers.a: want a text": {"headers": {"a": 1}},
    "match.scope: unknown scope 'conection'; known: armed, connection, trace": {"scope": "conection"},
    "match.first: want a whole number of at least 1, got 0": {"first": 0},
    "match.every: want a whole number of at least 1, got True": {"every": True},
    "match: first and nth exclude each other": {"first": 1, "nth": 2},
}


@pytest.mark.parametrize("said", MISTAKES)
def test_a_rule_that_cannot_be_is_refused_with_what_would_be_right(said):
    """Over the API, and nothing is added."""
    with shop() as (edge, _):
        with pytest.raises(ProxyError) as caught:
            edge.add_toxic("http_status", attributes={"match": MISTAKES[said]})
        toxics = edge.state().toxics

    assert said in str(caught.value)
    assert caught.value.status == 400
    assert toxics == ()


ATTRIBUTES = [
    ("http_status", {"status": 100}, "attributes.status: want an integer from 200 to 599, got 100"),
    ("http_status", {"status": "503"}, "attributes.status: want an integer from 200 to 599, got '503'"),
    ("http_status", {"stats": 1}, "attributes.stats: unknown; known: body, content_type, match, retry_after, status"),
    ("http_status", {"content_type": "a\r\nSet-Cookie: x"}, "attributes.content_type: want the value of a header"),
    ("http_delay", {"delay": -1}, "attributes.delay: want an integer from 0"),
    ("http_truncate", {"fraction": 1}, "attributes.fraction: want a number from 0 up to, but not, 1, got 1"),
    ("http_truncate", {"fraction": 0.5, "bytes": 1}, "bytes and fraction exclude each other"),
    ("http_truncate", {"then": "hang"}, "attributes.then: want 'close' or 'reset', got 'hang'"),
    ("http_header", {"set": {"Content-Length": "0"}}, "Content-Length says where messages end"),
    ("http_header", {"set": {"A": "b\r\nC: d"}}, "want the value of a header, on one line"),
    ("http_header", {"remove": "ETag"}, 'attributes.remove: want an array such as ["ETag"]'),
    ("http_header", {"set": {"A": "b"}, "remove": ["a"]}, "a is both set and removed"),
    ("http_corrupt_body", {"every": 0}, "attributes.every: want an integer from 1"),
    ("http_lose_answer", {"then": "close"}, "attributes.then: want 'reset' or 'hang', got 'close'"),
]


@pytest.mark.parametrize(("kind", "attributes", "said"), ATTRIBUTES)
def test_attributes_are_refused_with_what_would_be_right(kind, attributes, said):
    """Unknown ones too: a rule that was misread would hit others."""
    with shop() as (edge, _), pytest.raises(ProxyError) as caught:
        edge.add_toxic(kind, attributes=attributes)

    assert said in str(caught.value)


@pytest.mark.parametrize("kind", ["http_status", "http_lose_answer"])
def test_what_acts_on_answers_is_refused_upstream(kind):
    """Instead of being added and doing nothing."""
    with shop() as (edge, _), pytest.raises(ProxyError, match="its stream is downstream"):
        edge.add_toxic(kind, stream="upstream")


def test_attributes_are_shown_as_they_were_given():
    """A match without what was not said."""
    match = {"method": "POST", "path": "/orders/{id}", "headers": {"x-a": "b*"}, "scope": "trace", "nth": 2}
    with shop() as (edge, _):
        edge.add_toxic("http_status", name="t", attributes={"match": match, "status": 500})
        edge.add_toxic("http_header", name="u", attributes={"set": {"X-A": "b"}, "remove": ["C"]})
        first, second = edge.state().toxics

    assert first.attributes == {
        "match": match,
        "status": 500,
        "body": "",
        "content_type": "text/plain; charset=utf-8",
        "retry_after": 0,
    }
    assert second.attributes == {"match": {}, "set": {"X-A": "b"}, "remove": ["C"]}


def test_two_connections_share_one_count_since_the_toxic_was_armed():
    """Six concurrent callers, ten requests each: exactly the seven that were asked for."""
    with shop() as (edge, _), ExitStack() as stack, ThreadPoolExecutor(6) as pool:
        clients = [stack.enter_context(caller(edge)) for _ in range(6)]
        edge.add_toxic("http_status", name="t", attributes={"match": {"first": 7}})
        answers = [status for each in pool.map(lambda c: statuses(c, *["/"] * 10), clients) for status in each]
        touched = edge.record().touched

    assert Counter(answers) == {503: 7, 200: 53}
    assert touched == {"t": 7}


def test_an_update_of_the_match_counts_anew_and_any_other_does_not():
    """What is counted is not what was counted before."""
    with shop() as (edge, _), caller(edge) as client:
        edge.add_toxic("http_status", name="t", attributes={"match": {"first": 1}})
        seen = statuses(client, "/", "/")
        edge.update_toxic("t", attributes={"status": 500})
        seen += statuses(client, "/")
        edge.update_toxic("t", attributes={"match": {"first": 2}})
        seen += statuses(client, "/", "/", "/")

    assert seen == [503, 200, 200, 500, 500, 200]


def decided(seed, requests=40):
    with shop(seed=seed) as (edge, _), caller(edge) as client:
        edge.add_toxic("http_status", name="t", toxicity=0.4, attributes={"match": {"path": "/a"}})
        if seed == 1:
            edge.add_toxic("http_delay", name="behind", toxicity=0.5)
        return [each.status for each in _played(edge, client, requests)]


def _played(edge, client, requests):
    for _ in range(requests):
        call(client, path="/a")
    return ended(edge, requests)


def test_chance_is_drawn_from_the_seed_for_each_request():
    """Toxicity is a share of requests; another seed decides otherwise."""
    first, other = decided(1), decided(2)

    assert set(first) == set(other) == {200, 503}
    assert first != other


def test_hundred_repeats_decide_alike():
    """Rules with chance, counted in every scope: the same decisions each time, also with toxics behind."""
    from http_talk import Talk

    runs = set()
    for repeat in range(100):
        talk = Talk()
        talk.install("http_status", toxicity=0.3, match={"path": "/a"})
        talk.install("http_lose_answer", toxicity=0.5, match={"scope": "connection", "after": 2})
        for _ in range(repeat % 3):
            talk.install("http_delay", toxicity=0.5)
        decisions = []
        for number in range(50):
            talk.say([b"GET /%s HTTP/1.1\r\n\r\n" % (b"a" if number % 3 else b"b")])
            exchange = talk.conversation._latest
            decisions.append(tuple(sorted(t.type for t in exchange.chosen if t.type != "http_delay")))
        runs.add(tuple(decisions))

    assert len(runs) == 1
    assert len(set(next(iter(runs)))) > 2


def test_patterns_are_not_regular_expressions():
    """What a user writes is text."""
    assert path_pattern("/a+(b)").fullmatch("/a+(b)")
    assert not path_pattern("/a+").fullmatch("/aa")
    assert text_pattern("a|b*").fullmatch("a|bc")
    assert not text_pattern("[ab]").fullmatch("a")
