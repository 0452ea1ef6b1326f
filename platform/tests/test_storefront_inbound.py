"""The door of a real service over real connections: limits, deadlines, draining."""

import concurrent.futures
import os
import signal
import socket
import threading

import httpx
import pytest
from storefront_shop import Shop, eventually

TRANSFER = {"kind": "payment", "amount_cents": 500, "card": "card-ok", "reference": "o1"}


def metric(shop, service, name):
    """One value of a service's metrics."""
    lines = shop.http.get(f"{shop.url(service)}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).rpartition(" ")[2])


def test_client_that_asks_too_often_is_429_and_told_when_to_come_again(tmp_path):
    """Health is answered all the same; the count is in the metrics."""
    with Shop(tmp_path, services=()) as shop:
        shop.start("bank", POLICIES_SET="inbound.rate_limit.rate=0.1; inbound.rate_limit.burst=3")
        shop.await_ready("bank")
        answers = [shop.http.get(f"{shop.url('bank')}/audit/transfers") for _ in range(5)]
        health = [shop.status("bank", "/health/ready") for _ in range(5)]
        refused = metric(shop, "bank", 'inbound_refused_total{policy="rate_limit"}')

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["type"] == "urn:storefront:problem:rate-limited"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    assert (health, refused) == ([200] * 5, 2.0)


def test_work_whose_time_has_passed_is_never_started(tmp_path):
    """504 as a problem document, whether it came late or its body did; no transfer is made."""
    with Shop(tmp_path, services=("bank",)) as shop:
        url, key = f"{shop.url('bank')}/transfers", {"Idempotency-Key": "k"}
        late = shop.http.post(url, json=TRANSFER, headers={**key, "X-Request-Timeout-Ms": "0"})
        with socket.create_connection(("127.0.0.1", shop.ports["bank"])) as wire:
            head = "POST /transfers HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-Request-Timeout-Ms: 100\r\n\r\n"
            wire.sendall(head.encode() + b"{")
            threading.Event().wait(0.3)
            wire.sendall(b'"a":')
            dripped = wire.recv(4096).split(b"\r\n", 1)[0]
        listed = shop.get("bank", "/audit/transfers")["items"]
        refused = metric(shop, "bank", 'inbound_refused_total{policy="deadline"}')

    assert (late.status_code, late.json()["type"]) == (504, "urn:storefront:problem:deadline-passed")
    assert dripped == b"HTTP/1.1 504 Gateway Timeout"
    assert (listed, refused) == ([], 2.0)


@pytest.fixture
def black_hole():
    """A peer that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server


def test_too_much_at_once_is_shed_at_once_and_health_still_answers(tmp_path, black_hole):
    """Four wait for a peer that hangs, the rest hear 503 immediately, and none of them reaches the peer."""
    users = f"http://127.0.0.1:{black_hole.getsockname()[1]}"
    limit = "inbound.limit={minimum=4, initial=4, maximum=4}; users.deadline=3"
    with Shop(tmp_path, services=()) as shop, httpx.Client(timeout=10, limits=httpx.Limits(max_connections=50)) as many:
        shop.start("orders", USERS_URL=users, POLICIES_SET=limit, POLICIES_OFF="users.breaker,users.retry")
        shop.await_ready("orders")
        url = f"{shop.url('orders')}/orders/x"
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            hanging = [pool.submit(many.get, url) for _ in range(4)]
            eventually(lambda: metric(shop, "orders", 'inbound_concurrency{what="in_flight"}') == 4)
            shed = list(pool.map(lambda _: many.get(url), range(16)))
            health = shop.status("orders", "/health/ready")
            held = [future.done() for future in hanging]
            kinds = {future.result().json()["type"] for future in hanging}

    assert {(answer.status_code, answer.json()["type"]) for answer in shed} == {
        (503, "urn:storefront:problem:overloaded")
    }
    assert (health, held) == (200, [False] * 4)
    assert kinds == {"urn:storefront:problem:dependency-unavailable"}


@pytest.mark.parametrize("group", [False, True], ids=["main process", "process group"])
def test_sigterm_turns_readiness_first_and_then_ends(tmp_path, group):
    """It still answers while it says that it is going; liveness does not turn; it ends with 0."""
    with Shop(tmp_path, services=()) as shop:
        shop.start("bank", DRAIN_NOTICE_SECONDS="4")
        shop.await_ready("bank")
        process = shop.processes["bank"]
        (os.killpg if group else os.kill)(process.pid, signal.SIGTERM)
        eventually(lambda: shop.status("bank", "/health/ready") == 503)
        going = shop.http.get(f"{shop.url('bank')}/health/ready")
        working = shop.http.post(f"{shop.url('bank')}/transfers", json=TRANSFER, headers={"Idempotency-Key": "k"})
        alive = shop.status("bank", "/health/live")
        code = process.wait()

    assert going.json()["type"] == "urn:storefront:problem:draining"
    assert (working.status_code, working.headers["Connection"], alive, code) == (201, "close", 200, 0)


def test_trace_and_request_id_reach_the_next_service(tmp_path):
    """One trace over both, in headers and logs."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with Shop(tmp_path, services=("users", "orders")) as shop:
        headers = {"traceparent": parent, "X-Request-Id": "travels-2"}
        shop.http.get(f"{shop.url('orders')}/orders/x", headers=headers)
        logs = {name: shop.log(name).read_text() for name in ("orders", "users")}

    for text in logs.values():
        (line,) = [line for line in text.splitlines() if "travels-2" in line and '"request"' in line]
        assert '"trace_id": "0af7651916cd43dd8448eb211c80319c"' in line
