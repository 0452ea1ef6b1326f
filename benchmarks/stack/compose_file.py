"""A topology as a compose file: the same images, commands, variables and ports, a Toxiproxy on every edge.

JSON, which is YAML as well. A health check asks what our harness asks, every second, by the cheapest program there is
in an image with Python: an interpreter without its site packages that opens one socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windtunnel.stack.base import Address
from windtunnel.stack.container import ContainerInstructions
from windtunnel.stack.images import service_image, toxiproxy_image
from windtunnel.stack.readiness import TCP
from windtunnel.stack.secrets import Secrets
from windtunnel.topology import Edge, Topology
from windtunnel.topology.instances import service_of, slug
from windtunnel.topology.model import Container

TOXIPROXY = "toxiproxy"
API_PORT, FIRST_PORT = 8474, 20_000
EDGES = "edges.json"
"""Beside the compose file: what Toxiproxy makes when it starts."""
PROBE = "import socket; s = socket.create_connection(('127.0.0.1', {port}), 2)"
ASK = PROBE + "; s.sendall(b'GET {path} HTTP/1.0\\r\\n\\r\\n'); assert b' 200 ' in s.recv(64)"
INTERVAL = "1s"
"""The first check comes after one interval, so this is the least that a start takes."""


def compose_file(topology: Topology, ports: Mapping[str, int]) -> dict[str, Any]:
    """`ports`: by instance, and for Toxiproxy's API, the port on loopback under which it is published."""
    told, secrets = _listening(topology), Secrets()
    services = {host(name): _service(topology, name, ports[name], told, secrets) for name in topology.instances}
    services[TOXIPROXY] = {
        "image": toxiproxy_image(),
        "command": ["-host=0.0.0.0", f"-config=/{EDGES}"],
        "ports": [f"127.0.0.1:{ports[TOXIPROXY]}:{API_PORT}"],
        "volumes": [f"./{EDGES}:/{EDGES}:ro"],
    }
    return {"services": services, "volumes": {volume(name): {} for name in topology.services}}


def edges_file(topology: Topology) -> list[dict[str, Any]]:
    """What Toxiproxy reads: a proxy for each edge."""
    return [
        {
            "name": name,
            "listen": f"0.0.0.0:{port}",
            "upstream": f"{host(edge.target)}:{_container(topology, edge.target).port}",
            "enabled": True,
        }
        for name, (edge, port) in _listening(topology).items()
    ]


def host(name: str) -> str:
    """An instance as a service of compose, whose name is its host name."""
    return slug(name).replace("_", "-")


def volume(name: str) -> str:
    """Where a service's data is."""
    return f"{service_of(name)}-data"


def _listening(topology: Topology) -> dict[str, tuple[Edge, int]]:
    edges = [(name, edge) for name, edge in topology.links.items() if topology.has_edge(edge, "docker")]
    return {name: (edge, FIRST_PORT + number) for number, (name, edge) in enumerate(edges)}


def _container(topology: Topology, name: str) -> Container:
    container = topology.instances[name].container
    if container is None:
        raise ValueError(f"{name} has no docker part")
    return container


def _service(
    topology: Topology, name: str, port: int, told: Mapping[str, tuple[Edge, int]], secrets: Secrets
) -> dict[str, Any]:
    service, container = topology.instances[name], _container(topology, name)
    instructions = ContainerInstructions(
        service=service,
        topology=topology,
        container=container,
        port=container.port,
        edges=tuple((edge, Address(TOXIPROXY, at)) for edge, at in told.values() if edge.source == name),
        secrets=secrets,
        marks={},
    )
    probe = (PROBE if service.ready == TCP else ASK).format(port=container.port, path=service.ready)
    return {
        "image": service_image(topology, service_of(name)),
        "command": [_plain(word) for word in instructions.command()],
        "environment": {key: _plain(value) for key, value in instructions.environment().items()},
        "ports": [f"127.0.0.1:{port}:{container.port}"],
        "volumes": [f"{volume(name)}:{container.data}"],
        "init": True,  # as with us; else Python would be deaf to SIGTERM
        "healthcheck": {
            "test": ["CMD", "python3", "-S", "-c", probe],
            "interval": INTERVAL,
            "timeout": "5s",
            "retries": 120,
        },
    }


def _plain(text: str) -> str:
    """Compose would read a dollar as the beginning of a variable."""
    return text.replace("$", "$$")
