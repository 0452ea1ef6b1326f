"""What the relay of orders needs of notifications: delivered, not now, or never."""

import pytest
from pact import match
from pact_clients import an_order

from resilience.durable import Delivery, Message
from storefront.orders.mails import deliver, mail_for

pytestmark = pytest.mark.contract


def posting(drafts, description, order_id, **fields):
    """A draft of `POST /notifications` under the message's id as its key, and the message; its answer comes next."""
    draft = drafts.new("orders", "notifications")
    mail = {**mail_for(an_order(order_id)), **fields}
    request = draft.upon_receiving(description).with_request("POST", "/notifications")
    request.with_header("Idempotency-Key", match.regex(order_id, regex=r"[\x21-\x7e]{1,200}"))
    request.with_body({name: match.str(value) for name, value in mail.items()}, "application/json")
    return request, draft, Message(order_id, "mail", order_id, mail, {}, 0, 0)


def relayed(drafts, draft, orders, message):
    with drafts.played(draft) as url:
        return deliver(orders(notifications=url).peers["notifications"], message)


def test_2xx_is_delivered(drafts, orders):
    """The message is struck off."""
    request, draft, message = posting(drafts, "a mail", "pact-mailed")
    request.given("the mail server takes mails").will_respond_with(201)

    assert relayed(drafts, draft, orders, message) is Delivery.DELIVERED


def test_503_is_tried_again(drafts, orders):
    """Nothing is wrong with the message: it is kept, for as long as it takes."""
    request, draft, message = posting(drafts, "a mail, while the mail server cannot be reached", "pact-mail-later")
    (
        request.given("notifications cannot reach the mail server")
        .will_respond_with(503)
        .with_header("Retry-After", match.regex("1", regex=r"\d+"))
    )

    assert relayed(drafts, draft, orders, message) is Delivery.LATER


def test_409_is_tried_again(drafts, orders):
    """An earlier attempt is at work: what came of it can be had later."""
    request, draft, message = posting(drafts, "a mail that is being sent already", "pact-mail-twice")
    request.given("that mail is being sent", key="pact-mail-twice", mail=dict(message.payload)).will_respond_with(409)

    assert relayed(drafts, draft, orders, message) is Delivery.LATER


def test_422_is_poison(drafts, orders):
    """No time will help: after some tries it is parked, and somebody has to look."""
    request, draft, message = posting(drafts, "a mail to no address", "pact-mail-nobody", recipient="nobody")
    request.will_respond_with(422)

    assert relayed(drafts, draft, orders, message) is Delivery.POISON


def test_a_mail_that_no_mail_server_takes_is_poison(drafts, orders):
    """Its address has the right form, and leads nowhere: asking for ever would hide it."""
    nowhere = {"recipient": "ann@shop..example"}
    request, draft, message = posting(drafts, "a mail that is refused for good", "pact-mail-refused", **nowhere)
    request.given("the mail server takes mails").will_respond_with(422)

    assert relayed(drafts, draft, orders, message) is Delivery.POISON
