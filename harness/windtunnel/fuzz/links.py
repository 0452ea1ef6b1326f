"""OpenAPI links: which request may follow an answer, and what of the exchange goes into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from schemathesis import Case

from windtunnel.document import unknown
from windtunnel.errors import SpecError
from windtunnel.fuzz.expressions import Exchange, NoValueError, evaluate
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.shots import Gun, Shot

GOOD = frozenset(range(200, 300))
SAFE = ("GET", "HEAD")
UNFINISHED = (202, 503, 504)
"""Statuses that are not the last word, where the document has a link that sends the same again."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """From one answer of an operation to the operation that may be asked next."""

    name: str
    source: Operation
    status: str
    """As the document writes it: `201`, `2XX`, `default`."""
    target: Operation
    parameters: Mapping[str, Any]
    body: Any = None
    """An expression for the whole body; None: that of a valid request."""

    @property
    def id(self) -> str:
        """`orders: placeOrder 201 readOrder`."""
        return f"{self.source.service}: {self.source.id} {self.status} {self.name}"

    @property
    def good(self) -> bool:
        """It belongs to a success."""
        return self.status.startswith("2")

    @property
    def replay(self) -> bool:
        """It sends the same request again: it takes everything from the request, and nothing from the answer."""
        same = self.source.name == self.target.name
        return same and all(isinstance(e, str) and e.startswith("$request.") for e in self._expressions())

    def identities(self) -> Iterator[str]:
        """Pointers into the answer by which the link names what the answer is about: `/id`."""
        for expression in self.parameters.values():
            if isinstance(expression, str) and expression.startswith("$response.body#/"):
                yield expression.removeprefix("$response.body#")

    def _expressions(self) -> Iterator[Any]:
        yield from self.parameters.values()
        if self.body is not None:
            yield self.body


class Links:
    """All links of a system's documents."""

    def __init__(self, links: Iterable[Link]) -> None:
        self.all = tuple(links)

    def of(self, operation: Operation) -> tuple[Link, ...]:
        """Those of all its answers, in the order of the document."""
        return tuple(link for link in self.all if link.source.name == operation.name)

    def after(self, operation: Operation, status: int | None) -> tuple[Link, ...]:
        """Those of one answer. As in a document: what is said of 201 goes before what is said of 2XX and the rest."""
        said = operation.source.definition.raw.get("responses", {})
        written = {str(key).upper(): str(key) for key in said}
        keys = (str(status), f"{str(status)[0]}XX", "DEFAULT") if status is not None else ()
        key = next((written[each] for each in keys if each in written), None)
        return tuple(link for link in self.of(operation) if link.status == key)

    def again(self, operation: Operation, status: int | None) -> Link | None:
        """The link by which a client sends the same again after that answer, where the document has one."""
        return next((link for link in self.after(operation, status) if link.replay), None)

    def unfinished(self, operation: Operation, status: int | None) -> Link | None:
        """The same where that answer is not the last word: the document tells the client to come again."""
        return self.again(operation, status) if status in UNFINISHED else None

    def __len__(self) -> int:
        return len(self.all)


NO_LINKS = Links(())


def links_of(operations: Iterable[Operation]) -> Links:
    """Every link of every document. Raises `SpecError` for one that leads nowhere or names an unknown parameter."""
    known = tuple(operations)
    return Links(link for operation in known for link in _links(operation, known))


def linked_shot(link: Link, exchange: Exchange, template: Case[Any], gun: Gun) -> Shot:
    """The request that the link describes; `template` is a valid one, for what the link leaves open.

    Raises `NoValueError` when the exchange does not have what the link takes from it.
    """
    parts = {
        "path": dict(template.path_parameters),
        "query": dict(template.query),
        "header": dict(template.headers),
        "cookie": dict(template.cookies),
    }
    for written, expression in link.parameters.items():
        place, name = _place(link, written)
        value = evaluate(expression, exchange)
        if value is None:
            raise NoValueError(f"{expression} is null, and {name} must have a value")
        parts[place][name] = str(value) if place == "header" else value
    case = link.target.source.Case(
        path_parameters=parts["path"],
        query=parts["query"],
        headers=parts["header"],
        cookies=parts["cookie"],
        body=_own_body(template) if link.body is None else evaluate(link.body, exchange),
        media_type=template.media_type,
    )
    case.id = f"link-{link.name}"
    return gun.load(case, "link", link.name)


def _own_body(template: Case[Any]) -> Any:
    """A copy; what stands for no body is compared by identity, and has none."""
    return deepcopy(template.body) if isinstance(template.body, (dict, list)) else template.body


def _links(operation: Operation, known: tuple[Operation, ...]) -> Iterator[Link]:
    root: Mapping[str, Any] = operation.source.schema.raw_schema
    for status, said in operation.source.definition.raw.get("responses", {}).items():
        for name, raw in _followed(root, said).get("links", {}).items():
            written = _followed(root, raw)
            where = f"{operation.label} {status}: link {name}"
            link = Link(
                name=str(name),
                source=operation,
                status=str(status),
                target=_target(operation, written, known, where),
                parameters=dict(written.get("parameters", {})),
                body=written.get("requestBody"),
            )
            for parameter in link.parameters:
                _place(link, parameter)
            yield link


def _target(operation: Operation, written: Mapping[str, Any], known: tuple[Operation, ...], where: str) -> Operation:
    """By id, or by `#/paths/~1orders/get` of the same document."""
    own = {each.id: each for each in known if each.document == operation.document}
    own |= {
        f"#/paths/{each.path.replace('~', '~0').replace('/', '~1')}/{each.method.lower()}": each
        for each in own.values()
    }
    name = written.get("operationId") or written.get("operationRef") or ""
    if name not in own:
        shown = [each for each in own if not each.startswith("#")]
        raise SpecError(f"{where}: {unknown('operation', str(name), shown)}", path=operation.document)
    return own[name]


def _place(link: Link, written: str) -> tuple[str, str]:
    """Where a parameter goes: `path.order_id` says so itself, of `order_id` the operation it leads to does."""
    place, dot, name = written.partition(".")
    if dot and place in ("path", "query", "header", "cookie"):
        return place, name
    for parameter in link.target.source.iter_parameters():
        if parameter.name.lower() == written.lower():
            return parameter.location.value, parameter.name
    raise SpecError(
        f"{link.source.label} {link.status}: link {link.name}: {link.target.label} has no parameter {written}",
        path=link.source.document,
    )


def _followed(root: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """What a node stands for; references within the document only."""
    for _ in range(20):
        if not isinstance(node, Mapping):
            return {}
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return node
        node = root
        for part in reference.split("/")[1:]:
            node = node.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(node, Mapping) else {}
    return {}
