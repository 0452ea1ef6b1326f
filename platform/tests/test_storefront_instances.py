"""Inventory as two processes on one database: reservations stay right, and orders does not miss one of them."""

import concurrent.futures
import uuid

import httpx
import pytest
from storefront_shop import Shop, eventually

pytestmark = pytest.mark.xdist_group("instances")  # one system for all of them

SERVICES = ("users", "inventory", "inventory#2", "orders", "payments", "bank")
BOTH = ("inventory", "inventory#2")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Mails go nowhere."""
    with Shop(tmp_path_factory.mktemp("instances"), services=SERVICES) as shop:
        shop.log_in()
        yield shop


def stock(shop, sku, instance="inventory"):
    (row,) = [row for row in shop.get(instance, "/audit/stock")["items"] if row["sku"] == sku]
    return row["available"], row["held"]


def open_breakers(shop):
    return shop.http.get(f"{shop.url('orders')}/health/quiet").json()["waiting_for"].get("breakers", {})


def at_once(calls):
    """What each of these functions returns, called together."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_one_reservation_asked_of_both_at_once_takes_stock_once(shop):
    """All of them are told the same, wherever they asked."""
    before = stock(shop, "CAP-03")

    def reserve(instance, name):
        body = {"sku": "CAP-03", "quantity": 2}
        return lambda: shop.http.put(f"{shop.url(instance)}/reservations/{name}", json=body).status_code

    names = [uuid.uuid4().hex for _ in range(20)]
    statuses = at_once([reserve(instance, name) for name in names for instance in BOTH * 2])

    assert statuses == [200] * 80
    assert stock(shop, "CAP-03") == stock(shop, "CAP-03", "inventory#2") == (before[0] - 40, before[1] + 40)


def test_release_at_one_and_reservation_at_the_other_leave_nothing_held(shop):
    """Whichever comes first: a tombstone that one instance leaves stops the other one, too."""
    before = stock(shop, "PAD-06")

    def both_ways(name):
        url = f"/reservations/{name}"
        body = {"sku": "PAD-06", "quantity": 1}
        yield lambda: shop.http.put(shop.url("inventory") + url, json=body).status_code
        yield lambda: shop.http.delete(shop.url("inventory#2") + url).status_code

    statuses = at_once([call for _ in range(30) for call in both_ways(uuid.uuid4().hex)])

    assert set(statuses[::2]) <= {200, 410}
    assert set(statuses[1::2]) == {204}
    assert stock(shop, "PAD-06") == before


def test_orders_asks_both_instances(shop):
    """About half each; each has a breaker of its own."""
    for _ in range(20):
        assert shop.order(uuid.uuid4().hex).status_code == 201
    metrics = shop.http.get(f"{shop.url('orders')}/metrics").text
    wanted = [
        f'circuit_breaker_requests_total{{instance="{httpx.URL(shop.url(instance)).netloc.decode()}",'
        'name="orders->inventory",outcome="succeeded"} '
        for instance in BOTH
    ]
    served = [
        float(line.removeprefix(start)) for start in wanted for line in metrics.splitlines() if line.startswith(start)
    ]

    assert len(served) == 2
    assert min(served) >= 3


@pytest.mark.parametrize("instance", BOTH)
def test_instance_that_is_killed_costs_no_order_and_is_asked_again_when_it_is_back(shop, instance):
    """Every call finds the other one; afterwards both breakers are closed, and the books balance."""
    shop.kill(instance)
    statuses = [shop.order(uuid.uuid4().hex, sku="LMP-07").status_code for _ in range(20)]
    shop.start(instance)
    shop.await_ready(instance)
    address = httpx.URL(shop.url(instance)).netloc.decode()

    def served():
        shop.order(uuid.uuid4().hex, sku="LMP-07")
        text = shop.http.get(f"{shop.url('orders')}/metrics").text
        return f'balancer_ejected{{instance="{address}",name="orders->inventory"}} 0.0' in text

    eventually(served)
    eventually(lambda: "orders->inventory" not in open_breakers(shop))
    available, held = stock(shop, "LMP-07")

    assert statuses == [201] * 20
    assert available + held == 1_000_000
