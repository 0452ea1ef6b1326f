"""Compares two documents of one service and says what breaks a consumer, in the words of the rule that broke.

operations ──> parameters, bodies        rules on requests
    └──> answers ──> headers, bodies     rules on answers, rules on responses
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from windtunnel.contracts.document import Document, Media, Operation
from windtunnel.contracts.rules import (
    ON_ANSWERS,
    ON_OPERATIONS,
    ON_REQUESTS,
    ON_RESPONSES,
    Answers,
    Operations,
    Rule,
    Severity,
    Shapes,
)
from windtunnel.contracts.shape import shape_of

_DEEPEST = 20


@dataclass(frozen=True, kw_only=True)
class Change:
    """One rule that broke in one place."""

    rule: str
    severity: Severity
    where: str
    """`POST /orders -> 201: body/items/*/sku`."""
    what: str
    right: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.rule}: {self.where}: {self.what}; right: {self.right}"


def compare(old: Document, new: Document) -> tuple[Change, ...]:
    """What has changed for the worse, in the order of the old document; what was only added is no change here.

    Raises `ContractError` for a reference that leads nowhere.
    """
    return tuple(_Comparison(old, new).changes())


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new

    def changes(self) -> Iterator[Change]:
        now = {_key(operation): operation for operation in self._new.operations}
        for old in self._old.operations:
            new = now.get(_key(old))
            yield from _broken(ON_OPERATIONS, Operations(old, new), old.name)
            if new is not None:
                yield from self._request(old, new)
                yield from self._answers(old, new)

    def _request(self, old: Operation, new: Operation) -> Iterator[Change]:
        # A variable of a path may have another name: its place tells which it is.
        before, now = ({p.name.lower(): p for p in o.parameters if p.place != "path"} for o in (old, new))
        pairs = [(before[name], now[name]) for name in before if name in now]
        pairs += zip(*([p for p in o.parameters if p.place == "path"] for o in (old, new)), strict=False)
        for one, other in pairs:
            where = f"{old.name}: {one.place} parameter {one.name}"
            yield from self._schemas(ON_REQUESTS, one.schema, other.schema, where)
        yield from self._bodies(ON_REQUESTS, old.body, new.body, f"{old.name}: body")

    def _answers(self, old: Operation, new: Operation) -> Iterator[Change]:
        for status, before in old.answers.items():
            now = new.answer_of(status)
            if now is None:
                continue
            where = f"{old.name} -> {status}"
            yield from _broken(ON_ANSWERS, Answers(before, now), where)
            for name in before.headers.keys() & now.headers.keys():
                one, other = before.headers[name].schema, now.headers[name].schema
                yield from self._schemas(ON_RESPONSES, one, other, f"{where}: header {name}")
            yield from self._bodies(ON_RESPONSES, before.content, now.content, f"{where}: body")

    def _bodies(self, rules: Sequence[Rule[Shapes]], old: Any, new: Any, where: str) -> Iterator[Change]:
        for form, media in old.items():
            other: Media | None = new.get(form)
            if other is not None:
                yield from self._schemas(rules, media.schema, other.schema, where)

    def _schemas(
        self, rules: Sequence[Rule[Shapes]], old: Any, new: Any, where: str, depth: int = 0
    ) -> Iterator[Change]:
        if depth > _DEEPEST:  # a schema that holds itself says the same again
            return
        pair = Shapes(shape_of(self._old, old), shape_of(self._new, new))
        yield from _broken(rules, pair, where)
        for name, schema in pair.old.properties.items():
            if name in pair.new.properties:
                yield from self._schemas(rules, schema, pair.new.properties[name], f"{where}/{name}", depth + 1)
        if pair.old.others is not None and pair.new.others is not None:
            yield from self._schemas(rules, pair.old.others, pair.new.others, f"{where}/(any)", depth + 1)
        if pair.old.items is not None and pair.new.items is not None:
            yield from self._schemas(rules, pair.old.items, pair.new.items, f"{where}/*", depth + 1)


def _broken(rules: Sequence[Rule[Any]], pair: Any, where: str) -> Iterator[Change]:
    for rule in rules:
        for what in rule.broken(pair):
            yield Change(rule=rule.name, severity=rule.severity, where=where, what=what, right=rule.right)


def _key(operation: Operation) -> tuple[str, str]:
    """The name of a path's variable is nobody's business but the document's."""
    parts = ("{}" if part.startswith("{") else part for part in operation.path.split("/"))
    return operation.method, "/".join(parts)
