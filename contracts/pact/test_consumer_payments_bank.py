"""What payments needs of the bank: money moved, declined, or not known."""

import pytest
from pact import match
from pact_clients import a_payment

pytestmark = pytest.mark.contract


def moving(drafts, description, key, card="card-ok"):
    """A draft of `POST /transfers` under the movement's id as its key; its answer comes next."""
    draft = drafts.new("payments", "bank")
    wanted = {
        "kind": match.regex("payment", regex="payment|refund"),
        "amount_cents": match.int(2400),
        "card": match.str(card),
        "reference": match.str("pact-order"),
    }
    request = draft.upon_receiving(description).with_request("POST", "/transfers")
    request.with_header("Idempotency-Key", match.regex(key, regex=r"[\x21-\x7e]{1,200}"))
    return draft, request.with_body(wanted, "application/json")


def test_201_is_a_charge_that_succeeded(drafts, payments):
    """Payments reads the status alone."""
    draft, request = moving(drafts, "a transfer", "pact-transfer")
    request.will_respond_with(201)
    with drafts.played(draft) as url:
        row = payments(url).carry_out(a_payment("pact-transfer"))

    assert row.status == "succeeded"


def test_402_is_a_charge_that_was_declined(drafts, payments):
    """The bank's no is final."""
    draft, request = moving(drafts, "a transfer that is declined", "pact-transfer-declined", "card-declined")
    request.will_respond_with(402)
    with drafts.played(draft) as url:
        row = payments(url).carry_out(a_payment("pact-transfer-declined", card="card-declined"))

    assert row.status == "declined"


def test_bank_that_cannot_look_leaves_it_in_doubt(drafts, payments):
    """503 with Retry-After: the charge stays pending, and is asked for again under the same key."""
    draft, request = moving(drafts, "a transfer, while the bank cannot look", "pact-transfer-doubt")
    (
        request.given("the bank cannot read its database")
        .will_respond_with(503)
        .with_header("Retry-After", match.regex("1", regex=r"\d+"))
    )
    with drafts.played(draft) as url:
        row = payments(url).carry_out(a_payment("pact-transfer-doubt"))

    assert row.status == "pending"
