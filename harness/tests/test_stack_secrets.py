"""No secret gets out, in whatever form; harmless text stays as it is."""

import base64
import json
from urllib.parse import quote

import pytest

from windtunnel.stack.secrets import Secrets

ODD = 'pa/ss "wörd"+&?'


@pytest.fixture
def secrets():
    made = Secrets()
    made.add("odd", ODD)
    return made


def test_secret_is_the_same_for_all_who_name_it():
    """One signs, another one verifies."""
    secrets = Secrets()

    assert secrets.value("jwt") == secrets.value("jwt")
    assert secrets.value("jwt") != secrets.value("other")


def test_secrets_differ_between_stacks():
    """Nothing that leaked from one run is of use in another."""
    assert Secrets().value("jwt") != Secrets().value("jwt")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(ODD, id="plain"),
        pytest.param(quote(ODD, safe=""), id="url"),
        pytest.param(json.dumps(ODD)[1:-1], id="json"),
        pytest.param(ODD.encode().hex(), id="hex"),
        pytest.param(base64.b64encode(ODD.encode()).decode(), id="base64"),
        pytest.param(base64.b64encode(b"u:" + ODD.encode() + b"!").decode(), id="base64-within-2"),
        pytest.param(base64.b64encode(b"u::" + ODD.encode() + b"?!").decode(), id="base64-within-3"),
        pytest.param(base64.b64encode(b"user" + ODD.encode()).decode(), id="base64-within-4"),
        pytest.param(base64.urlsafe_b64encode(ODD.encode()).decode(), id="base64-url"),
    ],
)
def test_known_secret_is_found_in_every_form(secrets, written):
    """What a log or a header may have made of it."""
    redacted = secrets.redact(f"a {written} b")

    assert "[redacted:odd]" in redacted
    assert ODD not in redacted


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        pytest.param("Authorization: Bearer abc.def-123", "abc.def-123", id="bearer"),
        pytest.param("token eyJhbGciOi.eyJzdWIi.c2ln here", "eyJzdWIi", id="jwt"),
        pytest.param("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", id="basic"),
        pytest.param("postgresql://shop:hunter2@db/shop", "hunter2", id="url"),
        pytest.param('{"password": "hun\\"ter2"}', "ter2", id="json"),
        pytest.param("{'access_token': 'hunter2'}", "hunter2", id="python"),
        pytest.param('{"body": "{\\"password\\": \\"hunter2\\"}"}', "hunter2", id="json-within-json"),
        pytest.param('{"api_key": 12345}', "12345", id="number"),
        pytest.param("GET /login?user=a&password=hunter2&x=1", "hunter2", id="query"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text, hidden):
    """The stack has not made it, but it has no place in evidence either."""
    redacted = Secrets().redact(text)

    assert hidden not in redacted
    assert "[redacted" in redacted


@pytest.mark.parametrize(
    "document",
    [
        {"password": 'a"b', "user": "ann", "n": {"token": 17, "refresh_token": None}},
        {"body": json.dumps({"password": 'a"b', "user": "ann"})},
        {"headers": {"authorization": "Bearer abcdef123"}},
    ],
    ids=["fields", "nested", "header"],
)
def test_redacted_json_is_json(document):
    """Histories are redacted line by line and must stay readable."""
    redacted = Secrets().redact(json.dumps(document))

    assert json.loads(redacted).keys() == document.keys()
    assert "[redacted" in redacted


@pytest.mark.parametrize(
    "text",
    [
        "invalid token: expired",
        '{"idempotency_key": "42", "late_share": 0.1}',
        "fault/place_order p99 < 1500ms: got 5004ms (n=601, 14% over)",
        "http://127.0.0.1:21001/orders",
        '{"token": null}',
    ],
)
def test_harmless_text_stays(text):
    """Evidence is worth something only if it can be read."""
    assert Secrets().redact(text) == text


def test_redacting_twice_changes_nothing(secrets):
    """A log line may pass through more than one writer."""
    once = secrets.redact(f'{{"password": "{ODD}", "token": "x"}} password={ODD} Bearer abcdef123')

    assert secrets.redact(once) == once


def test_short_value_is_left_alone():
    """`on` as a secret would hide half of a log."""
    secrets = Secrets()
    secrets.add("flag", "on")

    assert secrets.redact("on and on") == "on and on"
