"""One service of the storefront alone, for `storefront.py`: with its whole stack, or bare.

    python -P serve_one.py orders full|bare

Its peers are answered in its own process, so that its own cost is what is measured; all policies of its edges run.
Bare is the same handlers over the same database on Flask alone: no door, policies, metrics, log or request ids, and a
write without the idempotency store.
"""

from __future__ import annotations

import sys

import httpx
from flask import Flask

from storefront.notifications.mail import Mailer
from storefront.shared import application, log, peers
from storefront.shared.once import Once

_ANSWERS = {
    "/me": (200, {"id": "u1", "email": "ann@storefront.example"}),
    "/reservations": (200, {"unit_price_cents": 1200}),
    "/charges": (201, {"id": "c1"}),
    "/transfers": (201, {"id": "t1"}),
    "/notifications": (201, {"id": "n1"}),
    "/health": (200, {}),
}
SERVICES = ("users", "inventory", "orders", "payments", "bank", "notifications")
_client = peers.client


class Answers(httpx.BaseTransport):
    """What a peer in good health says."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        status, body = _ANSWERS["/" + request.url.path.split("/")[1]]
        return httpx.Response(status, json=body)


def _full(url, policy, **fields):
    return _client(url, policy, **{**fields, "base": Answers()})


def _bare() -> None:
    make = application.ServiceApp.__init__

    def bare(app, *args, **fields):
        make(app, *args, **fields)
        app.before_request_funcs.clear()
        app.after_request_funcs.clear()

    def together(once, claim, response, effect):
        with once._database.write() as connection:
            effect(connection)
        return response

    def send(peer, method, path, *, json=None, headers=None):
        return peer.bare.request(method, path, json=json, headers=headers)

    application.ServiceApp.__init__ = bare
    application.ServiceApp.wsgi_app = Flask.wsgi_app
    Once.together = together
    peers.Peer.bare = httpx.Client(base_url="http://peer", transport=Answers(), trust_env=False)
    peers.Peer.send = send
    log.event = lambda *args, **fields: None


def _patch(variant: str) -> None:
    peers.client = _full
    Mailer.send = lambda *args: None
    if variant == "bare":
        _bare()


_patch(sys.argv[2] if len(sys.argv) > 2 else "full")
if __name__ == "__main__":
    import importlib

    from storefront.shared.serving import serve

    settings = importlib.import_module(f"storefront.{sys.argv[1]}.settings").Settings
    serve(f"storefront.{sys.argv[1]}.app", settings)
