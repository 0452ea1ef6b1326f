"""An HTTP server behind a proxy that reads HTTP, on real sockets."""

import http.client
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from proxy_wires import LOOPS, PATIENCE, eventually

from windtunnel.proxy import EmbeddedToxiproxy
from windtunnel.toxiproxy import EdgeProxy, ToxiproxyClient

TEXT = b'{"answer": 42, "padding": "' + b"x" * 200 + b'"}'


class Shop(BaseHTTPRequestHandler):
    """Answers every request, and keeps a list of them. `/chunked...` in chunks, `/close` until it closes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        self.send_response(200)
        if self.path.startswith("/chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(TEXT), 100):
                piece = TEXT[start : start + 100]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        if self.path == "/close":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(TEXT)))
        self.send_header("ETag", "abc")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(TEXT)

    do_GET = do_POST = do_HEAD = do_PUT = answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Shop)
        self.seen = []

    def handle_error(self, *args):
        """A connection that a toxic cut."""


@contextmanager
def shop(*, loop="preferred", seed=0):
    """(edge, server): one proxy that reads HTTP. Asserts that nothing in the proxy went unhandled."""
    with (
        Server() as server,
        EmbeddedToxiproxy(loop_factory=LOOPS[loop], seed=seed) as proxy,
        ToxiproxyClient(proxy.url, timeout=PATIENCE) as client,
    ):
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            client.create("edge", "127.0.0.1:0", f"127.0.0.1:{server.server_port}", http=True)
            yield EdgeProxy(client, "edge"), server
        finally:
            server.shutdown()
            thread.join()
        assert proxy.unhandled == (), proxy.unhandled


def caller(edge):
    """An HTTP client on one kept connection; closed with the block."""
    host, port = edge.listen
    return closing(http.client.HTTPConnection(host, port, timeout=PATIENCE))


def call(connection, method="GET", path="/", body=None, headers=None):
    """(status, body, headers), or the name of the error."""
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return type(error).__name__


def statuses(connection, *paths, **more):
    return [call(connection, path=path, **more)[0] for path in paths]


def ended(edge, count, since=0):
    """The record, once it has that many requests."""
    assert eventually(lambda: len(edge.requests(since).requests) >= count)
    return edge.requests(since).requests
