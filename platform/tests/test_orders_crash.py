"""The orders service is killed at every point of an order; after a restart every promise holds."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from aiosmtpd.controller import Controller
from storefront_shop import Shop, eventually

from windtunnel.invariants import load_file

pytestmark = pytest.mark.xdist_group("crash")  # one system for all of them

ROOT = Path(__file__).parents[2]
INVARIANTS = (
    "every_confirmed_order_is_paid_exactly_once",
    "no_failed_order_stays_charged",
    "stock_is_conserved",
    "one_order_per_key",
    "every_confirmed_order_is_mailed_once",
)
POINTS = {"card-ok": 16, "card-declined": 18}
"""Two for each call (users, inventory, payments, and the mail or the release) and for each commit (opened, reserved,
ended or turned, and delivered, or claimed and undone)."""


class Mailbox:
    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        return "250 OK"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    services = ("users", "inventory", "payments", "bank", "notifications")
    with Shop(tmp_path_factory.mktemp("crashing"), services=services) as shop:
        shop.mail = Controller(Mailbox(), hostname="127.0.0.1", port=shop.ports["mail"])
        shop.mail.start()
        shop.log_in()
        yield shop
        shop.mail.stop()


def start(shop, crash_id, crash_at):
    """Orders, with a point at which it dies."""
    env = shop.environment("orders", CRASH_ID=crash_id, CRASH_AT=str(crash_at), POLICIES_SET="saga.lease=2")
    with shop.log("orders").open("ab") as log:
        command = [sys.executable, str(Path(__file__).with_name("crashing_orders.py"))]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    shop.processes["orders"] = process
    shop.await_ready("orders")
    return process


def order(shop, card, key, request_id):
    """Its status; None when the service died over it."""
    body = {"sku": "MUG-01", "quantity": 2, "card": card}
    headers = {**shop.headers, "Idempotency-Key": key, "X-Request-Id": request_id}
    try:
        return shop.http.post(f"{shop.url('orders')}/orders", json=body, headers=headers).status_code
    except httpx.TransportError:
        return None


@pytest.mark.parametrize("card", POINTS)
def test_kill_at_every_point_of_an_order_keeps_every_promise(shop, card):
    """Killed at each point in turn; the next start finds what was left. Whoever asks again gets that one order."""
    since, final = time.time(), {"card-ok": 201, "card-declined": 402}[card]
    died = []
    for point in range(POINTS[card]):
        process = start(shop, f"{card}-{point}", point)
        order(shop, card, f"{card}-{point}", f"{card}-{point}")
        died.append(process.wait(timeout=15))
    start(shop, "nobody", 0)
    for point in range(POINTS[card]):
        eventually(lambda p=point: order(shop, card, f"{card}-{p}", "again") == final)
    shop.rest()
    invariants = load_file(ROOT / "chaos_specs" / "invariants.py")
    violations = [violation for name in INVARIANTS for violation in getattr(invariants, name)(shop, since)]
    orders = shop.get("orders", "/audit/orders", {"since": since})["items"]
    shop.kill("orders")

    assert died == [-signal.SIGKILL] * POINTS[card]
    assert len(orders) == POINTS[card]
    assert violations == []


def test_there_are_no_more_points_than_are_killed(shop):
    """A new call or commit in the way of an order must be added to the points."""
    for card, points in POINTS.items():
        process = start(shop, f"{card}-all", points)
        status = order(shop, card, f"{card}-all", f"{card}-all")
        shop.rest()
        alive = process.poll()
        shop.kill("orders")

        assert (status, alive) == ({"card-ok": 201, "card-declined": 402}[card], None)
