"""What orders needs of users: who is asking, by the token they show."""

import pytest
from flask import Flask
from pact import generate, match

from storefront.orders.app import _user
from storefront.shared.problems import Problem

pytestmark = pytest.mark.contract
ANY_TOKEN = r"Bearer \S+"


def asked(orders, url, token):
    """Who orders takes the sender of this token for."""
    with Flask("orders").test_request_context(headers={"Authorization": f"Bearer {token}"}):
        return _user(orders(users=url).peers["users"])


def test_good_token_is_somebody(drafts, orders):
    """Orders reads an id and an address for the mail; the token is the provider's to know."""
    token = match.type("Bearer good-token", generator=generate.provider_state("Bearer ${token}"))
    draft = drafts.new("orders", "users")
    (
        draft.upon_receiving("who it is that shows a good token")
        .given("somebody is logged in")
        .with_request("GET", "/me")
        .with_header("Authorization", token)
        .will_respond_with(200)
        .with_body({"id": match.str("u1"), "email": match.str("ann@storefront.example")}, "application/json")
    )
    with drafts.played(draft) as url:
        user = asked(orders, url, "good-token")

    assert user == {"id": "u1", "email": "ann@storefront.example"}


def test_bad_token_is_nobody(drafts, orders):
    """401, of which orders reads the status alone."""
    draft = drafts.new("orders", "users")
    (
        draft.upon_receiving("who it is that shows a token nobody was given")
        .with_request("GET", "/me")
        .with_header("Authorization", match.regex("Bearer bad-token", regex=ANY_TOKEN))
        .will_respond_with(401)
    )
    with drafts.played(draft) as url, pytest.raises(Problem) as refused:
        asked(orders, url, "bad-token")

    assert (refused.value.status, refused.value.kind) == (401, "unauthorized")


def test_users_that_cannot_look_is_said_at_once(drafts, orders):
    """503 with Retry-After: orders does not try again before that, and has no time to wait for it."""
    draft = drafts.new("orders", "users")
    token = match.type("Bearer good-token", generator=generate.provider_state("Bearer ${token}"))
    (
        draft.upon_receiving("who it is that shows a good token, while users cannot look")
        .given("somebody is logged in")
        .given("users cannot read its database")
        .with_request("GET", "/me")
        .with_header("Authorization", token)
        .will_respond_with(503)
        .with_header("Retry-After", match.regex("1", regex=r"\d+"))
    )
    with drafts.played(draft) as url, pytest.raises(Problem) as refused:
        asked(orders, url, "good-token")

    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
