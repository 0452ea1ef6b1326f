"""What is printed once a system stands: where each service is reached, each edge's proxy, and what to do next."""

from __future__ import annotations

from windtunnel.api_url import without_credentials
from windtunnel.errors import CapabilityError
from windtunnel.stack.backends import Choice
from windtunnel.stack.base import Stack
from windtunnel.topology.model import CLIENT, Edge


def headline(choice: Choice, stack: Stack) -> str:
    """`windtunnel: backend process (why), proxy embedded 2.12.0, run 06f...`."""
    why = f" ({choice.backend_reason})" if choice.backend_reason else ""
    return f"windtunnel: backend {choice.backend}{why}, proxy {stack.proxy_kind}, run {stack.run_id}"


def banner(choice: Choice, stack: Stack) -> list[str]:
    """Line by line."""
    topology = stack.topology
    links = {name: link for name, link in topology.links.items() if topology.has_edge(link, stack.backend)}
    services = {name: service for name, service in topology.instances.items() if service.runs_on(stack.backend)}
    places = [(name, *_place(name, stack, links)) for name in services]
    proxies = [(name, _proxy(name, stack)) for name in links]
    wide = max(map(len, [*services, *links]), default=0)
    apis = dict.fromkeys(api for _, (api, _) in proxies if api)
    return [
        headline(choice, stack),
        *(f"  {name:{wide}}  {url}{f'  through {edge}' if edge else ''}" for name, url, edge in places),
        f"edges, each with its proxy; the proxies' API: {', '.join(apis) or 'none'}",
        *(f"  {name:{wide}}  {told}" for name, (_, told) in proxies),
        f"second terminal: windtunnel fault '{_example(links)}' latency=800ms for 30s",
    ]


def _place(name: str, stack: Stack, links: dict[str, Edge]) -> tuple[str, str]:
    """Where a client reaches the service, and by which edge; past every proxy where the client has no edge to it."""
    edge = next((link.name for link in links.values() if link.source == CLIENT and link.target == name), "")
    address = stack.edge_address(edge) if edge else stack.address(name)
    http = stack.topology.instances[name].ready.startswith("/")
    return f"{'http://' if http else ''}{address}", edge


def _proxy(edge: str, stack: Stack) -> tuple[str, str]:
    """The API of the edge's proxy, and the proxy in words."""
    try:
        proxy = stack.proxy(edge)
    except CapabilityError:
        return "", "no proxy: nothing can be done to it"
    return without_credentials(proxy.client.url), f"{proxy.name} at {stack.edge_address(edge)}"


def _example(links: dict[str, Edge]) -> str:
    """An edge between two services, where there is one."""
    inner = [name for name, link in links.items() if link.source != CLIENT and link.protocol == "http"]
    return next(iter([*inner, *links]), "a->b")
