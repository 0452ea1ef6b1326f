"""What a service is told when it is started: its command, and the variables of its environment.

`Instructions` is what every backend shares; each adds what a service gets unasked, and where its data lies.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from windtunnel.errors import TopologyError
from windtunnel.stack.base import Address
from windtunnel.stack.secrets import SECRET_NAME, Secrets
from windtunnel.topology.instances import service_of, slug
from windtunnel.topology.model import Edge, Service, Topology
from windtunnel.topology.placeholders import expand, secrets_in

INHERITED = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TZ", "USER", "VIRTUAL_ENV")
"""All that a process gets from the caller unasked. Proxy settings, for instance, would lead it past its edges."""


@dataclass(frozen=True, kw_only=True)
class Instructions(ABC):
    """From what the command and the environment of one service follow, also after a `replace`."""

    service: Service
    topology: Topology
    port: int
    """Where it has to listen, as it sees it itself."""
    edges: tuple[tuple[Edge, Address], ...]
    """The links that leave this instance, and where their proxies listen."""
    secrets: Secrets
    marks: Mapping[str, str]
    """Variables that show to which run and stack a process belongs."""

    @property
    @abstractmethod
    def data(self) -> PurePath:
        """What `${data}` stands for: the service's own folder, shared by its instances; goes with the stack."""

    @property
    @abstractmethod
    def written(self) -> tuple[str, ...]:
        """The command as the topology has it: what it expands to may hold a secret."""

    @property
    @abstractmethod
    def own(self) -> Mapping[str, str]:
        """The variables that the topology gives the service, as written."""

    @abstractmethod
    def unasked(self) -> Mapping[str, str]:
        """The variables that it gets whatever the topology says."""

    def command(self) -> list[str]:
        """Raises `TopologyError` when there is none, or when it cannot be expanded."""
        return [self._expand(word, "its command") for word in self.written]

    def environment(self, added: Mapping[str, str] | None = None) -> dict[str, str]:
        """All variables; `added` come over the topology's. Raises `TopologyError`."""
        own = {**self.own, **(added or {})}
        env = {
            **self.unasked(),
            self.service.port_env: str(self.port),
            **self._peers(),
            **{name: self._expand(value, f"env {name}") for name, value in own.items()},
            **self.marks,
        }
        for name in own:
            if SECRET_NAME.search(name):
                self.secrets.add(name, env[name])
        return env

    def _peers(self) -> dict[str, str]:
        """By variable: where the peer is, in each of its instances."""
        told: dict[str, str] = {}
        for edge, address in self.edges:
            if edge.via_env:
                before = f"{told[edge.via_env]}{edge.via_separator}" if edge.via_env in told else ""
                told[edge.via_env] = before + self._peer(edge, address)
        return told

    def _peer(self, edge: Edge, address: Address) -> str:
        return self._expand(edge.via_url, f"the address of {edge.target}", host=address.host, port=str(address.port))

    def _expand(self, text: str, where: str, **own: str) -> str:
        values = {"port": str(self.port), "data": str(self.data), **own}
        values |= {f"secret:{name}": self.secrets.value(name) for name in secrets_in(text)}
        try:
            return expand(text, values)
        except ValueError as error:
            raise self._wrong(f"{where}: {error}") from error

    def _wrong(self, what: str) -> TopologyError:
        service = self.service
        return TopologyError(f"service {service.name!r}: {what}", path=self.topology.path, line=service.line or None)


@dataclass(frozen=True, kw_only=True)
class ProcessInstructions(Instructions):
    """For a process of this machine."""

    folder: Path
    """The stack's, which outlives restarts of its services."""

    @property
    def data(self) -> Path:
        return self.folder / service_of(self.service.name) / "data"

    @property
    def scratch(self) -> Path:
        """Its temporary directory."""
        return self.folder / slug(self.service.name) / "tmp"

    @property
    def written(self) -> tuple[str, ...]:
        return self.service.command

    @property
    def own(self) -> Mapping[str, str]:
        return self.service.env

    def command(self) -> list[str]:
        """A leading `python` is the interpreter that runs this. Raises `TopologyError` when there is no command."""
        words = super().command()
        if not words:
            raise self._wrong("has no command; write process: {command: [...]}")
        return [sys.executable if words[0] == "python" else words[0], *words[1:]]

    def unasked(self) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        # Commands of the virtual environment in which the harness runs are found first.
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
        return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "TMPDIR": str(self.scratch)}
