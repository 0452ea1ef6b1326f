"""What orders needs of inventory: stock held for an order, at a price, and given back."""

import pytest
from pact import match
from pact_clients import an_order

from resilience.durable import Verdict

pytestmark = pytest.mark.contract
HELD = {"sku": "MUG-01", "quantity": 2}


def reserving(drafts, description, order_id, body):
    """A draft of `PUT /reservations/{order_id}`; its answer comes next."""
    draft = drafts.new("orders", "inventory")
    request = draft.upon_receiving(description)
    wanted = {"sku": match.str(body["sku"]), "quantity": match.int(body["quantity"])}
    return draft, request.with_request("PUT", f"/reservations/{order_id}").with_body(wanted, "application/json")


def releasing(drafts, description, order_id):
    draft = drafts.new("orders", "inventory")
    return draft, draft.upon_receiving(description).with_request("DELETE", f"/reservations/{order_id}")


def reserve(parts, order):
    return parts.settlement._reserve(order, again=False)


def release(parts, order):
    return parts.settlement._release(order)


def test_stock_is_held_at_a_price(drafts, orders):
    """Orders reads the price of one piece, and charges that times the quantity."""
    draft, request = reserving(drafts, "a reservation of stock that is there", "pact-held", HELD)
    request.given("there is stock", sku="MUG-01").will_respond_with(200).with_body(
        {"unit_price_cents": match.int(1200)}, "application/json"
    )
    with drafts.played(draft) as url:
        parts = orders(inventory=url)
        order, _ = parts.store.open(an_order("pact-held", amount_cents=None))
        outcome = reserve(parts, order)
        with parts.database.write() as connection:
            outcome.write(connection)

    assert outcome.verdict is Verdict.DONE
    assert parts.store.find("pact-held").amount_cents == 2400


def test_unknown_product_is_a_certain_refusal(drafts, orders):
    """404, of which orders reads the status alone: nothing is held."""
    draft, request = reserving(drafts, "a reservation of what is not sold", "pact-unsold", {**HELD, "sku": "NO-1"})
    request.will_respond_with(404)
    with drafts.played(draft) as url:
        outcome = reserve(orders(inventory=url), an_order("pact-unsold", sku="NO-1"))

    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, "no_such_product")


def test_sold_out_is_a_certain_refusal(drafts, orders):
    """409, of which orders reads the status alone: nothing is held."""
    draft, request = reserving(drafts, "a reservation of what is sold out", "pact-sold-out", {**HELD, "sku": "LMP-07"})
    request.given("there is no stock left", sku="LMP-07").will_respond_with(409)
    with drafts.played(draft) as url:
        outcome = reserve(orders(inventory=url), an_order("pact-sold-out", sku="LMP-07"))

    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, "out_of_stock")


def test_inventory_that_cannot_look_may_have_held_it(drafts, orders):
    """503 with Retry-After: orders gives up at once, and releases what may be held."""
    draft, request = reserving(drafts, "a reservation, while inventory cannot look", "pact-unsure", HELD)
    (
        request.given("inventory cannot read its database")
        .will_respond_with(503)
        .with_header("Retry-After", match.regex("1", regex=r"\d+"))
    )
    with drafts.played(draft) as url:
        outcome = reserve(orders(inventory=url), an_order("pact-unsure"))

    assert (outcome.verdict, outcome.reason) == (Verdict.UNSURE, "unavailable")


def test_held_stock_is_given_back(drafts, orders):
    """Any 2xx means that it is."""
    draft, request = releasing(drafts, "the release of a reservation", "pact-released")
    request.given("stock is held", reservation="pact-released").will_respond_with(204)
    with drafts.played(draft) as url:
        given_back = release(orders(inventory=url), an_order("pact-released"))

    assert given_back


def test_what_was_never_held_is_given_back_too(drafts, orders):
    """A release may come first: it is a success, so that orders need not ask for ever."""
    draft, request = releasing(drafts, "the release of what was never reserved", "pact-never-held")
    request.will_respond_with(204)
    with drafts.played(draft) as url:
        given_back = release(orders(inventory=url), an_order("pact-never-held"))

    assert given_back


def test_release_that_inventory_cannot_do_is_owed(drafts, orders):
    """503 with Retry-After: it is tried again later."""
    draft, request = releasing(drafts, "a release, while inventory cannot look", "pact-owed")
    (
        request.given("inventory cannot read its database")
        .will_respond_with(503)
        .with_header("Retry-After", match.regex("1", regex=r"\d+"))
    )
    with drafts.played(draft) as url:
        given_back = release(orders(inventory=url), an_order("pact-owed"))

    assert not given_back
