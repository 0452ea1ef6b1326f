"""What a system of containers asks of the engine, through testcontainers: networks, containers, volumes of one run.

Everything carries the run's id as a label, by which the undo journal takes it down; testcontainers' own reaper (Ryuk)
is therefore not needed, and off unless its user has switched it on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from windtunnel.errors import BackendError, StackError
from windtunnel.stack.subnets import free_subnets, pool, routed
from windtunnel.topology.instances import slug
from windtunnel.undo.engine import RUN_LABEL, Engine, engine_url

if TYPE_CHECKING:
    from testcontainers.core.docker_client import DockerClient

ATTEMPTS = 20
"""Subnets that are tried when another run takes them at the same moment."""
API_TIMEOUT = 60
"""Seconds."""


class RunEngine:
    """The engine as one run uses it. Raises `BackendError` when it does not answer, or testcontainers is missing."""

    def __init__(self, run_id: str) -> None:
        self.run_id, self.api = run_id, Engine(engine_url())
        self.client = connect()
        self.labels = {RUN_LABEL: run_id}
        self._subnets: dict[str, IPv4Network] = {}

    def name(self, what: str) -> str:
        """What something of this run is called in the engine."""
        return f"windtunnel-{self.run_id}-{slug(what)}"

    def create_network(self, what: str, prefix: int) -> IPv4Network:
        """A network with a free subnet of that size."""
        from docker.errors import APIError
        from docker.types import IPAMConfig, IPAMPool

        within, taken = pool(), [*routed(), *self._taken()]
        if prefix < within.prefixlen:
            raise BackendError(f"{within} is too small for a network of this system; set WINDTUNNEL_SUBNETS to more")
        refusal = "all are taken"
        for _, subnet in zip(range(ATTEMPTS), free_subnets(prefix, taken, within=within), strict=False):
            ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(subnet.network_address + 1))])
            settings = {"driver": "bridge", "ipam": ipam, "labels": self.labels, "check_duplicate": True}
            try:
                self.client.client_networks_create(self.name(what), settings)
            except APIError as error:  # another run, or something that has no route, was faster
                refusal = str(error.explanation or error)
                if "overlap" not in refusal.lower():
                    raise StackError(f"network {what}: {refusal}") from error
                continue
            return subnet
        raise StackError(f"no free subnet /{prefix} in {within}: {refusal}; set WINDTUNNEL_SUBNETS to another network")

    def create_volume(self, what: str, size: int = 0) -> str:
        """A volume that goes with the run; returns its name. With a `size` (bytes) it holds no more, and is in memory:
        then it lives as long as somebody who runs has it."""
        # Whatever its image's user is, it has to be able to write there.
        bounds = {"type": "tmpfs", "device": "tmpfs", "o": f"size={size},mode=1777"} if size else {}
        self.client.client.volumes.create(self.name(what), labels=self.labels, driver_opts=bounds)
        return self.name(what)

    def create_container(
        self,
        what: str,
        image: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        places: Sequence[tuple[str, str, Sequence[str]]],
        **more: Any,
    ) -> Any:
        """A container that is not started. `places`: network, address and aliases; it has these networks only."""
        from docker.types import EndpointConfig

        version = self.client.client.api._version
        (first, address, aliases), *others = places
        config = EndpointConfig(version, ipv4_address=address, aliases=list(aliases) or None)
        container = self.client.create(
            image,
            command=list(command) or None,
            environment=dict(env),
            labels=self.labels,
            name=self.name(what),
            hostname=slug(what).replace("_", "-"),
            network=self.name(first),
            networking_config={self.name(first): config},
            **more,
        )
        for network, ip, names in others:
            self.connect(network, container, ip, names)
        return container

    def connect(self, network: str, container: Any, address: str, aliases: Sequence[str]) -> None:
        """Put a container on a further network, or again on one that it was taken off."""
        self.client.client.networks.get(self.name(network)).connect(
            container, ipv4_address=address, aliases=list(aliases) or None
        )

    def disconnect(self, network: str, container: Any) -> None:
        """Take a container off a network."""
        self.client.client.networks.get(self.name(network)).disconnect(container)

    def close(self) -> None:
        """Give the connections back."""
        self.client.client.close()

    def _taken(self) -> list[IPv4Network]:
        networks = self.api.call("GET", "/networks")
        configs = [config for network in networks for config in (network.get("IPAM") or {}).get("Config") or []]
        subnets = [config.get("Subnet", ":") for config in configs]
        return [IPv4Network(subnet, strict=False) for subnet in subnets if ":" not in subnet]


def connect() -> DockerClient:
    """A client of the engine, made by testcontainers. Raises `BackendError` when there is none."""
    os.environ.setdefault("DOCKER_HOST", engine_url())
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    try:
        from docker.errors import DockerException
        from testcontainers.core.docker_client import DockerClient
    except ImportError as error:
        raise BackendError(f"the docker backend needs {error.name}; pip install 'windtunnel[docker]'") from error
    try:
        return DockerClient(timeout=API_TIMEOUT)
    except DockerException as error:
        raise BackendError(f"no container engine answers at {engine_url()}: {error}") from error
