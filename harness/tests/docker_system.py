"""Systems of a few lines that run as containers of any image with Python, and what tests ask of the engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import small_system
import yaml

from windtunnel.stack.images import python_image, toxiproxy_image
from windtunnel.topology.model import Container, Edge, Service, Topology
from windtunnel.undo.engine import Engine, EngineError, engine_url

PROGRAM = r'''
"""GET /ask/HOST/PATH asks a peer; /env/NAME, /write/TEXT, /read and /grow/BYTES are for this one; all else is ready."""
import http.client
import http.server
import json
import os
import signal
import sys

print(os.environ.get("SAY", "hello"), flush=True)
if "EXIT" in os.environ:
    sys.exit(int(os.environ["EXIT"]))
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def ask(peer, path):
    host, _, port = os.environ.get(peer, peer).removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=3)
    try:
        connection.request("GET", "/" + path)
        return connection.getresponse().read().decode()
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()


KEPT = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, what, *rest = self.path.split("/")
        if what == "ask":
            body = ask(rest[0], "/".join(rest[1:]))
        elif what == "env":
            body = os.environ.get(rest[0], "")
        elif what == "write":
            try:
                with open("/data/note", "w") as note:
                    note.write(rest[0])
                body = "written"
            except OSError as error:
                body = error.strerror
        elif what == "grow":
            KEPT.append(bytearray(b"x") * int(rest[0]))
            body = "grown"
        elif what == "read":
            body = open("/data/note").read()
        elif what == "long":
            body = "x" * 20000
        else:
            body = json.dumps({"i am": os.environ["NAME"]})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


class Service(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # with the default of 5, whoever comes during a short pause waits a second or three


Service(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
'''


def require_engine() -> Engine:
    """The engine; the test is skipped, with the reason, where there is none or where it lacks what cannot be built.

    Where WINDTUNNEL_REQUIRE_DOCKER is set, as in CI, it fails instead.
    """
    absent = pytest.fail if os.environ.get("WINDTUNNEL_REQUIRE_DOCKER") else pytest.skip
    engine = Engine(engine_url(), 5.0)
    try:
        engine.version()
        missing = [name for name in (python_image(), toxiproxy_image()) if not engine.has_image(name)]
    except EngineError as error:
        absent(str(error))
    if missing:
        absent(f"the engine lacks {', '.join(missing)}")
    return engine


def service(name: str, *, port: int = 8000, disk: int = 0, **more) -> Service:
    """One tiny service; `env` says how it behaves."""
    env = {"NAME": name, **more.pop("env", {})}
    command = ("python3", "-c", PROGRAM.replace("${", "$${"))
    container = Container(image=python_image(), command=command, port=port, disk=disk)
    return Service(name=name, line=7, container=container, ready="/", metrics={"path": "/long"}, env=env, **more)


def topology(folder: Path, services: list[Service], edges: list[Edge]) -> Topology:
    """A system of those services."""
    return Topology(
        name="tiny",
        path=folder / "topology.yaml",
        services={one.name: one for one in services},
        edges=tuple(edges),
        scenarios=folder / "scenarios.py",
    )


def pair(folder: Path) -> Topology:
    """`client->front->back`, the address of back in BACK_URL; the disk of back is bounded."""
    edges = [Edge(source="client", target="front"), Edge(source="front", target="back", via_env="BACK_URL")]
    return topology(folder, [service("front"), service("back", disk=1_000_000)], edges)


def left(engine: Engine, run_id: str) -> list[str]:
    """What a run still has in the engine."""
    return [*engine.containers(run_id), *engine.networks(run_id), *engine.volumes(run_id)]


SPEC = """
spec: windtunnel/v1
title: Front answers while back is cut off
phases: {warmup: 300ms, baseline: 2s, fault: 3s, recovery: 4s, recovered: 2s}
load: {rate: 30/s, timeout: 8s, mix: [{scenario: ask}]}
method:
  - {name: the fault, type: fault, fault: latency, latency: 400ms, edge: "front->back"}
slo:
  baseline: {error_rate: "< 10%"}
  fault: {error_rate: "< 10%", p95: "< 3s"}
  recovered: {error_rate: "< 10%"}
"""
SCENARIOS = """
def ask(client):
    client.request("GET", "front", "/ask/BACK_URL/")
"""


def write_project(folder: Path) -> Path:
    """A project with one experiment on `client->front->back`, all containers."""
    container = {
        "image": "${WINDTUNNEL_PYTHON_IMAGE:-python:3.12-slim-bookworm}",
        "command": ["python3", "-c", PROGRAM],
    }
    document = {
        "topology": "windtunnel/v1",
        "name": "tiny",
        "scenarios": "scenarios.py",
        "services": {n: {"docker": container, "env": {"NAME": n}, "ready": "/"} for n in ("front", "back")},
        "edges": [
            {"from": "client", "to": "front", "backends": ["docker"]},
            {"from": "front", "to": "back", "via": {"env": "BACK_URL"}, "backends": ["docker"]},
        ],
    }
    (folder / "topology.yaml").write_text(yaml.dump(document, Dumper=Plain))
    (folder / "scenarios.py").write_text(SCENARIOS)
    (folder / "pytest.ini").write_text(small_system.INI)
    (folder / "chaos_specs").mkdir()
    (folder / "chaos_specs" / "experiment.yaml").write_text(SPEC.lstrip())
    return folder


class Plain(yaml.SafeDumper):
    """Without anchors: what is written twice stands there twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True
