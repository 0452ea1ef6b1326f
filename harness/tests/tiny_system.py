"""Services of a few lines that start in a moment, and topologies of them, for tests of the stack and of undoing."""

from __future__ import annotations

import http.client
import json
import textwrap
from pathlib import Path

from windtunnel.topology.model import Edge, Service, Topology

SERVICE = '''
"""Behaves as its environment says: EXIT, STATUS, DEAF, WORKER, DAEMON, STUBBORN, SAY."""
import http.server
import json
import os
import signal
import sys
import time
from pathlib import Path

print(os.environ.get("SAY", "hello"), flush=True)
if "EXIT" in os.environ:
    print("\\n".join(f"line {n}" for n in range(30)), flush=True)
    sys.exit(int(os.environ["EXIT"]))
if "DEAF" in os.environ:
    time.sleep(600)


def linger():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(600)


if "WORKER" in os.environ and not os.fork():
    linger()
if "DAEMON" in os.environ and not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    linger()
signal.signal(signal.SIGTERM, signal.SIG_IGN if "STUBBORN" in os.environ else lambda *_: os._exit(0))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = 200, json.dumps({"pid": os.getpid(), "env": dict(os.environ), "cwd": os.getcwd()})
        if self.path == "/health/ready":
            status = int(os.environ.get("STATUS", "200"))
        if self.path == "/quiet":
            restless = Path(os.environ["RESTLESS"])
            status, body = (503, restless.read_text()) if restless.exists() else (200, "")
        if self.path.startswith("/write/"):
            try:
                Path(os.environ["NOTE"]).write_text(self.path)
            except OSError as error:
                status, body = 507, error.strerror
        if self.path.startswith("/grow/"):
            try:
                bytearray(int(self.path[6:]))
            except MemoryError:
                status, body = 507, "MemoryError"
                print(body, flush=True)
        if self.path.startswith("/say/"):
            print(self.path[5:], flush=True)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''


def service(name="alone", **more):
    """One tiny service; `env` says how it behaves."""
    return Service(name=name, line=7, command=("python", "-S", "service.py"), **more)


def topology(folder: Path, *services: Service, edges: tuple[Edge, ...] = ()) -> Topology:
    """A system of those services, whose program is written to the folder."""
    (folder / "service.py").write_text(textwrap.dedent(SERVICE))
    return Topology(
        name="tiny",
        path=folder / "topology.yaml",
        services={one.name: one for one in services or (service(),)},
        edges=edges,
        scenarios=folder / "scenarios.py",
    )


def get(address, path="/"):
    """Status and body of a GET."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def facts(address):
    """What a service says of itself: pid, env, cwd."""
    return json.loads(get(address)[1])
