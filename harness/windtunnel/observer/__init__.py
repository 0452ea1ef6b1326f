"""Watching a system while an experiment runs on it, without touching it.

    edges' proxies ── calls ────▸ Observer ──▸ history
    services' /metrics ─ breakers ─┘   (a thread, a look every half second, and a last one)

What cannot be had is not made up: an edge without a record of requests has no calls, a service that does not answer
has breakers in state `unknown`.
"""

from windtunnel.observer.observer import Observer

__all__ = ["Observer"]
