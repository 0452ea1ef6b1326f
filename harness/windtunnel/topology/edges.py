"""Reads the list `edges`, and checks that it fits the services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from windtunnel.document import Fields, Value
from windtunnel.topology.external import PLACE_KEYS, read_place
from windtunnel.topology.model import CLIENT, BackendName, Edge, Protocol, ProxyPlace, Service
from windtunnel.topology.placeholders import ADDRESS_WORDS
from windtunnel.topology.service import filled, variable_name

_BACKENDS: tuple[BackendName, ...] = ("process", "docker", "external")
_KEYS = ("via", "protocol", "criticality", "background", "backends")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_DEFAULT_URL = {
    "http": "http://${host}:${port}",
    "postgresql": "postgresql://${host}:${port}",
    "tcp": "${host}:${port}",
}


def read_edges(value: Value, services: Mapping[str, Service], environ: Mapping[str, str]) -> tuple[Edge, ...]:
    """All edges, in order. Each one-directional pair may stand there once, each variable be set once."""
    edges: list[Edge] = []
    for item in value.sequence(minimum=1):
        edge = _edge(item, services, environ)
        _check_against(edges, edge, item, services)
        edges.append(edge)
    return tuple(edges)


def _edge(item: Value, services: Mapping[str, Service], environ: Mapping[str, str]) -> Edge:
    fields = item.fields(required=["from", "to"], optional=_KEYS)
    source = fields["from"].choice("service", (CLIENT, *services))
    target = fields["to"].choice("service", tuple(services))
    protocol = cast(Protocol, fields.read("protocol", lambda v: v.choice("protocol", _DEFAULT_URL), "http"))
    ends = [services[end] for end in (source, target) if end != CLIENT]
    backends = fields.read("backends", _backends, _usual_backends(fields.get("via"), ends))
    via = _via(item, fields, source, backends, environ)
    return Edge(
        source=source,
        target=target,
        line=item.line,
        via_env=via.env,
        via_url=via.url or _DEFAULT_URL[protocol],
        via_separator=via.separator,
        via_alias=via.alias,
        via_proxy=via.place,
        protocol=protocol,
        criticality=cast(
            'Literal["hard", "soft"]',
            fields.read("criticality", lambda v: v.choice("criticality", ("hard", "soft")), "hard"),
        ),
        background=fields.read("background", Value.boolean, False),
        backends=backends,
    )


def _backends(value: Value) -> frozenset[BackendName]:
    return frozenset(cast(BackendName, item.choice("backend", _BACKENDS)) for item in value.sequence(minimum=1))


@dataclass(frozen=True, kw_only=True)
class _Via:
    """How the proxy is put between."""

    env: str | None = None
    url: str | None = None
    separator: str = ","
    alias: str | None = None
    place: ProxyPlace | None = None


def _via(
    item: Value, fields: Fields, source: str, backends: frozenset[BackendName], environ: Mapping[str, str]
) -> _Via:
    via = fields.get("via")
    if source == CLIENT:
        if via is None:
            return _Via()
        if "proxy" in via.mapping():
            return _Via(place=_place(via, environ))
        raise via.refusal("an edge from the client has no via: the harness itself is told the address; remove it")
    if via is None:
        if "process" not in backends:
            return _Via()
        raise item.refusal(f"missing key 'via'; how is {source!r} told the address? write via: {{env: SOME_URL}}")
    if "alias" in via.mapping():
        return _Via(alias=_alias(via, backends))
    if "proxy" in via.entries and "env" not in via.entries:
        if backends != {"external"}:
            raise via.refusal("that proxy is there on the external backend only; add env: NAME for the others")
        return _Via(place=_place(via, environ))
    parts = via.fields(required=["env"], optional=["url", "separator", *PLACE_KEYS])
    return _Via(
        env=variable_name(parts["env"]),
        url=parts.read("url", lambda v: _url(v, source, environ), None),
        separator=parts.read("separator", Value.text, ","),
        place=_place(via, environ, "env", "url", "separator")
        if any(key in via.entries for key in PLACE_KEYS)
        else None,
    )


def _place(via: Value, environ: Mapping[str, str], *beside: str) -> ProxyPlace | None:
    """The proxy that is there already."""
    via.fields(required=["proxy", "api"], optional=["listen", *beside])
    return read_place(via, environ)


def _usual_backends(via: Value | None, ends: list[Service]) -> frozenset[BackendName]:
    """Those of an edge that names none: all, but for one that only a system which runs already can have."""
    proxy_alone = via is not None and "proxy" in via.entries and "env" not in via.entries and bool(ends[1:])
    running = any(service.place and not service.command and service.container is None for service in ends)
    return frozenset({"external"}) if proxy_alone or running else frozenset(_BACKENDS)


def _alias(via: Value, backends: frozenset[BackendName]) -> str:
    """A host name that is written into the caller: only a network of its own can make that lead to a proxy."""
    alias = via.fields(required=["alias"])["alias"]
    if backends != {"docker"}:
        raise via.refusal("a host name can be given to a container only; add backends: [docker]")
    if not _HOST.fullmatch(alias.text()):
        raise alias.refusal(f"{alias.text()!r} is not a host name; write it as the caller has it, without a port")
    return alias.text()


def _url(value: Value, source: str, environ: Mapping[str, str]) -> str:
    for placeholder in ("${host}", "${port}"):
        if placeholder not in value.text():
            raise value.refusal(f"the url has no {placeholder}; write for instance http://${{host}}:${{port}}")
    return filled(value, source, ADDRESS_WORDS, environ)


def _check_against(earlier: list[Edge], edge: Edge, item: Value, services: Mapping[str, Service]) -> None:
    for other in earlier:
        if other.name == edge.name:
            raise item.refusal(f"duplicate edge {edge.name!r}; it is already on line {other.line}")
        if other.source == edge.source and edge.via_alias is not None and other.via_alias == edge.via_alias:
            raise item.refusal(f"{edge.via_alias!r} cannot be two callees of {edge.source!r} (see line {other.line})")
        if other.source == edge.source and edge.via_env is not None and other.via_env == edge.via_env:
            raise item.refusal(f"{edge.source!r} is told two addresses in {edge.via_env} (see line {other.line})")
    _check_variable(edge, item, services)
    if edge.via_alias is not None and services[edge.target].replicas > 1:
        raise item.refusal(f"{edge.via_alias!r} cannot be several instances; write via: {{env: SOME_URL}}")
    if "process" in edge.backends:
        _check_runs_as_process(edge, item, services)


def _check_variable(edge: Edge, item: Value, services: Mapping[str, Service]) -> None:
    caller = services.get(edge.source)
    if caller is None or edge.via_env is None:
        return
    # An edge of containers alone may give what the process is told by its own variables.
    container = caller.container.env if caller.container and caller.container.env is not None else caller.env
    own = {**(caller.env if "process" in edge.backends else {}), **(container if "docker" in edge.backends else {})}
    if edge.via_env in own or edge.via_env == caller.port_env:
        raise item.refusal(f"{edge.via_env} is also set by service {caller.name!r} itself; remove it there")


def _check_runs_as_process(edge: Edge, item: Value, services: Mapping[str, Service]) -> None:
    for end in (edge.source, edge.target):
        if end != CLIENT and not services[end].command:
            raise item.refusal(f"{end!r} is no process; write backends: [docker], or give {end!r} a process")
