"""Reads what concerns a system that already runs elsewhere: addresses, proxies, and what may be touched.

services: {orders: {external: {url: "http://10.0.0.7:8080"}}}
edges:    [{from: orders, to: payments, via: {proxy: payments, api: "http://10.0.0.9:8474"}}]
allow:    {toxics: [orders->payments], disable: []}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from windtunnel.document import Value, unknown
from windtunnel.topology.model import Allowance, Edge, ProxyPlace
from windtunnel.topology.placeholders import fill_environment

PLACE_KEYS = ("proxy", "api", "listen")
"""Of a `via` that names a proxy which is already there."""


def read_url(value: Value, environ: Mapping[str, str]) -> str:
    """`{url: http://host:port}` as `host:port`. Messages never repeat the URL: it may hold a secret."""
    url = value.fields(required=["url"])["url"]
    parts = _url(url, environ, schemes=("http",))
    if parts.username is not None or parts.password is not None:
        raise url.refusal("a service's url holds no user or password; scenarios send their own headers: remove it")
    return _place(parts, 80)


def read_place(via: Value, environ: Mapping[str, str]) -> ProxyPlace | None:
    """The proxy that a `via` names; None when it names none. Its keys have been checked."""
    if "proxy" not in via.mapping():
        return None
    name, api = via.entries["proxy"].value, via.entries["api"].value
    listen = via.entries.get("listen")
    parts = _url(api, environ, schemes=("http", "https"))
    return ProxyPlace(
        name=name.text(), api=parts.geturl().rstrip("/"), listen=_listen(listen.value, environ) if listen else ""
    )


def read_allowance(value: Value, edges: tuple[Edge, ...]) -> Allowance:
    """What may be done to which edges. Each must have a proxy."""
    fields = value.fields(optional=("toxics", "disable"))
    known = tuple(edge.name for edge in edges if edge.via_proxy is not None)

    def names(listed: Value) -> frozenset[str]:
        for item in listed.sequence():
            if item.text() not in known:
                raise item.refusal(unknown("edge with via: {proxy: ...}", item.text(), known))
        return frozenset(listed.texts())

    return Allowance(
        toxics=fields.read("toxics", names, frozenset()), disable=fields.read("disable", names, frozenset())
    )


def _listen(value: Value, environ: Mapping[str, str]) -> str:
    parts = _split(value, f"//{_filled(value, environ)}")
    if parts is None or not parts.hostname or not parts.port:
        raise value.refusal("'listen' is where callers reach the proxy; write host:port")
    return _place(parts, parts.port)


def _url(value: Value, environ: Mapping[str, str], schemes: tuple[str, ...]) -> SplitResult:
    parts = _split(value, _filled(value, environ))
    if parts is None or parts.scheme not in schemes or not parts.hostname:
        raise value.refusal(f"that is no address to be used here; write {' or '.join(schemes)}://host:port")
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise value.refusal(f"an address has no path; write {parts.scheme}://host:port")
    return parts


def _split(value: Value, text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _filled(value: Value, environ: Mapping[str, str]) -> str:
    fill: Callable[[str], str] = lambda text: fill_environment(text, frozenset(), environ)  # noqa: E731
    return value.parse(fill)


def _place(parts: SplitResult, default: int) -> str:
    host = parts.hostname or ""
    return f"[{host}]:{parts.port or default}" if ":" in host else f"{host}:{parts.port or default}"
