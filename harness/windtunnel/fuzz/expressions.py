"""Runtime expressions of OpenAPI 3.1 (4.8.20.4): what a link takes from the request and the answer before it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from windtunnel.errors import WindtunnelError
from windtunnel.fuzz.operations import Operation
from windtunnel.fuzz.shots import Answer, Shot, body_bytes

_EMBEDDED = re.compile(r"\{(\$[^}]+)\}")


class NoValueError(WindtunnelError):
    """A link names something that the exchange does not have."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer."""

    operation: Operation
    shot: Shot
    answer: Answer


def evaluate(expression: Any, exchange: Exchange) -> Any:
    """The value of an expression, alone, within a text (`Bearer {$response.body#/token}`), or within a structure.

    What is no expression is a constant. Raises `NoValueError` when the exchange has no such thing.
    """
    if isinstance(expression, Mapping):
        return {name: evaluate(part, exchange) for name, part in expression.items()}
    if isinstance(expression, list):
        return [evaluate(part, exchange) for part in expression]
    if not isinstance(expression, str):
        return expression
    if expression.startswith("$"):
        return _value(expression, exchange)
    return _EMBEDDED.sub(lambda found: str(_value(found[1], exchange)), expression)


def at_pointer(document: Any, pointer: str) -> Any:
    """What a JSON Pointer (RFC 6901) leads to. Raises LookupError or ValueError when it leads nowhere."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(document, (dict, list)):
            raise LookupError(key)
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def _value(expression: str, exchange: Exchange) -> Any:
    source, _, pointer = expression.partition("#")
    parts = source.split(".", 2)  # $request.header.X-Request-Id
    place, name = ".".join(parts[:2]), "".join(parts[2:])
    if place not in _SOURCES:
        raise NoValueError(f"{expression} is no runtime expression; known: {', '.join(_SOURCES)}")
    try:
        value = _SOURCES[place](exchange, name)
        return at_pointer(value, pointer) if pointer else value
    except (LookupError, ValueError):
        raise NoValueError(f"{expression} is not in the exchange that it is to be taken from") from None


def _answered(exchange: Exchange) -> Any:
    if exchange.answer.response is None:
        raise LookupError
    return exchange.answer.response


_SOURCES: Final[Mapping[str, Callable[[Exchange, str], Any]]] = {
    "$url": lambda exchange, _: exchange.shot.prepared.url,
    "$method": lambda exchange, _: exchange.shot.prepared.method,
    "$statusCode": lambda exchange, _: _answered(exchange).status_code,
    "$request.path": lambda exchange, name: exchange.shot.case.path_parameters[name],
    "$request.query": lambda exchange, name: exchange.shot.case.query[name],
    "$request.header": lambda exchange, name: exchange.shot.prepared.headers[name],
    "$request.body": lambda exchange, _: json.loads(body_bytes(exchange.shot)),
    "$response.header": lambda exchange, name: _answered(exchange).headers[name],
    "$response.body": lambda exchange, _: _answered(exchange).json(),
}
