"""Requests made from an OpenAPI document, each answer held against it and noted.

walk = Walk(document, client, run="1f")
walk.call("placeOrder", body=walk.example("placeOrder", "mugs"), expects="201")
walk.findings                       # what came and is not documented
walk.unseen()                       # what is documented and did not come
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from windtunnel.contracts import Conformance, Document, Operation, read_document

FOLDER = Path(__file__).parent / "openapi"
SERVICES = ("users", "inventory", "orders", "payments", "bank", "notifications")
PROBLEM = "urn:storefront:problem:"
_MADE = object()


def document_of(service: str) -> Document:
    return read_document(FOLDER / f"{service}.yaml")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    operation: Operation
    path: dict[str, str]
    headers: dict[str, str]
    body: Any
    status: int
    answered: httpx.Headers
    content: bytes

    @property
    def json(self):
        return json.loads(self.content)

    @property
    def kind(self) -> str:
        """Of a problem document; empty for every other answer."""
        if not self.answered.get("content-type", "").startswith("application/problem+json"):
            return ""
        return self.json["type"].removeprefix(PROBLEM)

    @property
    def links(self):
        """What the document says can be done next; nothing where it does not know the answer."""
        answer = self.operation.answer(self.status)
        return answer.links if answer else ()

    @property
    def told(self) -> str:
        """`201`, or `402 declined`."""
        return f"{self.status} {self.kind}".strip()


@dataclass
class Walk:
    """`run` goes into every key, email and name that must be new, so that walks do not meet in one system."""

    document: Document
    client: httpx.Client
    run: str
    token: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def __post_init__(self):
        self._conformance = Conformance(self.document)

    def example(self, operation_id, name):
        """A documented body, made this run's own."""
        return self._own(self.document.operation(operation_id).body["application/json"].examples[name])

    def call(self, operation_id, *, body=_MADE, content=None, expects=None, all_parameters=False, **given):
        """Send it; what is not given comes from the document's examples.

        `given` are parameters and headers, with __ for -; None leaves one out.
        """
        operation = self.document.operation(operation_id)
        parts = self._parameters(operation, all_parameters, {k.replace("__", "-"): v for k, v in given.items()})
        headers = {"Content-Type": "application/json"} if operation.body else {}
        if self.token and operation.security:
            headers["Authorization"] = f"Bearer {self.token}"
        headers |= parts["header"]
        if operation.body and body is _MADE:
            body = self._own(next(iter(operation.body["application/json"].examples.values())))
        if content is None and body is not _MADE:
            content = json.dumps(body).encode()
        path = re.sub(r"\{(\w+)\}", lambda name: quote(parts["path"][name[1]], safe=""), operation.path)
        answer = self.client.request(
            operation.method,
            path,
            params=parts["query"],
            headers={k: v for k, v in headers.items() if v is not None},
            content=content,
        )
        exchange = Exchange(operation, parts["path"], headers, body, answer.status_code, answer.headers, answer.content)
        self._note(exchange, path)
        if expects is not None:
            assert exchange.told == expects, f"{operation.name}: {exchange.told}, not {expects}: {answer.text[:300]}"
        return exchange

    def follow(self, exchange, link):
        """Go where a link of an answer leads."""
        body = _evaluated(link.body, exchange) if link.body is not None else _MADE
        return self.call(link.target, body=body, **self.values(link, exchange))

    def values(self, link, exchange):
        """The parameters that a link gives, as `call` takes them."""
        found = {name.split(".")[-1]: _evaluated(text, exchange) for name, text in link.parameters.items()}
        return {name.replace("-", "__"): value for name, value in found.items()}

    def unseen(self):
        """`placeOrder 402 declined`, for everything that is documented and did not come."""
        return sorted(set(documented(self.document)) - {f"{e.operation.id} {e.told}" for e in self.exchanges})

    def _parameters(self, operation, all_parameters, given):
        parts = {"path": {}, "query": {}, "header": {}}
        for parameter in operation.parameters:
            if parameter.name in given:
                parts[parameter.place][parameter.name] = given.pop(parameter.name)
            elif parameter.required or all_parameters:
                value = next(iter(parameter.examples.values()))
                if parameter.name == "Idempotency-Key":
                    value = f"{value}-{self.run}-{len(self.exchanges)}"
                parts[parameter.place][parameter.name] = self._own(value) if parameter.place == "path" else value
        parts["header"] |= given
        return parts

    def _own(self, value):
        if isinstance(value, dict):
            return {name: self._own(part) for name, part in value.items()}
        if isinstance(value, str):
            return value.replace("@", f"+{self.run}@").replace("order-", f"order-{self.run}-")
        return value

    def _note(self, exchange, path):
        self.exchanges.append(exchange)
        found = self._conformance.findings(
            exchange.operation.method, path, exchange.status, exchange.answered, exchange.content
        )
        self.findings += [str(finding) for finding in found]


def documented(document):
    """`placeOrder 201`, `placeOrder 402 declined`: every answer, and of every error each kind."""
    for operation in document.operations:
        for status, answer in operation.answers.items():
            for media_type, media in (answer.content or {"": None}).items():
                if media_type != "application/problem+json":
                    yield f"{operation.id} {status}"
                    continue
                for kind in media.schema["properties"]["type"]["enum"]:
                    yield f"{operation.id} {status} {kind.removeprefix(PROBLEM)}"


def _evaluated(expression, exchange):
    """A runtime expression of OpenAPI 3.1 (4.8.20.4), alone or within a text."""
    if not isinstance(expression, str):
        return expression
    if expression.startswith("$"):
        return _value(expression, exchange)
    return re.sub(r"\{(\$[^}]+)\}", lambda found: str(_value(found[1], exchange)), expression)


def _value(expression, exchange):
    source, _, pointer = expression.partition("#/")
    if source.startswith("$request.path."):
        return exchange.path[source.removeprefix("$request.path.")]
    if source.startswith("$request.header."):
        return exchange.headers[source.removeprefix("$request.header.")]
    value = {"$request.body": lambda: exchange.body, "$response.body": lambda: exchange.json}[source]()
    for part in filter(None, pointer.split("/")):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value
