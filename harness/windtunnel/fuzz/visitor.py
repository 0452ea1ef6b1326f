"""What the system's owner knows and no document says: how to log in, and which values get past the door.

The owner writes a Python file with up to three functions:

    def set_up(world): ...                 once per running system: a user, a token, an order to look at
    def complete(world, request): ...      put into a request what it needs: credentials, a fresh key
    def bad_credentials(world): ...        name -> headers that must be refused (an expired token, for instance)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import httpx

from windtunnel.errors import WindtunnelError
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.plan import Plan
from windtunnel.invariants import load_file
from windtunnel.stack.base import Stack

if TYPE_CHECKING:
    from schemathesis import Case

PATIENCE = 10.0


class VisitorError(WindtunnelError):
    """The owner's own file did not do its part."""


@dataclass
class Request:
    """A request before it is sent. What `complete` puts in stays, but for parts that are wrong on purpose."""

    service: str
    operation: str
    """`POST /orders`."""
    secured: bool
    """It wants credentials."""
    deep: bool
    """It must get all the way through: what it names must exist. Else what was generated may stay."""
    path: dict[str, Any]
    """The path's parameters."""
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any
    """What becomes JSON; None when there is none, or when it is wrong on purpose."""


@dataclass
class World:
    """The running system, for the owner's functions."""

    stack: Stack
    memory: dict[str, Any] = field(default_factory=dict)
    """Whatever `set_up` wants to keep."""

    def send(
        self, method: str, service: str, path: str, *, json: object = None, headers: Mapping[str, str] = {}
    ) -> httpx.Response:
        """Ask a service, past every proxy."""
        url = f"http://{self.stack.address(service)}{path}"
        return httpx.request(method, url, json=json, headers=dict(headers), timeout=PATIENCE, trust_env=False)

    def secret(self, name: str) -> str:
        """What `${secret:NAME}` of the topology became in this run. Raises LookupError when there is none."""
        secrets: Mapping[str, str] = getattr(self.stack, "secrets", {})
        return secrets[name]


class Visitor:
    """The owner's file, bound to one running system."""

    def __init__(self, plan: Plan, stack: Stack) -> None:
        self._module: ModuleType | None = load_file(plan.visitor) if plan.visitor else None
        self._name = str(plan.visitor)
        self.world = World(stack)
        self._call("set_up", self.world)

    def complete(self, case: Case[Any], operation: Operation, *, deep: bool) -> None:
        """Put in what the request needs. What was generated wrong on purpose is left as it is."""
        wrong = _wrong_parts(case)
        body = case.body if isinstance(case.body, (dict, list)) and "body" not in wrong else None
        request = Request(
            service=operation.service,
            operation=operation.label,
            secured=operation.secured,
            deep=deep,
            path={} if "path" in wrong else dict(case.path_parameters),
            query={} if "query" in wrong else dict(case.query),
            headers={} if "header" in wrong else dict(case.headers),
            body=body.copy() if body is not None else None,
        )
        self._call("complete", self.world, request)
        if "path" not in wrong:
            case.path_parameters = request.path
        if "query" not in wrong:
            case.query = request.query
        for name in () if "header" in wrong else set(case.headers) - set(request.headers):
            del case.headers[name]
        for name, value in request.headers.items():
            # A documented header that is wrong, or missing, on purpose stays so; credentials are none of those.
            if "header" not in wrong or name.lower() not in operation.headers:
                case.headers[name] = value
        if body is not None:
            case.body = request.body

    def bad_credentials(self) -> Mapping[str, Mapping[str, str]]:
        """What the owner knows to be refused."""
        found: Mapping[str, Mapping[str, str]] = self._call("bad_credentials", self.world) or {}
        return found

    def _call(self, name: str, *arguments: object) -> Any:
        function: Callable[..., Any] | None = getattr(self._module, name, None)
        if function is None:
            return None
        try:
            return function(*arguments)
        except Exception as error:
            raise VisitorError(f"{self._name}: {name} raised {type(error).__name__}: {error}") from error


def _wrong_parts(case: Case[Any]) -> frozenset[str]:
    """`body`, `header`, `path`, `query`: what was generated against the document."""
    meta = case.meta
    if meta is None:
        return frozenset()
    return frozenset(location.value for location, info in meta.components.items() if info.mode.is_negative)
