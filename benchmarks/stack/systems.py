"""The systems that are stood up: the storefront, and chains of echo services of any length."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from windtunnel.stack.images import python_image
from windtunnel.topology import CLIENT, Edge, Service, Topology, read_topology
from windtunnel.topology.model import Container

ROOT = Path(__file__).resolve().parents[2]
ECHO = Path(__file__).with_name("echo.py")


def storefront() -> Topology:
    """Six services, one of them twice, a mail server, and a proxy on every edge."""
    return read_topology(ROOT / "platform" / "topology.yaml")


def echo(count: int) -> Topology:
    """`client->echo-1->echo-2->...`: so many services of a few lines, and as many proxies."""
    names = [f"echo-{number}" for number in range(1, count + 1)]
    onward = [Edge(source=a, target=b, via_env="NEXT_URL") for a, b in pairwise(names)]
    return Topology(
        name=f"echo-{count}",
        path=ECHO,
        services={name: _service(name) for name in names},
        edges=(Edge(source=CLIENT, target=names[0]), *onward),
        scenarios=ECHO,
    )


def _service(name: str) -> Service:
    command = ("python3", "-S", "-c", ECHO.read_text())
    container = Container(image=python_image(), command=command, env={"HOST": "0.0.0.0"})  # of its own network
    return Service(
        name=name, command=("python", "-S", str(ECHO)), container=container, env={"HOST": "127.0.0.1"}, ready="/"
    )
