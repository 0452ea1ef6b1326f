"""What the stack costs a service: each service alone with all policies on, beside the same route on bare Flask.

One Granian worker on loopback, 16 connections kept open by `wrk` in a process of its own, rounds interleaved (full,
bare, full, ...), the best round of each counts. Then orders through all services: how many a second, how long, how
much CPU. Prints a table and writes `out/storefront.json`. The database is SQLite in a file, the log goes to a file.

The rate limit of each door is on but raised: a load generator is one client.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx
import psutil
from aiosmtpd.controller import Controller

from windtunnel.stack.ports import reserve_port

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "platform" / "tests"))
from storefront_shop import JWT_KEY, PASSWORD, SERVICES, Shop, eventually  # noqa: E402

RAISED = "inbound.rate_limit.rate=1000000; inbound.rate_limit.burst=1000000"
CONNECTIONS = 16
SCRIPT = """
local n = 0
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "%(authorization)s"}
request = function()
  n = n + 1
  headers["Idempotency-Key"] = "%(run)s-" .. n
  return wrk.format("%(method)s", "%(path)s", headers, %(body)s)
end
done = function(summary, latency, requests)
  io.write(string.format('{"rate": %%.1f, "p50_ms": %%.2f, "p95_ms": %%.2f, "errors": %%d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Route:
    service: str
    method: str
    path: str
    body: dict[str, object] | None = None


ORDER = {"sku": "MUG-01", "quantity": 1, "card": "card-ok"}
ROUTES = (
    Route("users", "GET", "/me"),
    Route("inventory", "GET", "/products/MUG-01"),
    Route("orders", "GET", "/orders/{order}"),
    Route("orders", "POST", "/orders", ORDER),
    Route("payments", "POST", "/charges", {"order_id": "o1", "amount_cents": 500, "card": "card-ok"}),
    Route(
        "bank",
        "POST",
        "/transfers",
        {"kind": "payment", "amount_cents": 500, "card": "card-ok", "reference": "o1"},
    ),
    Route(
        "notifications",
        "POST",
        "/notifications",
        {"recipient": "a@b.example", "subject": "s", "text": "t", "reference": "o1"},
    ),
)


class Alone:
    """One service of one kind, in a process of its own."""

    def __init__(self, folder: Path, service: str, variant: str) -> None:
        self._reserved, self.service, self.variant = reserve_port(), service, variant
        self.port = self._reserved.port
        env = {f"{name.upper()}_URL": "http://127.0.0.1:9" for name in SERVICES}
        env |= {"SMTP_URL": "smtp://127.0.0.1:9", "JWT_KEY": JWT_KEY, "PORT": str(self.port), "POLICIES_SET": RAISED}
        env |= {"DATABASE_URL": f"sqlite:///{folder / f'{service}-{variant}.db'}"}
        self._log = (folder / f"{service}-{variant}.log").open("ab")
        self.process = subprocess.Popen(
            # -P: in this folder, `storefront` is this file.
            [sys.executable, "-P", str(HERE / "serve_one.py"), service, variant],
            env={**os.environ, **env},
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self.url = f"http://127.0.0.1:{self.port}"

    def prepare(self) -> dict[str, str]:
        """Wait until it serves; make what its routes need."""
        with httpx.Client(base_url=self.url, timeout=10, trust_env=False) as http:
            eventually(lambda: _answers(http), within=30)
            if self.service == "users":
                credentials = {"email": "ann@storefront.example", "password": PASSWORD}
                http.post("/users", json=credentials)
                token = http.post("/sessions", json=credentials).json()["token"]
                return {"authorization": f"Bearer {token}"}
            if self.service == "orders":
                placed = http.post("/orders", json=ORDER, headers={"Idempotency-Key": uuid.uuid4().hex})
                return {"order": placed.json()["id"]}
        return {}

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()
        self._reserved.release()
        self._log.close()


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def load(alone: Alone, route: Route, made: dict[str, str], seconds: int, folder: Path) -> dict[str, float]:
    """One round of wrk. Raises SystemExit when an answer was an error: a refusal is no performance."""
    body = "nil" if route.body is None else f"[[{json.dumps(route.body)}]]"
    fields = {"method": route.method, "path": route.path.format(**made), "body": body, "run": uuid.uuid4().hex}
    script = folder / "script.lua"
    script.write_text(SCRIPT % {"authorization": made.get("authorization", "Bearer x"), **fields})
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "5s", "-s", str(script), alone.url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    if found["errors"]:
        raise SystemExit(f"{alone.service} ({alone.variant}): {found['errors']:g} answers were errors\n{said}")
    return found


def beside_bare(route: Route, rounds: int, seconds: int) -> dict[str, object]:
    """The figures of one route, full and bare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pair = [Alone(folder, route.service, variant) for variant in ("full", "bare")]
        try:
            made = {alone.variant: alone.prepare() for alone in pair}
            found: dict[str, list[dict[str, float]]] = {"full": [], "bare": []}
            for alone in pair:
                load(alone, route, made[alone.variant], 1, folder)  # warm
            for _ in range(rounds):
                for alone in pair:
                    found[alone.variant].append(load(alone, route, made[alone.variant], seconds, folder))
        finally:
            for alone in pair:
                alone.stop()
    full, bare = (max(found[variant], key=lambda one: one["rate"]) for variant in ("full", "bare"))
    ratios = [f["rate"] / b["rate"] for f, b in zip(found["full"], found["bare"], strict=True)]
    return {
        "service": route.service,
        "route": f"{route.method} {route.path}",
        "full": full,
        "bare": bare,
        "ratio": round(full["rate"] / bare["rate"], 3),
        "ratio_median_of_rounds": round(statistics.median(ratios), 3),
    }


class _Mailbox:
    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        return "250 OK"


def end_to_end(seconds: int, clients: int = 4) -> dict[str, object]:
    """Orders through all six services, by a few customers at once."""
    with tempfile.TemporaryDirectory() as name, Shop(Path(name)) as shop:
        mail = Controller(_Mailbox(), hostname="127.0.0.1", port=shop.ports["mail"])
        mail.start()
        shop.log_in()
        for _ in range(50):
            shop.order(uuid.uuid4().hex)
        shop.rest()
        before, end, took = _cpu(shop), time.monotonic() + seconds, []

        def shopper(_: int) -> None:
            while time.monotonic() < end:
                begun = time.perf_counter()
                assert shop.order(uuid.uuid4().hex).status_code == 201
                took.append(time.perf_counter() - begun)

        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            list(pool.map(shopper, range(clients)))
        shop.rest()
        after = _cpu(shop)
        mail.stop()
    cpu = {service: round((after[service] - before[service]) / len(took) * 1000, 2) for service in before}
    cut = statistics.quantiles(took, n=100)
    return {
        "orders_per_second": round(len(took) / seconds, 1),
        "p50_ms": round(cut[49] * 1000, 1),
        "p95_ms": round(cut[94] * 1000, 1),
        "cpu_ms_per_order": {**cpu, "all": round(sum(cpu.values()), 2)},
    }


def _cpu(shop: Shop) -> dict[str, float]:
    """Seconds used so far by each service, all of its processes."""
    found = {}
    for name, process in shop.processes.items():
        main = psutil.Process(process.pid)
        times = [one.cpu_times() for one in (main, *main.children(recursive=True))]
        found[name] = sum(t.user + t.system for t in times)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of one round")
    known = sorted({route.service for route in ROUTES})
    parser.add_argument("--only", choices=known, help="this service's routes, and no orders through all of them")
    parser.add_argument("--out", type=Path, default=HERE / "out" / "storefront.json")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("this benchmark needs wrk as its load generator; on Debian: apt-get install wrk")
    began = os.getloadavg()
    print(f"{'service':14} {'route':24} {'full/s':>8} {'p95 ms':>7} {'bare/s':>8} {'ratio':>6} {'median':>6}")
    rows = []
    for route in [one for one in ROUTES if arguments.only in (None, one.service)]:
        row = beside_bare(route, arguments.rounds, arguments.seconds)
        rows.append(row)
        full, bare = row["full"], row["bare"]
        print(
            f"{route.service:14} {row['route']:24} {full['rate']:8.0f} {full['p95_ms']:7.1f} {bare['rate']:8.0f}"
            f" {row['ratio']:6.2f} {row['ratio_median_of_rounds']:6.2f}",
            flush=True,
        )
    orders = None
    if arguments.only is None:
        orders = end_to_end(arguments.seconds * arguments.rounds)
        print(f"an order through all services: {orders}")
    names = ("flask", "granian", "httpx", "sqlalchemy", "prometheus-client")
    document = {
        "benchmark": "storefront",
        "connections": CONNECTIONS,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "routes": rows,
        "order": orders,
        "machine": {"cores": os.cpu_count(), "cpu": platform.processor(), "system": platform.platform()},
        "load_before_and_after": [began[0], os.getloadavg()[0]],
        "versions": {"python": platform.python_version(), **{name: version(name) for name in names}},
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
