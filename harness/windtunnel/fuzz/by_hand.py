"""Requests that are wrong in ways people have thought of: one line of the table each, with what must come of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from windtunnel.fuzz.operations import METHODS, Operation
from windtunnel.fuzz.shots import Expectation, Shot, body_bytes

Spoil = Callable[[requests.PreparedRequest], None]
OVERSIZED: Final = 2**20
"""Bytes; more than any service of JSON takes."""
LONG_HEADER: Final = 4096
"""Bytes. Servers take 8 KB of headers at least: this must be answered, not refused."""


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """One way to spoil a valid request."""

    name: str
    why: str
    expects: Expectation
    spoil: Spoil


def _body(content: bytes) -> Spoil:
    def spoil(request: requests.PreparedRequest) -> None:
        request.body = content
        request.headers["Content-Length"] = str(len(content))

    return spoil


def _header(name: str, value: str | None) -> Spoil:
    def spoil(request: requests.PreparedRequest) -> None:
        if value is None:
            request.headers.pop(name, None)
        else:
            request.headers[name] = value

    return spoil


def _query(text: str) -> Spoil:
    def spoil(request: requests.PreparedRequest) -> None:
        request.url = f"{request.url}{'&' if '?' in str(request.url) else '?'}{text}"

    return spoil


def _bodies() -> Iterator[ByHand]:
    for name, why, content in (
        ("broken JSON", "it ends in the middle", b'{"a": '),
        ("no body", "nothing where an object should be", b""),
        ("null", "JSON, but no object", b"null"),
        ("a list", "JSON, but no object", b"[]"),
        ("a text", "JSON, but no object", b'"text"'),
        ("deep nesting", "a recursive parser runs out of stack", b"[" * 20_000),
        ("a number without end", "a whole number of 5000 digits", b'{"a": ' + b"9" * 5000 + b"}"),
        ("not a number", "NaN is no JSON, but Python's parser takes it", b'{"a": NaN}'),
        ("bytes that are no UTF-8", "they cannot be decoded", b'{"a": "\xff\xfe\xfa"}'),
        ("UTF-16", "JSON is UTF-8", '{"a": 1}'.encode("utf-16")),
        ("a lone surrogate", "a text that cannot be encoded again", b'{"a": "\\ud800"}'),
        ("NUL in a text", "databases and C libraries stop there", b'{"a": "x\\u0000y"}'),
        ("NUL bytes", "not even text", b"\0" * 64),
        (
            "an object without known fields",
            "whatever is in it is not what was asked for",
            b'{"\\u202e": "\\ud83d\\udca9"}',
        ),
    ):
        yield ByHand(name=name, why=why, expects="refused", spoil=_body(content))
    yield ByHand(
        name="an oversized body", why="memory is finite", expects="refused", spoil=_body(b" " * OVERSIZED + b"{}")
    )
    for name, value in (
        ("a wrong content type", "text/plain"),
        ("a form", "application/x-www-form-urlencoded"),
        ("no content type", None),
        ("a content type that is none", "application/json/json; ;=,"),
    ):
        spoil = _header("Content-Type", value)
        yield ByHand(name=name, why="the body is not what it says", expects="refused", spoil=spoil)


BODIES: Final = tuple(_bodies())
"""For operations that take a JSON body."""

ANY: Final = (
    ByHand(
        name="a long header",
        why="within what every server takes",
        expects="",
        spoil=_header("X-Padding", "x" * LONG_HEADER),
    ),
    ByHand(
        name="a header that is no ASCII",
        why="bytes above 127 are allowed",
        expects="",
        spoil=_header("X-Odd", "\xe9\xff"),
    ),
    ByHand(name="a long query", why="nobody asked for it", expects="", spoil=_query("q=" + "x" * 4000)),
    ByHand(name="odd Unicode in the query", why="NUL, surrogate halves", expects="", spoil=_query("%00=%ed%a0%80%ff")),
    ByHand(
        name="an answer type that is not offered",
        why="a client may ask for anything",
        expects="",
        spoil=_header("Accept", "image/png"),
    ),
)
"""For every operation: documented answers, whatever they are."""


def _credentials() -> Iterator[ByHand]:
    for name, why, value in (
        ("no credentials", "nobody is asking", None),
        ("empty credentials", "a scheme and nothing else", "Bearer "),
        ("another scheme", "valid for somebody else", "Basic dXNlcjpwYXNz"),
        ("a made-up token", "three parts, none of them right", "Bearer aaaa.bbbb.cccc"),
        ("a token that is no text", "bytes above 127", "Bearer \xff\xfe"),
        ("a very long token", "within what every server takes", "Bearer " + "x" * LONG_HEADER),
    ):
        yield ByHand(name=name, why=why, expects="unauthorized", spoil=_header("Authorization", value))


CREDENTIALS: Final = tuple(_credentials())
"""For operations that want credentials."""


def forged_tokens(authorization: str) -> Mapping[str, str]:
    """From a valid JWT in an Authorization header, those that nobody signed. Empty when it holds none."""
    scheme, _, token = authorization.partition(" ")
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        head, claims = (json.loads(_decoded(part)) for part in parts[:2])
    except ValueError:
        return {}
    longer = {**claims, "exp": int(claims.get("exp", 0)) + 10**6}
    other = {**claims, "sub": "somebody-else"}
    signature = parts[2]
    # The last character may carry padding bits alone: the first one never does.
    flipped = ("A" if signature[:1] != "A" else "B") + signature[1:]
    return {
        "a token whose signature was changed": f"{scheme} {parts[0]}.{parts[1]}.{flipped}",
        "a token without a signature": f"{scheme} {parts[0]}.{parts[1]}.",
        "a token of algorithm none": f"{scheme} {_encoded({**head, 'alg': 'none'})}.{parts[1]}.",
        "a token of algorithm None": f"{scheme} {_encoded({**head, 'alg': 'None'})}.{parts[1]}.{signature}",
        "a token that was prolonged": f"{scheme} {parts[0]}.{_encoded(longer)}.{signature}",
        "a token of somebody else": f"{scheme} {parts[0]}.{_encoded(other)}.{signature}",
    }


def spoiled(operation: Operation, valid: Shot, bad_credentials: Mapping[str, Mapping[str, str]]) -> Iterator[Shot]:
    """Every case of the table that is for this operation, made from a request that was answered well."""
    table = list(ANY)
    if str(valid.prepared.headers.get("Content-Type", "")).startswith("application/json") and body_bytes(valid):
        table += BODIES
    if operation.secured:
        table += CREDENTIALS
        for name, value in forged_tokens(str(valid.prepared.headers.get("Authorization", ""))).items():
            spoil = _header("Authorization", value)
            table.append(ByHand(name=name, why="nobody signed it", expects="unauthorized", spoil=spoil))
        for name, headers in bad_credentials.items():
            table.append(ByHand(name=name, why="its owner says so", expects="unauthorized", spoil=_headers(headers)))
    for method in METHODS:
        # HEAD goes with GET, OPTIONS belongs to the framework, TRACE is refused by many servers before they route.
        if method not in operation.methods and method not in ("HEAD", "OPTIONS", "TRACE"):
            table.append(ByHand(name=method, why="not documented", expects="not allowed", spoil=_method(method)))
    for entry in table:
        prepared = valid.prepared.copy()
        entry.spoil(prepared)
        yield Shot(kind="by hand", name=entry.name, case=valid.case, prepared=prepared, expects=entry.expects)


def _method(method: str) -> Spoil:
    def spoil(request: requests.PreparedRequest) -> None:
        request.method = method

    return spoil


def _headers(headers: Mapping[str, str]) -> Spoil:
    def spoil(request: requests.PreparedRequest) -> None:
        request.headers.update(headers)

    return spoil


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
