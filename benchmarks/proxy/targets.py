"""Who is measured: no proxy, the real Toxiproxy, ours as a program, ours in a thread of a test process."""

from __future__ import annotations

import http.client
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import httpx
import psutil
from benchmarks.proxy.wire import PATIENCE, ROOT, Peer

DIRECT, TOXIPROXY, OURS, IN_THREAD = "direct", "Toxiproxy", "windtunnel", "in a thread"
Toxic = tuple[str, str]
"""Type and stream."""


class Target(Protocol):
    """One of them, running."""

    name: str
    start_ms: float
    """From its start to its first answer."""

    def lead(self, upstream: str, toxics: Sequence[Toxic] = (), *, http: bool = False, **attributes: int) -> str:
        """`host:port` that leads to `upstream` through these toxics, each with these attributes."""

    @property
    def control(self) -> str:
        """`host:port` of its API."""

    def rss(self) -> int:
        """Bytes of memory of its process."""

    def cpu(self) -> float:
        """Seconds of CPU that its process has used."""

    def close(self) -> None: ...


class Direct:
    """No proxy: what client, upstream and kernel cost alone."""

    name, start_ms, control = DIRECT, 0.0, ""

    def lead(self, upstream: str, toxics: Sequence[Toxic] = (), *, http: bool = False, **attributes: int) -> str:
        return upstream

    def rss(self) -> int:
        return 0

    def cpu(self) -> float:
        return 0.0

    def close(self) -> None:
        return None


class Server:
    """Anything that speaks Toxiproxy's API."""

    name = ""
    start_ms = 0.0

    def __init__(self, control: str, pid: int) -> None:
        self.control, self._pid = control, pid
        self._api = httpx.Client(base_url=f"http://{control}", timeout=PATIENCE, trust_env=False)
        self._numbers = itertools.count(1)

    def lead(self, upstream: str, toxics: Sequence[Toxic] = (), *, http: bool = False, **attributes: int) -> str:
        name = f"p{next(self._numbers)}"
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": upstream} | ({"http": True} if http else {})
        made = self._post("/proxies", body)
        for number, (kind, stream) in enumerate(toxics):
            toxic = {"name": f"t{number}", "type": kind, "stream": stream, "attributes": attributes}
            self._post(f"/proxies/{name}/toxics", toxic)
        return str(made["listen"])

    def records_http(self) -> bool:
        """Whether it can read HTTP as it passes; a server that cannot ignores the wish."""
        body = {"name": "probe", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "http": True}
        made = self._post("/proxies", body)
        self._api.delete("/proxies/probe")
        return bool(made.get("http"))

    def rss(self) -> int:
        return int(psutil.Process(self._pid).memory_info().rss)

    def cpu(self) -> float:
        # The scheduler's own count: nanoseconds, where `cpu_times` has ticks of 10 ms.
        threads = Path(f"/proc/{self._pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def close(self) -> None:
        self._api.close()

    def _post(self, path: str, body: object) -> dict[str, object]:
        answer = self._api.post(path, json=body)
        answer.raise_for_status()
        return dict(answer.json())


class Program(Server):
    """A server started by a command, with Toxiproxy's flags."""

    def __init__(self, command: Sequence[str]) -> None:
        port = _free_port()
        began = time.perf_counter()
        arguments = [*command, "-host", "127.0.0.1", "-port", str(port)]
        quiet = {**os.environ, "LOG_LEVEL": "error"}
        self._process = subprocess.Popen(arguments, cwd=ROOT, env=quiet, stdout=subprocess.DEVNULL)
        _first_answer(port, self._process)
        self.start_ms = (time.perf_counter() - began) * 1000
        super().__init__(f"127.0.0.1:{port}", self._process.pid)

    def close(self) -> None:
        super().close()
        self._process.terminate()
        self._process.wait(PATIENCE)


class Toxiproxy(Program):
    """Shopify's."""

    name = TOXIPROXY

    def __init__(self) -> None:
        super().__init__([str(toxiproxy_binary())])


class Ours(Program):
    """`windtunnel proxy`."""

    name = OURS

    def __init__(self) -> None:
        super().__init__([sys.executable, "-m", "windtunnel", "proxy"])


class InThread(Server):
    """`EmbeddedToxiproxy()` in a process that imported it already."""

    name = IN_THREAD

    def __init__(self) -> None:
        self._host = Peer("host")
        self.start_ms = self._host.hello["start_ms"]
        super().__init__(self._host.hello["url"].removeprefix("http://"), self._host.pid)

    def close(self) -> None:
        super().close()
        self._host.close()


def toxiproxy_binary() -> Path | None:
    """Where `make toxiproxy` puts it, `WINDTUNNEL_TOXIPROXY_BINARY`, or on the PATH; None when it is nowhere."""
    places = [os.environ.get("WINDTUNNEL_TOXIPROXY_BINARY"), str(Path(sys.executable).with_name("toxiproxy-server"))]
    found = next((place for place in places if place and Path(place).is_file()), shutil.which("toxiproxy-server"))
    return Path(found) if found else None


def proxies() -> list[type[Server]]:
    """Those that can run here."""
    return [*([Toxiproxy] if toxiproxy_binary() else []), Ours, InThread]


def toxiproxy_version() -> str | None:
    """The release it was built from: `-version` of a binary that was built from source says `git`."""
    binary = toxiproxy_binary()
    if binary is None:
        return None
    module = re.search(rb"github\.com/Shopify/toxiproxy/v2\t(v[\w.+-]+)", binary.read_bytes())
    if module is not None:
        return module[1].decode()
    said = subprocess.run([binary, "-version"], capture_output=True, text=True, check=True)
    return said.stdout.strip().rpartition(" ")[2]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _first_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}; see its output above")
        control = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            control.request("GET", "/version")
            control.getresponse().read()
            return
        except ConnectionError:
            time.sleep(0.001)
        finally:
            control.close()
    raise RuntimeError(f"{process.args!r} did not answer on port {port} within {PATIENCE:.0f} s")
