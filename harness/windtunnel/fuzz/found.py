"""Cases that were found once and stay: `found/*.yaml`, each a request and what it must be answered, replayed always.

    found: windtunnel/v1
    title: An order with a lone surrogate is refused
    operation: "orders: POST /orders"
    request: {headers: {Content-Type: application/json}, body: '{"sku": "\\\\ud800"}'}
    fault: orders->payments black-holed      # optional
    expect: [422]

The visitor completes it, so that credentials and fresh keys need not be in the file.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from windtunnel.document import Value, unknown
from windtunnel.errors import SpecError
from windtunnel.fuzz.faults import FAULTS
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.shots import BORING, SECRET, Shot, body_bytes
from windtunnel.strict_yaml import load_yaml
from windtunnel.topology.model import Topology
from windtunnel.topology.reader import status

FORMAT = "windtunnel/v1"
MOST_BODY = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Found:
    """One such case."""

    path: Path
    title: str
    operation: str
    """`orders: POST /orders`."""
    method: str
    target: str
    """Path and query as they are sent; empty: those of a valid request, as with headers and body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    """Headers that are taken away."""
    body: bytes | None = None
    edge: str = ""
    fault: str = ""
    expect: frozenset[int] = frozenset()

    @property
    def id(self) -> str:
        return f"found: {self.path.stem}"


def read_found(folder: Path, topology: Topology, operations: Iterable[Operation]) -> tuple[Found, ...]:
    """All cases of a folder. Raises `SpecError` with file and line."""
    known = {operation.name: operation for operation in operations}
    return tuple(_read(path, topology, known) for path in sorted(folder.glob("*.yaml")))


def _read(path: Path, topology: Topology, known: Mapping[str, Operation]) -> Found:
    document, _ = load_yaml(path, SpecError)
    fields = document.fields(
        required=("found", "title", "operation", "request", "expect"), optional=("fault", "because")
    )
    fields["found"].choice("format", (FORMAT,))
    operation = known[fields["operation"].choice("operation", tuple(known))]
    request = fields["request"].fields(optional=("method", "target", "headers", "without", "body", "body_base64"))
    method = request.read("method", Value.text, operation.method)
    if method != operation.method and method in operation.methods:
        raise request["method"].refusal(
            f"{method} is another operation; write {operation.method}, or a method that is not documented"
        )
    edge, fault = fields.read("fault", lambda value: _fault(value, topology), ("", ""))
    return Found(
        path=path,
        title=fields["title"].text(),
        operation=operation.name,
        method=method,
        target=request.read("target", _target, ""),
        headers=request.read("headers", _headers, {}),
        without=request.read("without", Value.texts, ()),
        body=_body(request.get("body"), request.get("body_base64")),
        edge=edge,
        fault=fault,
        expect=frozenset(status(item) for item in fields["expect"].sequence(minimum=1)),
    )


def describe_found(operation: Operation, shot: Shot, base_url: str, fault: str, wrong: list[str]) -> str:
    """The case as a file of `found/`, to be kept; its `expect` is what the document allows, but for a 500."""
    body = body_bytes(shot)[:MOST_BODY]
    request: dict[str, object] = {
        "method": str(shot.prepared.method),
        "target": str(shot.prepared.url).removeprefix(base_url),
        "headers": {
            name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in shot.prepared.headers.items()
            if name.lower() not in BORING | SECRET
        },
    }
    if shot.prepared.body is not None or operation.source.body:
        text = body.decode("ascii", "replace")
        printable = text.isprintable() and "\ufffd" not in text
        request["body" if printable else "body_base64"] = text if printable else base64.b64encode(body).decode()
    if operation.secured and "Authorization" not in shot.prepared.headers:
        request["without"] = ["Authorization"]
    plain: dict[str, object] = {
        "found": FORMAT,
        "title": f"{operation.label} is answered as documented: {shot.name}",
        "because": wrong[0],
        "operation": operation.name,
        "request": request,
    }
    if fault:
        plain["fault"] = fault
    plain["expect"] = sorted(operation.statuses - {500}) or [200]
    return yaml.safe_dump(plain, sort_keys=False, width=110, allow_unicode=False)


def _target(value: Value) -> str:
    text = value.text()
    if not text.startswith("/") or urlsplit(text).netloc:
        raise value.refusal(f"{text!r} is no target; write a path, with its query if it has one")
    return text


def _headers(value: Value) -> Mapping[str, str]:
    return {name: entry.value.scalar() for name, entry in value.mapping().items()}


def _body(text: Value | None, encoded: Value | None) -> bytes | None:
    if text is not None and encoded is not None:
        raise encoded.refusal("body and body_base64 exclude each other; give one")
    if encoded is not None:
        return encoded.parse(_decoded)
    return None if text is None else text.scalar().encode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base 64: {error}") from None


def _fault(value: Value, topology: Topology) -> tuple[str, str]:
    edge, _, word = value.text().rpartition(" ")
    names = [each.name for each in topology.edges]
    if edge not in names:
        raise value.refusal(unknown("edge", edge, names))
    if word not in FAULTS:
        raise value.refusal(unknown("fault", word, FAULTS))
    return edge, word
