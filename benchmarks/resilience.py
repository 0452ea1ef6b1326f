"""What the policies cost, beside the libraries that people use: `make bench-resilience`.

Like is compared with like. The peers wrap functions, so `Circuit.guard` and `retrying` wrap the same function; the two
that wrap an httpx transport stand beside `Breaker` and `Retry` over the same transport that answers at once. Then: the
CPU of whole chains over that transport, and of one call over a real connection.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import backoff
import circuitbreaker
import httpx
import httpx_retries
import interlock
import interlock.integrations.httpx
import purgatory
import pybreaker
import stamina
import tenacity
from benchmarks.measure import Case, Timing, interleaved, machine, versions, write

from resilience import (
    BalancerSettings,
    Breaker,
    BreakerSettings,
    BudgetSettings,
    BulkheadSettings,
    CacheSettings,
    Circuit,
    EdgePolicy,
    FallbackSettings,
    RateLimitSettings,
    Retry,
    RetrySettings,
    StaticList,
    Wire,
    client,
    protect,
    retrying,
)

PEERS = (
    "pybreaker",
    "circuitbreaker",
    "purgatory",
    "interlock-cb",
    "tenacity",
    "stamina",
    "backoff",
    "httpx-retries",
    "httpx",
)
OURS = "windtunnel"
LONG = 3600.0
"""Seconds: no breaker leaves open while it is measured."""


def work() -> int:
    """The function that is wrapped."""
    return 1


def fail() -> int:
    """The function that opens the breakers."""
    raise ConnectionError


def breakers(function: Callable[[], int]) -> dict[str, Callable[[], int]]:
    """The same function under each breaker: five failures open it, or half of the last hundred calls where it can."""
    hundred = interlock.Config(window_size=100, minimum_number_of_calls=5, wait_duration_in_open=LONG)
    return {
        OURS: Circuit(BreakerSettings(window=100, minimum_calls=5, open_for=LONG)).guard(function),
        "pybreaker": pybreaker.CircuitBreaker(fail_max=5, reset_timeout=LONG)(function),
        "circuitbreaker": circuitbreaker.CircuitBreaker(5, LONG, name=f"cb-{function.__name__}")(function),
        "purgatory": purgatory.SyncCircuitBreakerFactory(default_threshold=5, default_ttl=LONG)("p")(function),
        "interlock-cb": interlock.CircuitBreaker(name="i", config=hundred)(function),
    }


def rejections() -> dict[str, Case]:
    """Each breaker open: the rejection, raised and caught."""
    return {name: rejected(opened(guarded)) for name, guarded in breakers(fail).items()}


def opened(guarded: Callable[[], int]) -> Callable[[], int]:
    """After so many failures that it is open."""
    for _ in range(20):
        with contextlib.suppress(Exception):
            guarded()
    return guarded


def rejected(guarded: Callable[[], int]) -> Case:
    """One rejection. Raises RuntimeError when it is none: a closed breaker would be measured."""
    try:
        guarded()
    except ConnectionError:
        raise RuntimeError(f"{guarded} is not open") from None
    except Exception as exc:
        kind = type(exc)

    def call() -> None:
        try:  # noqa: SIM105 - `suppress` would cost as much as what is measured
            guarded()
        except kind:
            pass

    return call


def more_of_ours() -> dict[str, Case]:
    """What the peers' breakers have not (interlock-cb has): shares of time, slow calls, both."""
    return {
        "slow calls counted": Circuit(BreakerSettings(window=100, slow_after=1.0)).guard(work),
        "time window": Circuit(BreakerSettings(window_seconds=10.0)).guard(work),
        "time window, slow calls counted": Circuit(BreakerSettings(window_seconds=10.0, slow_after=1.0)).guard(work),
    }


def retries() -> dict[str, Case]:
    """Three attempts, exponential with jitter, on one kind of error; the function does not fail."""
    return {
        OURS: retrying(work, RetrySettings(attempts=3), on=ConnectionError),
        "tenacity": tenacity.retry(
            stop=tenacity.stop_after_attempt(3),
            wait=tenacity.wait_random_exponential(),
            retry=tenacity.retry_if_exception_type(ConnectionError),
            reraise=True,
        )(work),
        "stamina": stamina.retry(on=ConnectionError, attempts=3)(work),
        "backoff": backoff.on_exception(backoff.expo, ConnectionError, max_tries=3)(work),
    }


class AtOnce(httpx.BaseTransport):
    """The null transport: an answer without a network."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=_HEADERS, stream=httpx.ByteStream(b'{"a": "bc"}'))


_HEADERS = [(b"Content-Type", b"application/json"), (b"Content-Length", b"11")]


def transports() -> dict[str, dict[str, Case]]:
    """One policy around the null transport, by policy."""
    request, null = httpx.Request("GET", "http://peer/things/12"), AtOnce()

    def over(transport: httpx.BaseTransport) -> Case:
        return lambda: transport.handle_request(request)

    return {
        "breaker over a transport": {
            OURS: over(Breaker(null, circuit=Circuit(BreakerSettings(window=100)))),
            "interlock-cb": over(interlock.integrations.httpx.CircuitBreakerTransport(null)),
            "(the transport alone)": over(null),
        },
        "retry over a transport": {
            OURS: over(Retry(null, RetrySettings())),
            "httpx-retries": over(httpx_retries.RetryTransport(transport=null)),
            "(the transport alone)": over(null),
        },
    }


def everything() -> EdgePolicy:
    """All policies on, with limits that nothing here reaches."""
    return EdgePolicy(
        fallback=FallbackSettings(answer=lambda _request, _failure: httpx.Response(200)),
        cache=CacheSettings(stale_for=60),
        deadline=5,
        retry=RetrySettings(),
        budget=BudgetSettings(),
        balancer=BalancerSettings(),
        breaker=BreakerSettings(slow_after=1.0),
        rate_limit=RateLimitSettings(per_second=1_000_000, burst=100_000),
        bulkhead=BulkheadSettings(),
        attempt_timeout=1,
    )


def chains() -> dict[str, Case]:
    """Whole chains over the null transport."""
    request, provider = httpx.Request("GET", "http://peer/things/12"), StaticList("10.0.0.1:80", "10.0.0.2:80")
    default = protect(AtOnce(), EdgePolicy(), name="e")
    full = protect(AtOnce(), everything(), name="e", provider=provider)
    null = AtOnce()
    return {
        "the transport alone": lambda: null.handle_request(request),
        "default chain (deadline, retry, breaker)": lambda: default.handle_request(request),
        "all policies, two instances": lambda: full.handle_request(request),
    }


_SERVER = """
import socket, threading
answer = (b"HTTP/1.1 200 OK\\r\\nServer: x\\r\\nDate: Sat, 21 Nov 2026 09:42:00 GMT\\r\\n"
          b"Content-Type: application/json\\r\\nX-Request-Id: abc\\r\\nContent-Length: 11\\r\\n\\r\\n" b'{"a": "bc"}')
def serve(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while sock.recv(65536):
        sock.sendall(answer)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


@contextlib.contextmanager
def server() -> Iterator[int]:
    """Answers on loopback, in a process of its own, with as little work as can be; its port."""
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@contextlib.contextmanager
def calls(port: int) -> Iterator[dict[str, Case]]:
    """One GET with one header of its own, over a kept connection."""
    url, headers = f"http://127.0.0.1:{port}", {"X-Request-Id": "abc"}
    request, wire, plain = httpx.Request("GET", f"{url}/things/12", headers=headers), Wire(), httpx.HTTPTransport()
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def by_http_client() -> None:
        connection.request("GET", "/things/12", headers=headers)
        connection.getresponse().read()

    with (
        contextlib.closing(connection),
        contextlib.closing(wire),
        contextlib.closing(plain),
        httpx.Client(base_url=url, trust_env=False, timeout=5) as bare,
        client(url, EdgePolicy(deadline=5), name="e") as default,
        client(url, everything(), name="e", provider=StaticList(url)) as full,
    ):
        yield {
            "http.client": by_http_client,
            "httpx's transport alone": lambda: plain.handle_request(request).read(),
            "Wire alone": lambda: wire.handle_request(request),
            "httpx.Client": lambda: bare.get("/things/12", headers=headers),
            "EdgeClient, default chain": lambda: default.get("/things/12", headers=headers),
            "EdgeClient, all policies": lambda: full.get("/things/12", headers=headers),
        }


def paced(case: Case) -> Case:
    """As a service calls: now and then, with caches gone cold. The pause takes no CPU of this thread."""

    def call() -> None:
        time.sleep(0.004)
        case()

    return call


def show(title: str, timings: dict[str, Timing], base: str, *, more: str = "") -> dict[str, object]:
    """A table on the screen; the same as data."""
    print(f"\n{title}, µs a call{more}")
    rows: dict[str, object] = {}
    for name, timing in timings.items():
        ratio = timing.floor / timings[base].floor
        rows[name] = {"floor_us": timing.floor, "median_us": timing.median, "ratio": ratio}
        print(f"  {name:42}{timing.floor:10.3f}{timing.median:10.3f}{ratio:9.2f} x")
    return rows


def main() -> None:
    """Measure, print, write. Exits with 1 when a peer was faster than we are where we promise that none is."""
    about = machine()
    print(f"{'':44}{'floor':>8}{'median':>10}{'ratio':>9}   (to {OURS}, or to the first row)")
    tables: dict[str, dict[str, object]] = {}
    beaten: list[str] = []
    promised = {
        "breaker, success path": breakers(work),
        "breaker, rejection": rejections(),
        "retry, success path": retries(),
    }
    for title, cases in promised.items():
        timings = interleaved({**cases, "(the function alone)": work}, calls=2000, rounds=60)
        tables[title] = show(title, timings, OURS)
        peers = [name for name in cases if name != OURS]
        beaten += [f"{title}: {name}" for name in peers if timings[name].floor <= timings[OURS].floor]
    for title, cases in transports().items():
        tables[title] = show(title, interleaved(cases, calls=500, rounds=40), OURS)
    extra = interleaved(more_of_ours(), calls=2000, rounds=40)
    tables["breaker, more rules"] = show("breaker, more rules", extra, "slow calls counted")
    chain = interleaved(chains(), calls=300, rounds=40, clock=time.thread_time)
    tables["chain"] = show("chain over the null transport, CPU", chain, "the transport alone")
    with server() as port, calls(port) as over_sockets:
        alone = interleaved(over_sockets, calls=100, rounds=40, clock=time.thread_time)
        tables["call"] = show("one call on loopback, CPU of the client", alone, "httpx.Client")
        slow = {name: paced(case) for name, case in over_sockets.items()}
        cold = interleaved(slow, calls=25, rounds=10, clock=time.thread_time)
        tables["call, paced"] = show("one call on loopback every 4 ms, CPU of the client", cold, "httpx.Client")
    path = write("resilience", {"machine": about, "versions": versions(*PEERS), "tables": tables, "beaten_by": beaten})
    print(f"\n{path}")
    if beaten:
        sys.exit(f"faster than {OURS}: {', '.join(beaten)}")


if __name__ == "__main__":
    socket.setdefaulttimeout(30)
    main()
