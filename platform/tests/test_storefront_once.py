"""One key, one effect: over real connections, with many at once."""

import concurrent.futures
import contextlib
import time

import httpx
import pytest
from aiosmtpd.controller import Controller
from scripted_peer import ScriptedServer, says
from storefront_shop import Shop, eventually

pytestmark = pytest.mark.xdist_group("once")  # one system for all of them

TRANSFER = {"kind": "payment", "amount_cents": 500, "card": "card-ok", "reference": "o1"}
MAIL = {"recipient": "a@b.example", "subject": "s", "text": "t", "reference": "o1"}
MANY = 200


class Mailbox:
    """Keeps what arrives."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope.content)
        return "250 OK"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("once")) as shop:
        shop.mailbox = Mailbox()
        shop.mail = Controller(shop.mailbox, hostname="127.0.0.1", port=shop.ports["mail"])
        shop.mail.start()
        shop.log_in()
        yield shop
        shop.mail.stop()


def at_once(post, count=MANY):
    """The answers to as many posts, sent together over connections of their own."""
    limits = httpx.Limits(max_connections=count)
    with (
        httpx.Client(timeout=30, trust_env=False, limits=limits) as client,
        concurrent.futures.ThreadPoolExecutor(count) as pool,
    ):
        return list(pool.map(lambda _: post(client), range(count)))


def test_two_hundred_posts_of_one_order_charge_once(shop):
    """Whoever is not shed hears of the same order; the bank moves the money once."""
    since = time.time()
    body, headers = {"sku": "MUG-01", "quantity": 1, "card": "card-ok"}, {**shop.headers, "Idempotency-Key": "burst"}
    answers = at_once(lambda client: client.post(f"{shop.url('orders')}/orders", json=body, headers=headers))
    shop.rest()
    (order,) = shop.get("orders", "/audit/orders", {"since": since})["items"]
    heard = {answer.json()["id"] for answer in answers if answer.status_code in (201, 202)}
    (transfer,) = shop.get("bank", "/audit/transfers", {"since": since})["items"]

    assert {answer.status_code for answer in answers} <= {201, 202, 503}
    assert (heard, order["status"]) == ({order["id"]}, "confirmed")
    assert (transfer["reference"], transfer["amount_cents"]) == (order["id"], 1200)


def test_two_hundred_posts_at_the_bank_are_one_transfer_and_one_answer(shop):
    """Byte for byte the same, for everybody whom the door lets in."""
    since, url = time.time(), f"{shop.url('bank')}/transfers"
    answers = at_once(lambda client: client.post(url, json=TRANSFER, headers={"Idempotency-Key": "bank-burst"}))
    done = {(a.content, a.headers["Content-Type"]) for a in answers if a.status_code == 201}

    assert {answer.status_code for answer in answers} <= {201, 503}
    assert len(done) == 1
    assert len(shop.get("bank", "/audit/transfers", {"since": since})["items"]) == 1


def test_mail_that_is_asked_for_again_while_it_is_sent_is_sent_once(shop):
    """Two answers at most: sent, or at work; the mailbox gets one."""
    before = len(shop.mailbox.mails)
    url = f"{shop.url('notifications')}/notifications"
    answers = at_once(lambda client: client.post(url, json=MAIL, headers={"Idempotency-Key": "mail-burst"}), 20)
    again = shop.http.post(url, json=MAIL, headers={"Idempotency-Key": "mail-burst"})

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.headers["Retry-After"] for answer in answers if answer.status_code == 409} <= {"1"}
    assert (again.status_code, again.json()["sent"]) == (201, True)
    assert len(shop.mailbox.mails) == before + 1


def metrics(shop):
    return shop.http.get(f"{shop.url('orders')}/metrics").text


@contextlib.contextmanager
def refusing(shop):
    """In the place of notifications, somebody who answers everything with 422."""
    shop.kill("notifications")
    with ScriptedServer(says(422), port=shop.ports["notifications"]):
        yield
    shop.start("notifications")
    shop.await_ready("notifications")


def test_mail_that_notifications_will_not_have_is_parked_and_seen(shop):
    """It is tried a few times; then it is in the metrics and in the log, and nothing waits for it."""
    with refusing(shop):
        placed = shop.order("poison")
        eventually(lambda: 'outbox_messages{name="parked"} 1.0' in metrics(shop))
    shop.rest()

    assert placed.status_code == 201
    assert "mail parked" in shop.log("orders").read_text()
    assert 'outbox_messages{name="waiting"} 0.0' in metrics(shop)
