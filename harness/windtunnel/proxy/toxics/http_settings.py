"""Attributes of toxics on HTTP requests, read strictly: a rule that was misread would hit the wrong requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from windtunnel.request_match import RequestMatch, read_match

Read = Callable[[str, object], Any]
"""Makes an attribute's value of plain data; raises ValueError."""
LONGEST_BODY = 64 * 1024
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
_LINE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,2048}")
LONGEST_DELAY = 24 * 3600 * 1000


def attribute(read: Read, default: Any) -> Any:
    """A field of a settings class that is an attribute in the API."""
    return field(default=default, metadata={"read": read})


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """Base. `match` says which requests; the default is every one."""

    match: RequestMatch = field(default_factory=RequestMatch, metadata={"read": lambda _, value: read_match(value)})

    @classmethod
    def read(cls, given: Mapping[str, object], current: Self | None) -> Self:
        """`current` (else the defaults) with the given attributes put over it. Raises ValueError."""
        readers: dict[str, Read] = {each.name: each.metadata["read"] for each in fields(cls)}
        values = {name: getattr(current, name) for name in readers} if current is not None else {}
        for name, value in given.items():
            if name not in readers:
                raise ValueError(f"attributes.{name[:40]}: unknown; known: {', '.join(sorted(readers))}")
            if value is not None:
                values[name] = readers[name](name, value)
        settings = cls(**values)
        settings.check()
        return settings

    def check(self) -> None:
        """What attributes must be together. Raises ValueError."""

    def attributes(self) -> dict[str, object]:
        """As the API shows them."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        shown = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {**shown, "match": self.match.plain()}


def whole(least: int, most: int) -> Read:
    """An integer from `least` to `most`."""

    def read(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"attributes.{name}: want an integer from {least} to {most}, got {shown(value)}")
        return value

    return read


def share(name: str, value: object) -> float:
    """A number from 0 to 1, 1 excluded."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"attributes.{name}: want a number from 0 up to, but not, 1, got {shown(value)}")
    return float(value)


def word(*known: str) -> Read:
    """One of these words."""

    def read(name: str, value: object) -> str:
        if value not in known:
            raise ValueError(f"attributes.{name}: want {' or '.join(map(repr, known))}, got {shown(value)}")
        return str(value)

    return read


def body_text(name: str, value: object) -> str:
    """A text that fits into an answer."""
    if not isinstance(value, str) or len(value) > LONGEST_BODY:
        raise ValueError(f"attributes.{name}: want a text of at most {LONGEST_BODY} characters, got {shown(value)}")
    return value


def header_line(name: str, value: object) -> str:
    """A text that fits into a header."""
    if not isinstance(value, str) or not _LINE.fullmatch(value) or value != value.strip():
        raise ValueError(f"attributes.{name}: want the value of a header, on one line, got {shown(value)}")
    return value


def header_names(name: str, value: object) -> tuple[str, ...]:
    """Names of headers that can be removed."""
    if not isinstance(value, list | tuple) or len(value) > 32:
        raise ValueError(f'attributes.{name}: want an array such as ["ETag"], got {shown(value)}')
    return tuple(_changeable(name, each) for each in value)


def header_values(name: str, value: object) -> Mapping[str, str]:
    """Headers that can be set."""
    if not isinstance(value, Mapping) or len(value) > 32:
        raise ValueError(f'attributes.{name}: want an object such as {{"X-Cache": "stale"}}, got {shown(value)}')
    return {_changeable(name, each): header_line(f"{name}.{each}", text) for each, text in value.items()}


def shown(value: object) -> str:
    """The value, for a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "upgrade", "trailer", "te", "keep-alive"})


def _changeable(name: str, header: object) -> str:
    if not isinstance(header, str) or not _TOKEN.fullmatch(header):
        raise ValueError(f"attributes.{name}: {shown(header)} is no header name")
    if header.lower() in FRAMING:
        raise ValueError(f"attributes.{name}: {header} says where messages end, or when the connection does; leave it")
    return header
