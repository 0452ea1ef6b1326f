"""A system that runs elsewhere: small_system's two services and a Toxiproxy, started by nobody of the harness."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import small_system

from windtunnel.stack.base import Address
from windtunnel.stack.binary import find_binary
from windtunnel.stack.ports import reserve_port
from windtunnel.stack.readiness import ask
from windtunnel.toxiproxy import ToxiproxyClient

PATIENCE = 30.0
TOPOLOGY = """
topology: windtunnel/v1
name: elsewhere
scenarios: scenarios.py
invariants: invariants.py
services:
  back: {{external: {{url: "http://127.0.0.1:{back}"}}}}
  front: {{external: {{url: "http://127.0.0.1:{front}"}}}}
edges:
  - {{from: client, to: front, via: {{proxy: door, api: "{api}"}}}}
  - {{from: front, to: back, via: {{proxy: between, api: "{api}"}}}}
allow: {allow}
degrades_to:
  ask: {{front->back: [503]}}
"""
ALLOWED = "{toxics: [front->back]}"


def real_toxiproxy():
    """Shopify's server, where it is there."""
    beside = Path(sys.executable).parent / "toxiproxy-server"
    return find_binary() or (beside if beside.exists() else None)


class Elsewhere:
    """Up from `with` to its end."""

    def __init__(self, folder: Path, *, binary: Path | None = None, flags: tuple[str, ...] = ()) -> None:
        """`binary`: Shopify's server; else `windtunnel proxy`."""
        self.folder, self._open = folder, ExitStack()
        self._command = [str(binary)] if binary else [sys.executable, "-m", "windtunnel", "proxy"]
        self._flags = flags

    def __enter__(self):
        try:
            self._stand_up()
        except BaseException:  # without this nobody would end what has been started by then
            self._open.close()
            raise
        return self

    def _stand_up(self):
        small_system.write_system(self.folder)
        self.ports = {name: self._port() for name in ("api", "back", "front", "between", "door")}
        self._start([*self._command, "-host", "127.0.0.1", "-port", str(self.ports["api"]), *self._flags])
        self._await("api", "/version")
        self.api = f"http://127.0.0.1:{self.ports['api']}"
        self.client = self._open.enter_context(ToxiproxyClient(self.api))
        self.client.create(
            "between", f"127.0.0.1:{self.ports['between']}", f"127.0.0.1:{self.ports['back']}", http=True
        )
        self.client.create("door", f"127.0.0.1:{self.ports['door']}", f"127.0.0.1:{self.ports['front']}", http=True)
        self._start([sys.executable, "back.py"], PORT=str(self.ports["back"]))
        back_url = f"http://127.0.0.1:{self.ports['between']}"
        self._start([sys.executable, "front.py"], PORT=str(self.ports["front"]), BACK_URL=back_url, DEFECT="none")
        for name in ("back", "front"):
            self._await(name, "/health/ready")
        self.write_topology()

    def __exit__(self, *_):
        self._open.close()

    def write_topology(self, allow=ALLOWED, api=None):
        """The file by which the harness reaches it."""
        path = self.folder / "topology.yaml"
        path.write_text(TOPOLOGY.lstrip().format(**{**self.ports, "api": api or self.api, "allow": allow}))
        return path

    def toxics(self, proxy="between"):
        """Their names."""
        return sorted(toxic.name for toxic in self.client.proxy(proxy).toxics)

    def _port(self):
        reservation = reserve_port()
        self._open.callback(reservation.release)
        return reservation.port

    def _start(self, command, **env):
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._open.callback(process.wait)
        self._open.callback(process.kill)

    def _await(self, name, path):
        deadline = time.monotonic() + PATIENCE
        while (seen := ask(Address("127.0.0.1", self.ports[name]), path))[0] != 200:
            if time.monotonic() > deadline:
                raise AssertionError(f"{name}: {seen}")
            time.sleep(0.02)
