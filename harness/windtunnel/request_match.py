"""Which requests an HTTP fault is for: what a request looks like, and which of those that look so.

    {"method": "POST", "path": "/orders/{id}", "headers": {"x-tenant": "blue"}, "scope": "trace", "first": 2}

Plain data, shared by the proxy that judges by it, the client that sends it, and the experiment that writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Scope = Literal["armed", "connection", "trace"]
"""What is counted together: all requests since the fault came, those of one connection, those of one trace."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
COUNTS = ("first", "nth", "after", "every")
MOST_HEADERS = 32
LONGEST_TEXT = 2048

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")


@dataclass(frozen=True, kw_only=True)
class RequestMatch:
    """Every request, unless something is said.

    At most one of `first`, `nth`, `after`, `every` is given; each is at least 1.
    """

    method: str = ""
    """As sent: methods are case-sensitive. Empty: any."""
    path: str = ""
    """A template: `{name}` stands for one segment, `/*` at the end for all below. The query is not looked at.
    Empty: any."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; every one must be there and be like this, `*` standing for any text."""
    scope: Scope = "armed"
    first: int = 0
    """The first so many."""
    nth: int = 0
    """That one alone, counted from 1."""
    after: int = 0
    """All but the first so many."""
    every: int = 0
    """The n-th, the 2n-th, and so on."""

    def plain(self) -> dict[str, object]:
        """As the API has it: what is given, and nothing else."""
        given: dict[str, object] = {}
        for name in ("method", "path"):
            if getattr(self, name):
                given[name] = getattr(self, name)
        if self.headers:
            given["headers"] = dict(self.headers)
        if self.scope != "armed":
            given["scope"] = self.scope
        return given | {name: getattr(self, name) for name in COUNTS if getattr(self, name)}

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self.plain().items()) or "every request"

    def selects(self, ordinal: int) -> bool:
        """Whether the n-th request that looks right, counted from 1 within the scope, is one of them."""
        if self.first:
            return ordinal <= self.first
        if self.nth:
            return ordinal == self.nth
        if self.after:
            return ordinal > self.after
        return not self.every or ordinal % self.every == 0


def read_match(given: object) -> RequestMatch:
    """A match from plain data, as JSON has it. Raises ValueError with one clear line."""
    if not isinstance(given, Mapping):
        raise ValueError('match: want an object such as {"method": "POST", "path": "/orders/{id}"}')
    readers: Mapping[str, Callable[[str, object], object]] = {
        "method": _method,
        "path": _path,
        "headers": _headers,
        "scope": _scope,
        **dict.fromkeys(COUNTS, _count),
    }
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in readers:
            raise ValueError(f"match: unknown key {str(name)[:40]!r}; known: {', '.join(readers)}")
        if value is not None:
            values[name] = readers[name](name, value)
    counts = [name for name in COUNTS if values.get(name)]
    if len(counts) > 1:
        raise ValueError(f"match: {' and '.join(counts)} exclude each other; give one")
    return RequestMatch(**values)  # type: ignore[arg-type]


def path_pattern(template: str) -> re.Pattern[str]:
    """What a template stands for, to be matched against a whole path."""
    base, below = (template[:-1], ".*") if template.endswith("/*") else (template, "")
    literals = [re.escape(part) for part in _PLACEHOLDER.split(base)]
    return re.compile("[^/]+".join(literals) + below, re.DOTALL)


def text_pattern(text: str) -> re.Pattern[str]:
    """A text in which `*` stands for any text."""
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def _method(name: str, value: object) -> str:
    text = _text(name, value)
    if not _TOKEN.fullmatch(text) or len(text) > 64:
        raise ValueError(f"match.method: {text[:40]!r} is no method; write one such as POST")
    return text


def _path(name: str, value: object) -> str:
    text = _text(name, value)
    if text != "*" and (not text.startswith("/") or "?" in text or "#" in text):
        raise ValueError(f"match.path: {text[:40]!r} is no path; write one such as /orders/{{id}}, without a query")
    if set("{}") & set(_PLACEHOLDER.sub("", text)):
        raise ValueError(f"match.path: {text[:40]!r} has a brace that is no placeholder; write {{name}}")
    if "*" in text[:-1] or (text.endswith("*") and not text.endswith("/*") and text != "*"):
        raise ValueError(f"match.path: {text[:40]!r}: '*' stands alone after the last slash, as in /orders/*")
    return text


def _headers(name: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError('match.headers: want an object such as {"x-tenant": "blue"}')
    if len(value) > MOST_HEADERS:
        raise ValueError(f"match.headers: {len(value)} headers; at most {MOST_HEADERS}")
    headers = {}
    for key, text in value.items():
        if not isinstance(key, str) or not _TOKEN.fullmatch(key):
            raise ValueError(f"match.headers: {str(key)[:40]!r} is no header name")
        headers[key.lower()] = _text(f"headers.{key[:40]}", text)
    return headers


def _scope(name: str, value: object) -> Scope:
    for scope in SCOPES:
        if value == scope:
            return scope
    raise ValueError(f"match.scope: unknown scope {str(value)[:40]!r}; known: {', '.join(SCOPES)}")


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
        raise ValueError(f"match.{name}: want a whole number of at least 1, got {str(value)[:40]}")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_TEXT:
        raise ValueError(f"match.{name}: want a text of 1 to {LONGEST_TEXT} characters")
    return value
