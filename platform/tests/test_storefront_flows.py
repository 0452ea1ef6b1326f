"""Orders through the six real services, with services killed, frozen and brought back."""

import concurrent.futures
import json
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from storefront_shop import JWT_KEY, PASSWORD, Shop, eventually

from windtunnel.invariants import load_file
from windtunnel.load.direct import DirectClient

pytestmark = pytest.mark.xdist_group("flows")  # one system for all of them

ROOT = Path(__file__).parents[2]
INVARIANTS = (
    "every_confirmed_order_is_paid_exactly_once",
    "no_failed_order_stays_charged",
    "stock_is_conserved",
    "one_order_per_key",
    "every_confirmed_order_is_mailed_once",
)


class Mailbox:
    """Counts the mails that arrive, by recipient's subject."""

    def __init__(self):
        self.subjects = Counter()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        text = envelope.content.decode()
        self.subjects.update(line for line in text.splitlines() if line.startswith("Subject: "))
        return "250 OK"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("shop")) as shop:
        shop.log_in()
        shop.mailbox = Mailbox()
        shop.mail = Controller(shop.mailbox, hostname="127.0.0.1", port=shop.ports["mail"])
        shop.mail.start()
        yield shop
        shop.mail.stop()


@pytest.fixture
def at_rest(shop):
    """The shop, with nothing left to do; afterwards it must come to rest again, with every invariant held."""
    shop.rest()
    since = time.time()
    yield shop
    shop.rest()
    module = load_file(ROOT / "chaos_specs" / "invariants.py")
    assert [v for name in INVARIANTS for v in getattr(module, name)(shop, since)] == []


def order_of(shop, answer):
    path = answer.headers["Location"]
    return shop.http.get(shop.url("orders") + path, headers=shop.headers).json()


def held(shop, sku):
    return next(row["held"] for row in shop.get("inventory", "/audit/stock")["items"] if row["sku"] == sku)


def test_order_is_confirmed_and_mailed(at_rest):
    """201 with the order; the customer's mail arrives once."""
    answer = at_rest.order("happy")

    assert (answer.status_code, answer.json()["status"], answer.json()["amount_cents"]) == (201, "confirmed", 2400)
    subject = f"Subject: Your order {answer.json()['id'][:8]} is confirmed"
    eventually(lambda: at_rest.mailbox.subjects[subject])
    at_rest.rest()
    assert at_rest.mailbox.subjects[subject] == 1


def test_same_key_is_the_same_order_with_the_same_status(at_rest):
    """A retried POST changes nothing and answers the same; another payload under the key is 422."""
    first, again, other = at_rest.order("key-1"), at_rest.order("key-1"), at_rest.order("key-1", quantity=5)
    declined = [at_rest.order("key-2", card="card-declined").status_code for _ in range(2)]

    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert (other.status_code, declined) == (422, [402, 402])


def test_twenty_posts_at_once_with_one_key_are_one_order(at_rest):
    """Each is told of the same order: confirmed, or accepted while the first one is at work."""
    since = time.time()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: at_rest.order("at-once"), range(20)))
    orders = at_rest.get("orders", "/audit/orders", {"since": since})["items"]

    assert {answer.status_code for answer in answers} <= {201, 202}
    assert {answer.json()["id"] for answer in answers} == {orders[0]["id"]}
    assert len(orders) == 1


def test_declined_charge_fails_the_order_and_releases_stock(at_rest):
    """402; the order says why; the stock is back."""
    before = held(at_rest, "CAP-03")
    answer = at_rest.order("declined", sku="CAP-03", card="card-declined")

    assert answer.status_code == 402
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (order_of(at_rest, answer)["status"], order_of(at_rest, answer)["reason"]) == ("failed", "declined")
    eventually(lambda: held(at_rest, "CAP-03") == before)


def test_payments_gone_is_503_releases_stock_and_frees_the_key(at_rest):
    """Nothing was sent, so nothing was ordered: the same key orders anew when payments is back."""
    before = held(at_rest, "TEE-02")
    at_rest.kill("payments")
    refused = at_rest.order("gone", sku="TEE-02")
    eventually(lambda: held(at_rest, "TEE-02") == before)
    at_rest.start("payments")
    at_rest.await_ready("payments")
    placed = at_rest.order("gone", sku="TEE-02")

    assert (refused.status_code, int(refused.headers["Retry-After"]) >= 1) == (503, True)
    assert order_of(at_rest, refused)["status"] == "failed"
    assert placed.status_code == 201


def test_payments_frozen_is_202_and_confirmed_once_it_moves_again(at_rest):
    """The charge may have arrived: the order stays pending, and the finisher asks with the same key."""
    at_rest.signal("payments", signal.SIGSTOP)
    try:
        accepted = at_rest.order("frozen")
        again = at_rest.order("frozen")
    finally:
        at_rest.signal("payments", signal.SIGCONT)

    assert (accepted.status_code, accepted.json()["status"], again.status_code) == (202, "pending", 202)
    eventually(lambda: order_of(at_rest, accepted)["status"] == "confirmed")
    assert at_rest.order("frozen").status_code == 201


def test_bank_frozen_is_202_and_charged_once(at_rest):
    """Payments does not know either, says so, and asks the bank again under the same key."""
    at_rest.signal("bank", signal.SIGSTOP)
    try:
        accepted = at_rest.order("bank-frozen")
    finally:
        at_rest.signal("bank", signal.SIGCONT)

    assert accepted.status_code == 202
    eventually(lambda: order_of(at_rest, accepted)["status"] == "confirmed")


def test_bank_gone_is_answered_as_documented(at_rest):
    """503 where payments says in time that nothing was charged, else 202 until it does; never an order half paid."""
    at_rest.kill("bank")
    answer = at_rest.order("bank-gone")
    at_rest.start("bank")
    at_rest.await_ready("bank")

    assert answer.status_code in (503, 202)
    eventually(lambda: order_of(at_rest, answer)["status"] in ("failed", "confirmed"))


def test_inventory_frozen_is_503_and_the_late_reservation_takes_nothing(at_rest):
    """The release is owed until it is done, and leaves a tombstone for the reservation that is still under way."""
    before = held(at_rest, "BAG-04")
    at_rest.signal("inventory", signal.SIGSTOP)
    try:
        answer = at_rest.order("inventory-frozen", sku="BAG-04")
    finally:
        at_rest.signal("inventory", signal.SIGCONT)
    at_rest.rest()

    assert answer.status_code == 503
    assert held(at_rest, "BAG-04") == before


def test_mail_down_is_not_noticed_and_the_mail_comes_later(at_rest):
    """The outbox keeps it."""
    at_rest.mail.stop()
    answer = at_rest.order("no-mail")
    eventually(lambda: at_rest.status("orders", "/health/quiet") == 503)
    waiting = at_rest.http.get(f"{at_rest.url('orders')}/health/quiet").json()["waiting_for"]
    at_rest.mail = Controller(at_rest.mailbox, hostname="127.0.0.1", port=at_rest.ports["mail"])
    at_rest.mail.start()

    assert answer.status_code == 201
    assert waiting["owed_mails"] == 1
    subject = f"Subject: Your order {answer.json()['id'][:8]} is confirmed"
    eventually(lambda: at_rest.mailbox.subjects[subject])


def test_users_gone_is_503_and_nothing_is_stored(at_rest):
    """Without knowing who asks, nothing begins."""
    since = time.time()
    at_rest.signal("users", signal.SIGSTOP)
    try:
        answer = at_rest.order("no-users")
    finally:
        at_rest.signal("users", signal.SIGCONT)

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:storefront:problem:dependency-unavailable")
    assert at_rest.get("orders", "/audit/orders", {"since": since})["items"] == []


def test_scenarios_pass_against_a_healthy_shop(at_rest):
    """One customer for the whole run, arrivals that overlap, and every request as its scenario expects."""
    scenarios = load_file(ROOT / "load" / "scenarios.py")
    targets, memory = {name: at_rest.url(name) for name in ("orders", "users", "inventory")}, {}

    def arrive(names):
        answers = []
        with DirectClient(targets, memory=memory) as client:
            request = client.request
            client.request = lambda *a, **k: answers.append(request(*a, **k)) or answers[-1]
            for name in names:
                getattr(scenarios, name)(client)
        return answers

    set_up = arrive(["set_up"])
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        rounds = list(pool.map(arrive, [["read_order", "place_order", "browse"]] * 5))

    assert [answer.status for answer in set_up] == [201, 201, 201]
    assert [[answer.status for answer in answers] for answers in rounds] == [[200, 201, 200, 200]] * 5
    assert [answer.error for answers in (set_up, *rounds) for answer in answers if answer.error] == []
    assert len(memory["orders"]) == 6


def test_logs_are_json_and_hold_no_secret(shop):
    """One object a line, with the request id that travelled; no password, token or key anywhere."""
    answer = shop.http.get(f"{shop.url('orders')}/orders/x", headers={**shop.headers, "X-Request-Id": "travels-1"})
    everything = {name: shop.log(name).read_text() for name in shop.services}
    lines = {name: [json.loads(line) for line in text.splitlines()] for name, text in everything.items()}
    token = shop.headers["Authorization"].removeprefix("Bearer ")

    assert answer.headers["X-Request-Id"] == "travels-1"
    assert all({"time", "level", "service", "message"} <= line.keys() for name in lines for line in lines[name])
    for name in ("orders", "users"):
        assert [line["route"] for line in lines[name] if line.get("request_id") == "travels-1"]
    assert not [s for s in (PASSWORD, JWT_KEY, token, "card-ok") if any(s in text for text in everything.values())]
