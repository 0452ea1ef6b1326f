"""A small real HTTP server on loopback that answers, or fails to, as the path asks; and scenarios for it."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
import time
from contextlib import contextmanager

from windtunnel.load.model import LoadPlan
from windtunnel.spec.model import MixEntry

SCENARIOS = """
import os
import signal

PATH = "/ok"


def ok(client):
    client.request("GET", "shop", "/ok")


def ask(client):
    client.request("GET", "shop", PATH)


def two_steps(client):
    client.request("GET", "shop", "/slow", route="GET /first")
    client.request("POST", "shop", "/ok", json={"n": 1})


def set_up_first(client):
    client.request("POST", "shop", "/slow", timed=False)
    client.request("GET", "shop", "/ok")


def choosy(client):
    client.request("GET", "shop", f"/ok?{client.rng.randrange(1000)}", route=f"GET /{client.rng.randrange(1000)}")


def wants_201(client):
    client.request("GET", "shop", "/ok", expect=(201,))


def wants_more(client):
    client.request("GET", "shop", "/ok", check=lambda a: None if a.json()["n"] == 43 else "n is not 43")


def check_breaks(client):
    client.request("GET", "shop", "/ok", check=lambda a: a.json()["absent"])


def after_idle_close(client):
    client.request("GET", "shop", "/answer-and-close")
    client.request("GET", "bank", "/when-closed")
    client.request("GET", "shop", "/ok", route="GET /again")


def busy(client):
    sum(range(500_000))
    client.request("GET", "shop", "/ok")


def raises(client):
    raise KeyError("the scenario's own")


def leaves(client):
    raise SystemExit(3)


def elsewhere(client):
    client.request("GET", "nowhere", "/ok")


def blank_in_path(client):
    client.request("GET", "shop", "/a b")


def counts(client):
    client.memory["n"] = client.memory.get("n", 0) + 1
    client.request("GET", "shop", "/ok", route=f"GET /{client.memory['n']}")


def never_gives_way(client):
    print("engine", os.getpid(), flush=True)
    while True:
        pass


def dies(client):
    print("last words of the scenario", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write_scenarios(folder, path="/ok"):
    """The scenarios above; `ask` asks for `path`. Returns the file."""
    file = folder / "scenarios.py"
    file.write_text(SCENARIOS.replace('"/ok"', repr(path), 1))
    return file


def plan(
    file, url, scenario="ok", *, rate=200.0, arrival="constant", timeout=5.0, seed=1, mix=None, bank=None, stages=()
):
    """A plan over the small server, called `shop`, and perhaps a second one."""
    return LoadPlan(
        scenarios=file,
        mix=mix or (MixEntry(scenario=scenario),),
        rate=rate,
        arrival=arrival,
        timeout=timeout,
        seed=seed,
        targets={"shop": url, "bank": bank or url},
        stages=stages,
    )


class Collected(list):
    """Samples as they come in, with a way to wait for enough of them."""

    def __init__(self):
        super().__init__()
        self._changed = threading.Condition()

    def __call__(self, samples):
        with self._changed:
            self.extend(samples)
            self._changed.notify_all()

    def wait_for(self, count, patience=30.0):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self) >= count, timeout=patience), f"only {len(self)} samples"


def drive(driver, a_plan, count, drain=5.0):
    """Run load until `count` samples have come in; returns the samples, by due time, and the report."""
    samples = Collected()
    run = driver.start(a_plan, samples)
    samples.wait_for(count)
    report = run.stop(drain)
    return sorted(samples, key=lambda sample: sample.due), report


def wait_for_line(file, text, patience=30.0):
    """Wait until the file holds the text."""
    deadline = time.monotonic() + patience
    while text not in file.read_text():
        assert time.monotonic() < deadline, f"{text!r} is not in {file}"
        time.sleep(0.01)


@contextmanager
def waiting_requests(server, count, patience=30.0):
    """On leaving the block, wait until the server has taken that many requests."""
    yield
    with server.changed:
        assert server.changed.wait_for(lambda: len(server.requests) >= count, timeout=patience)


class Server(socketserver.ThreadingTCPServer):
    """One thread a connection. `requests` are (method, path, headers, body); `connections` counts."""

    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.connections, self.changed = [], 0, threading.Condition()
        self.released, self.open, self.closed = threading.Event(), threading.Event(), threading.Event()
        self.open.set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def freeze(self, seconds):
        """Answer nobody for that long; returns when it began and when it ended."""
        self.open.clear()
        began = time.monotonic()
        self.released.wait(seconds)
        ended = time.monotonic()
        self.open.set()
        return began, ended

    def __exit__(self, *_):
        self.released.set()
        self.open.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.connections += 1
        self.connection.settimeout(0.05)
        self._buffer = b""

    def handle(self):
        while request := self._read():
            with self.server.changed:
                self.server.requests.append(request)
                self.server.changed.notify_all()
            self.server.open.wait()
            name = request[1].split("?")[0].strip("/").replace("-", "_").split("/")[0]
            try:
                if not getattr(self, f"do_{name}")(request):
                    return
            except OSError:
                return

    def _fill(self):
        """More bytes, or nothing when the client has gone or the test is over."""
        while not self.server.released.is_set():
            try:
                return self.connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return b""
        return b""

    def _read(self):
        while b"\r\n\r\n" not in self._buffer:
            more = self._fill()
            if not more:
                return None
            self._buffer += more
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            self._buffer += self._fill()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        method, path, _ = lines[0].split(" ")
        return method, path, headers, body

    def _answer(self, status, body, extra=""):
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        self.connection.sendall(head.encode() + body)
        return True

    def do_ok(self, request):
        return self._answer(200, json.dumps({"n": 42}).encode())

    def do_answer_and_close(self, request):
        self._answer(200, b"{}")
        self.connection.shutdown(socket.SHUT_RDWR)
        self.server.closed.set()

    def do_when_closed(self, request):
        self.server.closed.wait()
        self.server.closed.clear()
        return self._answer(200, b"{}")

    def do_slow(self, request):
        self.server.released.wait(0.1)
        return self._answer(200, b"{}")

    def do_status(self, request):
        return self._answer(int(request[1].rpartition("/")[2]), b"\xff\xfe not utf-8")

    def do_redirect(self, request):
        return self._answer(302, b"", "Location: /ok\r\n")

    def do_cookie(self, request):
        return self._answer(200, b"{}", "Set-Cookie: a=b\r\n")

    def do_chunked(self, request):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        return True

    def do_until_close(self, request):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}")

    def do_short(self, request):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    def do_short_error(self, request):
        self.connection.sendall(b"HTTP/1.1 503 X\r\nContent-Length: 100\r\n\r\nonly this")

    def do_chunk_cut(self, request):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nonly this")

    def do_last_chunk_missing(self, request):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")

    def do_head_cut(self, request):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")

    def do_close(self, request):
        return False

    def do_garbage(self, request):
        self.connection.sendall(b"220 mail.example ESMTP\r\n\r\n")

    def do_bad_gzip(self, request):
        return self._answer(200, b"not gzip at all", "Content-Encoding: gzip\r\n")

    def do_reset(self, request):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def do_reset_in_body(self, request):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        self.server.released.wait(0.05)
        self.do_reset(request)

    def do_silent(self, request):
        self.server.released.wait()

    def do_drip(self, request):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not self.server.released.wait(0.02):
            self.connection.sendall(b"x")
