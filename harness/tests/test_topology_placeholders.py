"""Placeholders: the environment is filled in when the file is read, the rest when the system is started."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_samples import unhurried

from windtunnel.topology import expand, secrets_in
from windtunnel.topology.placeholders import SERVICE_WORDS, fill_environment

ENVIRON = {"USER": "ann", "EMPTY": "", "TRICKY": "${port} $${x} $"}
VALUES = {"port": "5001", "data": "/tmp/d", "secret:jwt": "s3cr3t"}

FILLED = [
    ("plain", "info", "info"),
    ("lone-dollar", "a$b $", "a$b $"),
    ("variable", "x-${USER}-y", "x-ann-y"),
    ("default-unused", "${USER:-bob}", "ann"),
    ("default-used", "${NOBODY:-bob}", "bob"),
    ("default-empty", "${NOBODY:-}", ""),
    ("empty-is-set", "${EMPTY}", ""),
    ("empty-takes-default", "${EMPTY:-bob}", "bob"),
    ("words-stay", "${port} ${data} ${secret:jwt}", "${port} ${data} ${secret:jwt}"),
    ("escape-stays", "$${USER}", "$${USER}"),
]


@pytest.mark.parametrize(("text", "filled"), [case[1:] for case in FILLED], ids=[case[0] for case in FILLED])
def test_environment_is_filled_in_and_the_rest_stays(text, filled):
    """As in a shell."""
    assert filled == fill_environment(text, SERVICE_WORDS, ENVIRON)


REFUSED = [
    ("not-set", "${NOBODY}", "the variable NOBODY is not set; set it, or write ${NOBODY:-default}"),
    ("host", "${host}", "'${host}' means nothing here; known: ${data}, ${port}, ${secret:NAME}, ${NAME}"),
    ("bad-name", "${a b}", "'${a b}' means nothing here; known: ${data}, ${port}, ${secret:NAME}, ${NAME}"),
    ("empty", "${}", "'${}' means nothing here; known: ${data}, ${port}, ${secret:NAME}, ${NAME}"),
    (
        "nameless-secret",
        "${secret:}",
        "'${secret:}' means nothing here; known: ${data}, ${port}, ${secret:NAME}, ${NAME}",
    ),
    ("unclosed", "${port", "'${' is not closed; write ${NAME}, or $${ for a plain ${"),
]


@pytest.mark.parametrize(("text", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_placeholder_without_a_meaning_says_which_have_one(text, message):
    """Never left as it is, which a service would take literally."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fill_environment(text, SERVICE_WORDS, ENVIRON)


def test_expand_puts_the_values_in():
    """Secrets by their full key."""
    assert expand("${port} ${data}/x ${secret:jwt}", VALUES) == "5001 /tmp/d/x s3cr3t"


def test_expand_turns_the_escape_into_a_plain_opening():
    """So that a service can be given a literal placeholder."""
    assert expand("$${port} costs $5", VALUES) == "${port} costs $5"


def test_value_of_the_environment_never_becomes_a_placeholder():
    """What the caller's variable holds reaches the service as it is."""
    assert ENVIRON["TRICKY"] == expand(fill_environment("${TRICKY}", SERVICE_WORDS, ENVIRON), VALUES)


def test_expand_refuses_a_key_without_a_value():
    """It is a mistake of the backend, and must not reach the service."""
    message = "nothing to put in for '${host}'; known: data, port, secret:jwt"

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        expand("${host}", VALUES)


def test_secrets_are_listed_in_order():
    """So that a backend can make them first."""
    assert secrets_in("${secret:jwt}:${port}:${secret:mail-key}:$${secret:no}") == ("jwt", "mail-key")


@unhurried
@given(st.text(alphabet="${}:-aport secret") | st.text(), st.text(alphabet="${}ab"))
def test_any_environment_value_survives_unchanged(text, value):
    """Whatever surrounds it: the two steps together are the identity on values and on texts without placeholders."""
    plain = text.replace("${", "")

    assert plain + value == expand(fill_environment("${V}", (), {"V": plain + value}), {})
