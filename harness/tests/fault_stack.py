"""A system of real sockets for tests of faults on edges: two tiny servers behind the embedded Toxiproxy."""

from __future__ import annotations

import http.client
import socketserver
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from windtunnel.faults import build
from windtunnel.faults.patience import Patience
from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.spec.model import FaultStep
from windtunnel.stack.base import Address
from windtunnel.topology.model import Edge, Service, Topology
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

WEB, IDLE, MAIL, DOCKER = "caller->web", "other->web", "caller->mail", "web->db"
TOPOLOGY = Topology(
    name="faulty",
    path=Path("topology.yaml"),
    services={
        "caller": Service(name="caller"),
        "web": Service(name="web", ready="/ready", metrics={"path": "/metrics"}),
        "mail": Service(name="mail", ready="tcp"),
        "mute": Service(name="mute", ready="tcp"),
    },
    edges=(
        Edge(source="caller", target="web"),
        Edge(source="other", target="web"),
        Edge(source="caller", target="mail", protocol="tcp"),
        Edge(source="caller", target="mute", protocol="tcp"),
        Edge(source="web", target="db", protocol="tcp", backends=frozenset({"docker"})),
    ),
    scenarios=Path("scenarios.py"),
)


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = b"x" * (20_000 if self.path == "/metrics" else 100)
        self.server.seen.append((self.path, self.headers["User-Agent"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220-a sink\r\n220 ready\r\n")
        for line in self.rfile:
            self.server.seen.append(line)
            self.wfile.write(b"250 fine\r\n")


class Mute(socketserver.StreamRequestHandler):
    def handle(self):
        self.rfile.read()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.seen = []

    def handle_error(self, *args):
        """A connection that a toxic cut."""


class FaultStack:
    """A `Stack` as far as faults on edges need one."""

    backend, proxy_kind, run_id, topology = "process", "embedded", "test", TOPOLOGY

    def __init__(self):
        self._open = ExitStack()
        self.servers = {"web": Server(Web), "mail": Server(Mail), "mute": Server(Mute)}
        for server in self.servers.values():
            self._open.callback(server.server_close)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            self._open.callback(server.shutdown)
        self.client = self._open.enter_context(ToxiproxyClient(self._open.enter_context(EmbeddedToxiproxy(seed=1)).url))
        for edge in TOPOLOGY.edges:
            if edge.target in self.servers:
                address, http = str(self.address(edge.target)), edge.protocol == "http"
                self.client.create(edge.name, "127.0.0.1:0", address, http=http)

    def address(self, service):
        return Address(*self.servers[service].server_address)

    def edge_address(self, edge):
        return Address(*self.proxy(edge).listen)

    def proxy(self, edge):
        return EdgeProxy(self.client, edge)

    def call(self, edge=WEB, path="/", count=1, patience=5.0):
        """Requests as the load makes them: each on a connection of its own. Returns the statuses, or the errors."""
        return [self._call(edge, path, patience) for _ in range(count)]

    def _call(self, edge, path, patience):
        address = self.edge_address(edge)
        connection = http.client.HTTPConnection(address.host, address.port, timeout=patience)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()
        return answer.status

    def speak(self, edge):
        """Traffic on a mail edge."""
        from socket import create_connection

        address = self.edge_address(edge)
        with create_connection((address.host, address.port), timeout=5) as wire:
            wire.sendall(b"HELO me\r\n")
            wire.recv(100)

    def close(self):
        self._open.close()


class Impatience:
    """A clock that runs ahead whenever somebody waits, so that no test does."""

    def __init__(self):
        self.ahead = 0.0

    def clock(self):
        return time.monotonic() + self.ahead

    def pause(self, seconds):
        self.ahead += 10.0
        time.sleep(0)

    @property
    def patience(self):
        return Patience(clock=self.clock, pause=self.pause)


def step(fault, edge=WEB, *more, stream=None, toxicity=1.0, **params):
    return FaultStep(
        name=fault, fault=fault, edges=(edge, *more), params=params, stream=stream, toxicity=toxicity, line=7
    )


def planned(stack, *args, **more):
    """A fault that was planned, on an edge that then carried traffic."""
    fault = build(step(*args, **more))
    fault.plan(stack)
    for watch in fault.watches:
        if watch.edge.protocol == "tcp":
            stack.speak(watch.name)
        else:
            stack.call(watch.name, count=3)
        # A connection that is still closing would be touched, and it is the load's.
        assert Patience().until(watch.settled, 10)
    return fault


def injected(stack, *args, **more):
    """The same, applied."""
    fault = planned(stack, *args, **more)
    fault.apply(stack)
    return fault
