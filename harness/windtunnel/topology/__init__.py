"""The system under test as the harness sees it: services, edges, and what losing an edge may cost."""

from windtunnel.topology.model import CLIENT, BackendName, Edge, Service, Topology
from windtunnel.topology.placeholders import expand, secrets_in
from windtunnel.topology.reader import read_topology

__all__ = [
    "CLIENT",
    "BackendName",
    "Edge",
    "Service",
    "Topology",
    "expand",
    "read_topology",
    "secrets_in",
]
