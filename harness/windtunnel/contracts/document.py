"""Reads an OpenAPI 3.1 document into operations whose references are followed; schemas stay as they are written.

A document is self-contained: every `$ref` begins with `#/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from windtunnel.errors import ContractError

Schema = Mapping[str, Any]
"""A JSON Schema (2020-12) as it is written; may hold references into its document."""

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, kw_only=True)
class Media:
    """One form of a body."""

    schema: Schema = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    """Values by the example's name."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """A header of an answer. Not required: it may be left out."""

    required: bool = False
    schema: Schema = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What a request carries outside of its body."""

    name: str
    place: str
    """`path`, `query`, `header` or `cookie`."""
    required: bool = False
    schema: Schema = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Link:
    """From an answer to the operation that can be called next, and what it takes from the exchange."""

    name: str
    target: str
    """Its operationId."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One status of an operation."""

    status: str
    """As written: `200`, `4XX` or `default`."""
    headers: Mapping[str, Header] = field(default_factory=dict)
    """By name, in lower case."""
    content: Mapping[str, Media] = field(default_factory=dict)
    """By media type; empty: the answer has no content."""
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    """In capital letters."""
    path: str
    """The template: `/orders/{order_id}`."""
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Media] = field(default_factory=dict)
    body_required: bool = False
    answers: Mapping[str, Answer] = field(default_factory=dict)
    security: tuple[tuple[str, ...], ...] = ()
    """Alternatives; each names what is needed together, with its scopes. Empty: nothing is needed."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def answer(self, status: int) -> Answer | None:
        """What the document says about that status; None when it says nothing."""
        return self.answer_of(str(status))

    def answer_of(self, status: str) -> Answer | None:
        """The same for a status as documents write it: what is said of `4XX` is said of 404."""
        found = (self.answers.get(key) for key in (status, f"{status[0]}XX", "default"))
        return next((answer for answer in found if answer is not None), None)


@dataclass(frozen=True, kw_only=True)
class Document:
    """One service's whole contract."""

    path: Path
    raw: Mapping[str, Any]
    operations: tuple[Operation, ...]

    def operation(self, operation_id: str) -> Operation:
        """Raises `ContractError` that lists the known ones."""
        for operation in self.operations:
            if operation.id == operation_id:
                return operation
        known = ", ".join(operation.id for operation in self.operations)
        raise ContractError(f"no operation {operation_id!r}; known: {known}", path=self.path)

    def follow(self, node: Any) -> Any:
        """What a node stands for. Raises `ContractError` for a reference that leads nowhere, or in a circle."""
        return follow(self.raw, node, self.path)


def read_document(path: Path) -> Document:
    """Raises `ContractError`: cannot be read, no OpenAPI 3.1, or a reference that leads nowhere."""
    return parse_document(_load(path), path)


def parse_document(raw: Any, path: Path) -> Document:
    """The same for what has been read already; `path` is for messages."""
    version = raw.get("openapi") if isinstance(raw, Mapping) else None
    if not isinstance(version, str) or not version.startswith("3.1."):
        raise ContractError(f"no OpenAPI 3.1 document (openapi: {version!r}); it begins with openapi: 3.1.1", path=path)
    reader = _Reader(raw, path)
    try:
        return Document(path=path, raw=raw, operations=tuple(reader.operations()))
    except (AttributeError, KeyError, TypeError) as trouble:
        raise ContractError(f"not formed as OpenAPI 3.1 has it: {trouble!r}", path=path) from None


def _load(path: Path) -> Any:
    try:
        return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as trouble:
        raise ContractError(f"cannot be read: {trouble.strerror or trouble}", path=path) from None
    except yaml.YAMLError as trouble:
        mark = getattr(trouble, "problem_mark", None)
        what = getattr(trouble, "problem", None) or "unreadable"
        raise ContractError(f"not valid YAML: {what}", path=path, line=mark.line + 1 if mark else 1) from None


def follow(raw: Mapping[str, Any], node: Any, path: Path) -> Any:
    """What a node of the document `raw` stands for. Raises `ContractError`."""
    seen: list[str] = []
    while isinstance(node, Mapping) and "$ref" in node:
        reference = str(node["$ref"])
        if reference in seen or not reference.startswith("#/"):
            why = "leads back to itself" if reference in seen else "is in another file; only references into this one"
            raise ContractError(f"$ref {reference!r} {why}", path=path)
        seen.append(reference)
        node = _at(raw, reference, path)
    return node


def _at(raw: Any, reference: str, path: Path) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        try:
            raw = raw[part.replace("~1", "/").replace("~0", "~")]
        except (KeyError, TypeError):
            raise ContractError(f"$ref {reference!r} leads nowhere: there is no {part!r}", path=path) from None
    return raw


class _Reader:
    def __init__(self, raw: Mapping[str, Any], path: Path) -> None:
        self._raw, self._path = raw, path

    def operations(self) -> Iterator[Operation]:
        for path, item in (self._raw.get("paths") or {}).items():
            for method in METHODS:
                if method in item:
                    yield self._operation(path, method, item, item[method])

    def _operation(self, path: str, method: str, item: Any, node: Any) -> Operation:
        shared = {(p.name, p.place): p for p in self._parameters(item)}
        own = {(p.name, p.place): p for p in self._parameters(node)}
        body = self._follow(node.get("requestBody") or {})
        security = node.get("security", self._raw.get("security") or [])
        return Operation(
            id=node.get("operationId", f"{method} {path}"),
            method=method.upper(),
            path=path,
            parameters=tuple({**shared, **own}.values()),
            body=self._content(body),
            body_required=bool(body.get("required", False)),
            answers={str(status): self._answer(str(status), answer) for status, answer in node["responses"].items()},
            security=tuple(
                tuple(f"{name}({','.join(scopes)})" if scopes else name for name, scopes in sorted(one.items()))
                for one in security
            ),
        )

    def _parameters(self, node: Any) -> Iterator[Parameter]:
        for written in node.get("parameters", ()):
            found = self._follow(written)
            yield Parameter(
                name=found["name"],
                place=found["in"],
                required=bool(found.get("required", False)),
                schema=found.get("schema", {}),
                examples=_examples(found),
            )

    def _answer(self, status: str, written: Any) -> Answer:
        node = self._follow(written)
        headers = {name.lower(): self._follow(header) for name, header in node.get("headers", {}).items()}
        return Answer(
            status=status,
            headers={
                name: Header(required=bool(header.get("required", False)), schema=header.get("schema", {}))
                for name, header in headers.items()
            },
            content=self._content(node),
            links=tuple(self._link(name, link) for name, link in node.get("links", {}).items()),
        )

    def _link(self, name: str, written: Any) -> Link:
        node = self._follow(written)
        return Link(
            name=name,
            target=node["operationId"],
            parameters=node.get("parameters", {}),
            body=node.get("requestBody"),
        )

    def _content(self, node: Any) -> Mapping[str, Media]:
        return {
            name.lower(): Media(schema=media.get("schema", {}), examples=_examples(media))
            for name, media in node.get("content", {}).items()
        }

    def _follow(self, node: Any) -> Any:
        return follow(self._raw, node, self._path)


def _examples(node: Any) -> Mapping[str, Any]:
    if "example" in node:
        return {"example": node["example"]}
    return {name: example["value"] for name, example in node.get("examples", {}).items()}
