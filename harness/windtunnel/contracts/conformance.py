"""Holds what a service answered against its document, and says what the document does not.

Stricter than a client has to be: a member of an answer that no schema names is a finding too, since whoever reads the
document cannot know of it. Bodies are checked by jsonschema-rs (JSON Schema 2020-12).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from windtunnel.contracts.closing import closed
from windtunnel.contracts.document import Answer, Document, Header, Operation, Schema


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One way in which an answer is not what the document says."""

    rule: str
    """Which promise broke: `status-undocumented`, `header-missing`, ..."""
    operation: str
    """`POST /orders`."""
    what: str
    """What came, and what would be right."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.operation}: {self.what}"


class Conformance:
    """One document, ready to be asked about many answers."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._paths = [(_pattern(operation.path), operation) for operation in document.operations]
        self._validators: dict[str, Any] = {}

    def operation(self, method: str, path: str) -> Operation | None:
        """Which one a request belongs to; a path without variables goes before one with them."""
        found = [one for pattern, one in self._paths if one.method == method.upper() and pattern.fullmatch(path)]
        return min(found, key=lambda operation: operation.path.count("{"), default=None)

    def findings(
        self, method: str, path: str, status: int, headers: Mapping[str, str], content: bytes
    ) -> tuple[Finding, ...]:
        """What the document does not say about this answer; empty when it says it all.

        `path` is without query; names in `headers` are in any case.
        """
        operation = self.operation(method, path)
        if operation is None:
            what = "no operation has this method and path"
            return (Finding(rule="route-undocumented", operation=f"{method} {path}", what=what),)
        return tuple(
            Finding(rule=rule, operation=f"{operation.name} -> {status}", what=what)
            for rule, what in self._checked(operation, status, {k.lower(): v for k, v in headers.items()}, content)
        )

    def _checked(
        self, operation: Operation, status: int, headers: Mapping[str, str], content: bytes
    ) -> Iterator[tuple[str, str]]:
        answer = operation.answer(status)
        if answer is None:
            known = ", ".join(operation.answers)
            yield "status-undocumented", f"{status} {_shown(content)}; documented: {known}"
            return
        for name, header in answer.headers.items():
            yield from self._header(name, header, headers.get(name))
        yield from self._content(answer, headers.get("content-type", ""), content)

    def _header(self, name: str, header: Header, value: str | None) -> Iterator[tuple[str, str]]:
        if value is None:
            if header.required:
                yield "header-missing", f"no {name}"
            return
        for error in self._errors(header.schema, _typed(self._document.follow(header.schema), value)):
            yield "header-invalid", f"{name}: {error}"

    def _content(self, answer: Answer, content_type: str, content: bytes) -> Iterator[tuple[str, str]]:
        if not answer.content:
            if content or content_type:
                yield "content-undocumented", f"{content_type or 'content'} where none is documented"
            return
        kind = content_type.partition(";")[0].strip().lower()
        media = answer.content.get(kind)
        if media is None:
            known = ", ".join(answer.content)
            yield "media-type-undocumented", f"{kind or 'none'} {_shown(content)}; documented: {known}"
            return
        if not kind.endswith("json"):
            return
        try:
            value = json.loads(content)
        except ValueError:
            yield "body-unreadable", f"{_shown(content)} is not JSON"
            return
        for error in self._errors(media.schema, value):
            yield "body-invalid", error

    def _errors(self, schema: Schema, value: Any) -> Iterator[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            import jsonschema_rs

            whole = {**closed(schema), "components": self._components, "$schema": _DIALECT}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        errors = list(self._validators[key].iter_errors(value))
        below = [list(error.instance_path) for error in errors]
        for error in errors:
            path = list(error.instance_path)
            # What is wrong further down does not count as named above, and would be told twice.
            echo = any(other[: len(path)] == path and other != path for other in below)
            if error.schema_path[-1] == "unevaluatedProperties" and (echo or not _alone(error, errors)):
                continue
            where = "".join(f"/{part}" for part in error.instance_path)
            yield f"{where or 'the whole'}: {error.message}"

    @cached_property
    def _components(self) -> Any:
        components = self._document.raw.get("components", {})
        schemas = {name: closed(schema, inside=True) for name, schema in components.get("schemas", {}).items()}
        return {**components, "schemas": schemas}


_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SHOWN = 120


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))


def _alone(error: Any, errors: Sequence[Any]) -> bool:
    """Nothing else is wrong in the same place."""
    here = [other for other in errors if list(other.instance_path) == list(error.instance_path)]
    return all(other.schema_path[-1] == "unevaluatedProperties" for other in here)


def _typed(schema: Schema, text: str) -> Any:
    """A header's text as the value that its schema speaks of."""
    kind = schema.get("type")
    try:
        return int(text) if kind == "integer" else float(text) if kind == "number" else text
    except ValueError:
        return text


def _shown(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
