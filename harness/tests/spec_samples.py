"""A small system and a small experiment on it, for tests of the readers."""

import textwrap

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from windtunnel.spec import FaultShape, read_specs
from windtunnel.topology import read_topology

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: how long an example takes on a busy machine proves nothing."""

FAULTS = {
    "latency": FaultShape(on="edge", params={"latency": "ms", "jitter": "ms"}, required=frozenset({"latency"})),
    "timeout": FaultShape(on="edge", params={"timeout": "ms"}),
    "bandwidth": FaultShape(on="edge", params={"rate": "kbps"}, required=frozenset({"rate"})),
    "limit_data": FaultShape(on="edge", params={"bytes": "bytes"}, required=frozenset({"bytes"})),
    "slicer": FaultShape(on="edge", params={"pieces": "count", "delay": "us", "share": "share"}),
    "down": FaultShape(on="edge", toxic=False),
    "partition": FaultShape(on="edge", several=True, toxic=False),
    "kill": FaultShape(on="service"),
    "restart": FaultShape(on="service", params={"grace": "s"}),
}

SCENARIOS = """
def place_order(client): ...
def read_order(client): ...
def _log_in(client): ...
raise RuntimeError("scenario files are parsed, not run")
"""

INVARIANTS = """
def stock_is_conserved(system, since): ...
def paid_once(system, since): ...
"""

TOPOLOGY = """\
topology: windtunnel/v1
name: shop
scenarios: scenarios.py
invariants: invariants.py
services:
  payments:
    process: {command: [python, -m, shop.payments]}
  orders:
    process: {command: [python, -m, shop.orders, "${port}"]}
    port: {env: PORT, number: 5001}
    env:
      DATA: "${data}/orders.db"
      KEY: "${secret:jwt}"
      LEVEL: "${LEVEL:-info}"
      HOME_OF: "${HOME}"
      WORKERS: 2
      DEBUG: true
    ready: /health/ready
    quiet: {path: /health/quiet}
    after: [payments]
  ledger:
    docker: {image: "postgres:17", disk: 64MB}
    ready: tcp
edges:
  - {from: client, to: orders}
  - {from: orders, to: payments, via: {env: PAYMENTS_URL}, criticality: soft, background: true}
  - from: payments
    to: ledger
    via: {env: DATABASE_URL, url: "postgresql://${host}:${port}/ledger"}
    protocol: tcp
    backends: [docker]
degrades_to:
  place_order: {orders->payments: [503, 202]}
  read_order:
    orders->payments: ok
"""

SPEC = """\
spec: windtunnel/v1
title: Orders keep answering
load:
  rate: 50/s
  mix: [{scenario: place_order, weight: 3}, {scenario: read_order, weight: 1}]
method:
  - {name: slow, type: fault, fault: latency, edge: orders->payments, latency: 800ms}
slo:
  baseline: {error_rate: "< 1%"}
  fault:
    place_order: {p99: "< 1500ms"}
"""


def write_topology(folder, text=TOPOLOGY):
    """The topology file, with the files it names beside it."""
    (folder / "scenarios.py").write_text(SCENARIOS)
    (folder / "invariants.py").write_text(INVARIANTS)
    path = folder / "topology.yaml"
    path.write_text(textwrap.dedent(text))
    return path


def read_shop(folder, text=TOPOLOGY, environ=None):
    """The topology that the text describes."""
    return read_topology(write_topology(folder, text), {"HOME": "/home/someone"} if environ is None else environ)


def read_experiment(folder, text=SPEC, *, profile="ci"):
    """The experiments that the text describes, on the sample system."""
    path = folder / "experiment.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_specs(path, read_shop(folder), profile=profile, faults=FAULTS)


def changed(text, *changes):
    """The text with each (old, new) replaced; every old must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def outcome(action, error):
    """What the action gives and None, or None and the text of that error; any other error is let through."""
    try:
        return action(), None
    except error as caught:
        return None, str(caught)


DAMAGES = {
    "drop": lambda line: "",
    "twice": lambda line: f"{line}\n{line}",
    "indent": lambda line: f"  {line}",
    "cut": lambda line: line[: len(line) // 2],
}


def damages(text):
    """Strategy: lines of the text and what happens to each."""
    lines = st.integers(0, len(text.splitlines()) - 1)
    return st.lists(st.tuples(lines, st.sampled_from(sorted(DAMAGES))), max_size=4)


def damaged(text, damage):
    """The text after that."""
    lines = text.splitlines()
    for index, what in damage:
        lines[index] = DAMAGES[what](lines[index])
    return "\n".join(lines)
