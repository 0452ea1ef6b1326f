"""Small pacts and providers for tests: files written by hand, and a server that answers what it is told."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def interaction(description="a request", *, states=(), pending=False, status=200, path="/thing"):
    return {
        "type": "Synchronous/HTTP",
        "description": description,
        "pending": pending,
        "providerStates": [{"name": name, "params": params} for name, params in states],
        "request": {"method": "GET", "path": path},
        "response": {"status": status},
    }


def message(description="an event", **content):
    body = {"content": content, "contentType": "application/json", "encoded": False}
    return {"type": "Asynchronous/Messages", "description": description, "pending": False, "contents": body}


def document(*interactions, consumer="shop", provider="store"):
    return {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


def write(folder, *interactions, **names):
    """A pact file; its path."""
    found = document(*interactions, **names)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found['consumer']['name']}-{found['provider']['name']}.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


@contextmanager
def served(answer):
    """A real HTTP server: `answer(method, path, headers, body)` gives (status, headers, body). Yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, text = answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815 - the base class's own name

        def log_message(self, *args):
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def says(status):
    """An answer of that status to everything."""
    return lambda *_: (status, {}, b"")
