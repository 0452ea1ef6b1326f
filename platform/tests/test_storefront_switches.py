"""Policies can be switched off, and the invariants notice: what experiments rest on."""

import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from storefront_shop import Shop, eventually

pytestmark = pytest.mark.xdist_group("switches")  # one system for all of them

ROOT = Path(__file__).parents[2]
OFF = "charge_key,compensation,idempotency,problem_details"


class AnswerLoser(ThreadingHTTPServer):
    """Stands before payments. Passes requests on, and loses the next `lose` answers after they were given."""

    target, lose = "", 0


class _Pass(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: self.headers[name] for name in ("Content-Type", "Idempotency-Key")}
        try:
            answer = httpx.post(self.server.target + self.path, content=body, headers=headers, trust_env=False)
        except httpx.TransportError:
            return
        if self.server.lose:
            self.server.lose -= 1
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_):
        """Nothing: the services log."""


@pytest.fixture(scope="module")
def loser():
    server = AnswerLoser(("127.0.0.1", 0), _Pass)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory, loser):
    """An orders service without four of its policies. Mails go nowhere."""
    services = ("users", "inventory", "payments", "bank", "notifications")
    with Shop(tmp_path_factory.mktemp("switched"), services=services) as shop:
        loser.target = shop.url("payments")
        shop.start("orders", POLICIES_OFF=OFF, PAYMENTS_URL=f"http://127.0.0.1:{loser.server_port}")
        shop.await_ready("orders")
        shop.log_in()
        yield shop


@pytest.fixture(scope="module")
def invariants():
    sys.path.insert(0, str(ROOT / "chaos_specs"))
    try:
        import invariants
    finally:
        sys.path.remove(str(ROOT / "chaos_specs"))
    return invariants


def settled(shop, since):
    """All orders since then, once none is pending."""
    orders = shop.get("orders", "/audit/orders", {"since": since})["items"]
    return orders if all(order["status"] != "pending" for order in orders) else None


def test_without_idempotency_a_repeated_key_makes_a_second_order(shop, invariants):
    """And the invariant names the key."""
    since = time.time()
    ids = {shop.order("twice").json()["id"] for _ in range(2)}

    assert len(ids) == 2
    assert invariants.one_order_per_key(shop, since) == ["Idempotency-Key twice made 2 orders"]


def test_without_charge_key_a_lost_answer_is_a_second_charge(shop, loser, invariants):
    """The retry is a new charge to payments, and to the bank."""
    since = time.time()
    loser.lose = 1
    shop.order("double")
    order = eventually(lambda: settled(shop, since))[0]

    # At least two: on a slow machine an answer may also come too late.
    twice = r"order {} over 2400 cents has {} of \[2400(, 2400)+\] cents"
    found = invariants.every_confirmed_order_is_paid_exactly_once(shop, since)
    assert order["status"] == "confirmed"
    assert len(found) == 2
    assert re.fullmatch(twice.format(order["id"], "charges"), found[0])
    assert re.fullmatch(twice.format(order["id"], "transfers"), found[1])


def test_without_compensation_a_failed_order_keeps_its_stock(shop, invariants):
    """Declined as ever, but the stock is lost until somebody looks."""
    since = time.time()
    answer = shop.order("kept", card="card-declined")

    assert answer.status_code == 402
    assert invariants.stock_is_conserved(shop, since) == [
        f"2 x MUG-01 stay held for failed order {answer.headers['Location'].removeprefix('/orders/')}"
    ]


def test_unmailed_orders_are_a_violation(shop, invariants):
    """No mail server runs here, so none of the confirmed orders was mailed."""
    confirmed = [o for o in shop.get("orders", "/audit/orders")["items"] if o["status"] == "confirmed"]

    found = invariants.every_confirmed_order_is_mailed_once(shop, 0.0)
    assert len(found) == min(len(confirmed), 6)
    assert "was mailed 0 times" in found[0]


def test_without_problem_details_a_dependency_that_is_gone_is_a_bare_500(shop):
    """The client learns nothing."""
    shop.kill("users")
    answer = shop.order("nobody")

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
