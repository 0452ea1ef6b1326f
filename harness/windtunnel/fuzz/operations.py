"""The operations that a system documents: one for each method and path of each service's OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windtunnel.errors import BadInputError, SpecError
from windtunnel.topology.model import Topology

if TYPE_CHECKING:
    from schemathesis import APIOperation, BaseSchema

METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE")
_STATUS = re.compile(r"[1-5](\d\d|XX)", re.IGNORECASE)


class NeedsSchemathesisError(BadInputError):
    """Fuzzing was asked for where what it is made of is not installed."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path of one service."""

    service: str
    label: str
    """`POST /orders`."""
    method: str
    path: str
    statuses: frozenset[int]
    """What it may answer, as documented, `5XX` written out."""
    catches_all: bool
    """It documents `default`: any status."""
    secured: bool
    """It wants credentials, and there is no alternative without."""
    headers: frozenset[str]
    """Names of the documented header parameters, in lower case."""
    methods: frozenset[str]
    """All documented methods of its path."""
    source: APIOperation[Any, Any, Any, Any] = field(repr=False, compare=False)
    document: Path

    @property
    def name(self) -> str:
        """`orders: POST /orders`."""
        return f"{self.service}: {self.label}"

    @property
    def id(self) -> str:
        """`placeOrder`; without an operationId, `POST /orders`."""
        return str(self.source.definition.raw.get("operationId") or self.label)

    def documents(self, status: int) -> bool:
        """Whether that answer is one it may give."""
        return self.catches_all or status in self.statuses


def operations_of(topology: Topology, seed: int = 0) -> tuple[Operation, ...]:
    """All operations of all documents that the topology names, by service and then as the document has them.

    Raises `SpecError` for a document that cannot be read or has no operation, and when there is no document at all.
    """
    documents = {name: service.openapi for name, service in topology.services.items() if service.openapi}
    if not documents:
        raise SpecError("no service has a document; write openapi: FILE at one of them", path=topology.path)
    found: list[Operation] = []
    for service, path in documents.items():
        of_this = tuple(_operations(service, path, seed))
        if not of_this:  # nothing to test must never look like nothing found
            raise SpecError("has no operation; a service that offers none needs no document", path=path)
        found += of_this
    return tuple(found)


def load_schema(path: Path, seed: int = 0) -> BaseSchema:
    """One document as Schemathesis has it. Raises `SpecError`, `NeedsSchemathesisError`."""
    try:
        import schemathesis
    except ImportError as missing:
        raise NeedsSchemathesisError(
            f"fuzzing needs Schemathesis ({missing}); pip install 'windtunnel[contracts]'"
        ) from None
    if not path.is_file():
        raise SpecError("there is no such document; see openapi: in the topology", path=path)
    # An example database would make a run depend on the runs before it.
    config = schemathesis.Config.from_dict({"seed": seed, "generation": {"database": "none"}})
    try:
        schema: BaseSchema = schemathesis.openapi.from_path(str(path), config=config)
    except Exception as error:  # of YAML, of JSON Schema, of OpenAPI: each library has its own
        raise SpecError(f"is no OpenAPI document: {str(error).splitlines()[0]}", path=path) from error
    return schema


def _operations(service: str, path: Path, seed: int) -> Iterator[Operation]:
    schema = load_schema(path, seed)
    from schemathesis.core.result import Ok

    raw: Mapping[str, Any] = schema.raw_schema
    for result in schema.get_all_operations():
        if not isinstance(result, Ok):
            raise SpecError(f"an operation cannot be used: {result.err()}", path=path)
        yield _operation(service, path, result.ok(), raw)


def _operation(service: str, path: Path, source: APIOperation[Any, Any, Any, Any], raw: Mapping[str, Any]) -> Operation:
    item: Mapping[str, Any] = raw["paths"][source.path]
    own: Mapping[str, Any] = source.definition.raw
    documented = [str(status) for status in own.get("responses", {})]
    return Operation(
        service=service,
        label=f"{source.method.upper()} {source.path}",
        method=source.method.upper(),
        path=source.path,
        statuses=frozenset(status for text in documented for status in _statuses(text)),
        catches_all="default" in documented,
        secured=_secured(own.get("security", raw.get("security", []))),
        headers=frozenset(parameter.name.lower() for parameter in source.headers),
        methods=frozenset(method for method in METHODS if method.lower() in item),
        source=source,
        document=path,
    )


def _statuses(text: str) -> range:
    if not _STATUS.fullmatch(text):
        return range(0)
    first = int(text[0]) * 100
    return range(first, first + 100) if text[1:].upper() == "XX" else range(int(text), int(text) + 1)


def _secured(requirements: list[Mapping[str, Any]]) -> bool:
    return bool(requirements) and all(requirements)
