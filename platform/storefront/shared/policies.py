"""What protects a service, read from its `policies.toml` and changed by its environment.

POLICIES_FILE   another file than the service's own
POLICIES_SET    single values, with ; between them: `payments.retry.attempts=2; inbound.limit.maximum=20`
POLICIES_OFF    what is switched off, with commas: `payments.retry, inbound.rate_limit`

In the environment an edge goes by the name of the service that is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from resilience import EdgePolicy, errors
from resilience.declared import PolicyFile, switches
from resilience.inbound import InboundPolicy
from storefront.shared.environment import Environment, SettingsError

_SERVICES = Path(__file__).parents[1]
Settings = TypeVar("Settings")


@dataclass(frozen=True, kw_only=True)
class ServicePolicies:
    """What every service has: a door, and edges by the name of the service that is called."""

    inbound: InboundPolicy
    edges: Mapping[str, EdgePolicy]


class Declared:
    """A service's policy file. Every method raises `SettingsError`.

    `tables` are what the file must hold, by name, each with its settings; `also` are switches that are no policies;
    `functions` are those that it may name.
    """

    def __init__(
        self,
        service: str,
        env: Environment,
        tables: Mapping[str, type[Any]],
        also: Sequence[str] = (),
        functions: Mapping[str, Callable[..., Any]] = {},
    ) -> None:
        self._tables: dict[str, type[Any]] = {"inbound": InboundPolicy, **tables}
        self._short = {name.rpartition(">")[2]: name for name in self._tables}
        known = [f"{short}.{policy}" for short, name in self._short.items() for policy in switches(self._tables[name])]
        self.off = env.subset("POLICIES_OFF", known=(*known, *also))
        """Everything that is switched off."""
        path = Path(env.text("POLICIES_FILE", str(_SERVICES / service / "policies.toml")))
        changes = [self._full(part) for part in env.text("POLICIES_SET", ";").split(";") if part.strip()]
        try:
            self._file = PolicyFile(path, changes=changes, functions=functions)
            self._file.require_tables(self._tables)
        except errors.SettingsError as error:
            raise SettingsError(str(error)) from None

    def common(self) -> ServicePolicies:
        """The door and the edges."""
        edges = {short: name for short, name in self._short.items() if self._tables[name] is EdgePolicy}
        return ServicePolicies(
            inbound=self.table("inbound", InboundPolicy),
            edges={short: self.table(name, EdgePolicy) for short, name in edges.items()},
        )

    def table(self, name: str, settings: type[Settings]) -> Settings:
        """One table of the file."""
        short = name.rpartition(">")[2]
        off = [policy for policy in switches(settings) if f"{short}.{policy}" in self.off]
        try:
            return self._file.read(name, settings, off=off)
        except errors.SettingsError as error:
            raise SettingsError(str(error)) from None

    def _full(self, change: str) -> str:
        short, dot, rest = change.strip().partition(".")
        return f"{self._short.get(short, short)}{dot}{rest}"


def edges(service: str, *peers: str) -> dict[str, type[EdgePolicy]]:
    """The tables of a service's edges: `orders->payments` and so on."""
    return {f"{service}->{peer}": EdgePolicy for peer in peers}
