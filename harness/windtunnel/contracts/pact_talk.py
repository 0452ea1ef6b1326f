"""What the native verifier asks over HTTP while it runs: changes of state, and messages.

pact-python has servers of its own for this. They take half a second to stop, leave their sockets to the garbage
collector, and answer an exception with 500, which the verifier takes for "try again" and does for two minutes.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

STATE_PATH, MESSAGE_PATH = "/state", "/message"
_JSON = "application/json"

Answer = Callable[[str, Mapping[str, Any]], bytes]
"""From a path and the question's JSON to the body of the answer. Must not raise."""


class Talk:
    """A server on loopback for the length of a block."""

    def __init__(self, answer: Answer) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="pact-talk", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            body = answer(self.path, question)
            self.send_response(200)
            self.send_header("Content-Type", _JSON)
            self.send_header("Content-Length", str(len(body)))
            if self.path == MESSAGE_PATH:
                metadata = json.dumps({"contentType": _JSON}).encode()
                self.send_header("Pact-Message-Metadata", base64.b64encode(metadata).decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            """Nobody reads that log."""

    return Handler
