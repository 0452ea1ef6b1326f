"""What orders needs of payments: charged, declined, certainly not charged, or not known yet."""

import pytest
from pact import match
from pact_clients import an_order

from storefront.orders.charging import NOT_CHARGED, charge

pytestmark = pytest.mark.contract


def charging(drafts, description, order_id, card="card-ok"):
    """A draft of `POST /charges` under the order's id as its key; its answer comes next."""
    draft = drafts.new("orders", "payments")
    wanted = {"order_id": match.str(order_id), "amount_cents": match.int(2400), "card": match.str(card)}
    request = draft.upon_receiving(description).with_request("POST", "/charges")
    key = match.regex(order_id, regex=r"[\x21-\x7e]{1,200}")
    return draft, request.with_header("Idempotency-Key", key).with_body(wanted, "application/json")


def test_201_is_charged(drafts, orders):
    """Orders reads the status alone."""
    draft, request = charging(drafts, "a charge that the bank takes", "pact-charged")
    request.given("the bank answers").will_respond_with(201)
    with drafts.played(draft) as url:
        outcome = charge(orders(payments=url).peers["payments"], an_order("pact-charged"))

    assert outcome == "charged"


def test_402_is_declined(drafts, orders):
    """The bank's no is an end: nothing was charged, and nothing will be."""
    draft, request = charging(drafts, "a charge that the bank declines", "pact-declined", card="card-declined")
    request.given("the bank answers").will_respond_with(402)
    with drafts.played(draft) as url:
        order = an_order("pact-declined", card="card-declined")
        outcome = charge(orders(payments=url).peers["payments"], order)

    assert outcome == "declined"


def test_202_is_asked_again_later(drafts, orders):
    """Payments has stored it and waits for the bank: neither yes nor no."""
    draft, request = charging(drafts, "a charge, while the bank does not answer", "pact-doubt")
    known = {"order_id": "pact-doubt", "amount_cents": 2400, "card": "card-ok"}
    request.given("the bank takes requests and does not answer", **known).will_respond_with(202)
    with drafts.played(draft) as url:
        outcome = charge(orders(payments=url).peers["payments"], an_order("pact-doubt"))

    assert outcome == "unknown"


def test_503_of_that_type_is_certainly_not_charged(drafts, orders):
    """Retry-After and the type both count: without the first orders would ask again, and could not be sure."""
    draft, request = charging(drafts, "a charge, while the bank cannot be reached", "pact-unreached")
    (
        request.given("payments cannot reach the bank")
        .will_respond_with(503)
        .with_header("Retry-After", match.regex("1", regex=r"\d+"))
        .with_body({"type": NOT_CHARGED}, "application/problem+json")
    )
    with drafts.played(draft) as url:
        outcome = charge(orders(payments=url).peers["payments"], an_order("pact-unreached"))

    assert outcome == "not_charged"


def test_503_of_another_type_is_not_known(drafts, orders):
    """Payments may have died in the middle: only its own word that nothing was charged would be an end."""
    draft, request = charging(drafts, "a charge, while payments cannot look", "pact-blind")
    (
        request.given("payments cannot read its database")
        .will_respond_with(503)
        .with_header("Retry-After", match.regex("1", regex=r"\d+"))
        .with_body(
            {"type": match.regex("urn:storefront:problem:database-unavailable", regex="(?!.*:not-charged$).+")},
            "application/problem+json",
        )
    )
    with drafts.played(draft) as url:
        outcome = charge(orders(payments=url).peers["payments"], an_order("pact-blind"))

    assert outcome == "unknown"
