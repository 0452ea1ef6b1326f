"""A system of two tiny services, `front -> back`, whose front can be given one defect at a time."""

from __future__ import annotations

import textwrap
from pathlib import Path

from windtunnel.settings import Settings
from windtunnel.tunnel import Measurement, Tunnel

INI = "[pytest]\naddopts = -p no:locust -p no:pact -p no:schemathesis\nwt_topology = topology.yaml\n"
"""pytest's settings of such a project, as the README has them, without three plugins that take seconds to import."""

# Served by the standard library: what these tests look at is the harness, and two cores have to carry all of it.
SERVE = """
import http.server
import json
import os


class Service(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that has gone


class Handler(http.server.BaseHTTPRequestHandler):
    wbufsize = -1  # an answer is one packet

    def do_GET(self):
        status, content = self.answer(self.path)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(handler):
    Service(("127.0.0.1", int(os.environ["PORT"])), handler).serve_forever()
"""

BACK = """
from serve import Handler, serve


class Back(Handler):
    def answer(self, path):
        return 200, {"answer": 42, "padding": "x" * 200}


serve(Back)
"""

FRONT = """
import json
import os
import time
import urllib.request
from http.client import HTTPException

from serve import Handler, serve

DEFECT = os.environ["DEFECT"]
BACK = os.environ["BACK_URL"]
TIMEOUT = None if DEFECT == "no timeout" else 0.3
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
broken = False
count = 0


def ask_back():
    with opener.open(f"{BACK}/", timeout=TIMEOUT) as answer:
        return json.load(answer)


def ask():
    global broken
    while True:
        try:
            if broken:
                raise OSError("for ever")
            return 200, ask_back()
        except (OSError, HTTPException):  # an answer that is no 200 is an OSError, too
            if DEFECT == "retries without bound":
                time.sleep(0.05)
                continue
            broken = DEFECT == "never recovers"
            if DEFECT == "broken body":
                return 200, {"answer": None}
            return 503, {"error": "back is away"}


class Front(Handler):
    def answer(self, path):
        global count
        if path == "/":
            return ask()
        if path == "/flaky":
            count += 1
            return (503 if count % 10 == 0 else 200), {"answer": 42}
        return 200, {"answer": 42}


serve(Front)
"""

SCENARIOS = """
def body(answer):
    return None if answer.status != 200 or answer.json()["answer"] == 42 else "the answer is not 42"


def ask(client):
    client.request("GET", "front", "/", check=body)


def alone(client):
    client.request("GET", "front", "/alone")


def flaky(client):
    client.request("GET", "front", "/flaky")


def heavy(client):
    sum(range(1_500_000))  # the generator itself is what is slow here
    client.request("GET", "front", "/")
"""

INVARIANTS = """
def the_answer_is_42(system, since):
    answer = system.get("back", "/")["answer"]
    return [] if answer == 42 else [f"the answer is {answer}"]


def never_holds(system, since):
    return ["this one never holds"]
"""

TOPOLOGY = """
topology: windtunnel/v1
name: small
scenarios: scenarios.py
invariants: invariants.py
services:
  back: {process: {command: [python, back.py]}, port: {env: PORT}, ready: /health/ready}
  front:
    process: {command: [python, front.py]}
    port: {env: PORT}
    env: {DEFECT: "${DEFECT:-none}"}
    ready: /health/ready
edges:
  - {from: client, to: front}
  - {from: front, to: back, via: {env: BACK_URL}}
degrades_to:
  ask: {front->back: [503]}
"""

SPEC = """
spec: windtunnel/v1
title: Front answers while back is away
phases: {{warmup: 300ms, baseline: 1500ms, fault: 2s, recovery: 4s, recovered: 1500ms}}
load: {{rate: 40/s, timeout: 2s, mix: [{{scenario: {scenario}}}]}}
method:
  - {{name: the fault, type: fault, {fault}}}
slo:
  baseline: {{{baseline}}}
  fault: {{{slo}}}
  recovered: {{{baseline}}}
recovery: {{until: {{error_rate: "< 5%"}}, within: 3s}}
invariants: [{invariant}]
"""


def write_system(folder: Path) -> Path:
    """Write the services, the topology and the scenarios; returns the topology file."""
    texts = {
        "serve.py": SERVE,
        "back.py": BACK,
        "front.py": FRONT,
        "scenarios.py": SCENARIOS,
        "invariants.py": INVARIANTS,
        "topology.yaml": TOPOLOGY,
    }
    for name, text in texts.items():
        (folder / name).write_text(textwrap.dedent(text).lstrip())
    return folder / "topology.yaml"


def write_spec(
    folder: Path,
    *,
    fault: str = 'fault: down, edge: "front->back"',
    slo: str = 'undocumented_rate: "< 5%", p95: "< 1s"',
    baseline: str = 'error_rate: "< 5%"',
    scenario: str = "ask",
    invariant: str = "the_answer_is_42",
    name: str = "experiment",
) -> Path:
    """Write one experiment over the small system."""
    specs = folder / "chaos_specs"
    specs.mkdir(exist_ok=True)
    path = specs / f"{name}.yaml"
    text = SPEC.format(fault=fault, slo=slo, baseline=baseline, scenario=scenario, invariant=invariant)
    path.write_text(text.lstrip())
    return path


def measure(folder: Path, spec_path: Path) -> Measurement:
    """Stand the system up, run the experiment once, take everything down."""
    from windtunnel.faults import SHAPES
    from windtunnel.spec import read_specs

    tunnel = Tunnel(Settings(topology=folder / "topology.yaml", out=folder / "out"))
    try:
        (spec,) = read_specs(spec_path, tunnel.topology, faults=SHAPES)
        return tunnel.measure(spec, lambda tick: None)
    finally:
        tunnel.close()
