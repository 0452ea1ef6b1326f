"""A structured file whose every value knows where it stands: file and line.

Readers ask a value for what they expect of it (`text()`, `fields(...)`, `parse(...)`) and get either that, typed, or an
error of one line: where, what was found, what would be right. Nothing here knows YAML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal, TypeVar

from windtunnel.errors import BadInputError

T = TypeVar("T")
D = TypeVar("D")
Kind = Literal["text", "number", "boolean", "nothing", "list", "mapping"]

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """`unknown key 'jiter'; known: jitter, latency`: the nearest comes first, the others follow by name."""

    def distance(candidate: str) -> float:
        ratio = SequenceMatcher(None, word.lower(), candidate.lower()).ratio()
        return -ratio if ratio >= 0.6 else 0.0

    ordered = sorted(known, key=lambda candidate: (distance(candidate), candidate))
    return f"unknown {what} {word!r}; known: {', '.join(ordered) or 'none'}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of a file, and the kind of error that a mistake there is."""

    path: Path
    line: int
    error: type[BadInputError]

    def refusal(self, message: str) -> BadInputError:
        """The error to raise for something wrong on this line."""
        return self.error(message, path=self.path, line=self.line)


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value. `written` is a scalar's own text, before any guess at its type: `0.10` stays `0.10`."""

    place: Place
    kind: Kind
    written: str = ""
    items: tuple[Value, ...] = ()
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def line(self) -> int:
        return self.place.line

    def refusal(self, message: str) -> BadInputError:
        """The error to raise for something wrong with this value."""
        return self.place.refusal(message)

    def text(self) -> str:
        """A text that is not empty."""
        if self.kind == "text" and self.written.strip():
            return self.written
        remedy = "; put it in quotes" if self.kind in ("number", "boolean") else ""
        raise self._wrong("a text", remedy)

    def scalar(self) -> str:
        """Any single value as it was written, for what is text in the end (a variable's value: `5`, `true`)."""
        if self.kind in ("text", "number", "boolean"):
            return self.written
        raise self._wrong("a text")

    def integer(self, *, minimum: int = 0) -> int:
        """A whole number of at least `minimum`."""
        if self.kind != "number" or not _INTEGER.fullmatch(self.written):
            raise self._wrong("a whole number")
        if int(self.written) < minimum:
            raise self.refusal(f"expected a whole number of at least {minimum}, found {self.written}")
        return int(self.written)

    def decimal(self) -> float:
        """A plain number without a unit."""
        if self.kind != "number" or not _DECIMAL.fullmatch(self.written):
            raise self._wrong("a number")
        return float(self.written)

    def boolean(self) -> bool:
        """`true` or `false`."""
        if self.kind != "boolean" or self.written.lower() not in ("true", "false"):
            raise self._wrong("true or false")
        return self.written.lower() == "true"

    def parse(self, parser: Callable[[str], T]) -> T:
        """What `parser` makes of the text as written; its ValueError becomes an error on this line."""
        if self.kind not in ("text", "number"):
            raise self._wrong("a value")
        try:
            return parser(self.written)
        except ValueError as error:
            raise self.refusal(str(error)) from None

    def choice(self, what: str, known: Collection[str]) -> str:
        """One of the known words; `what` says what they are."""
        if self.kind != "text" or self.written not in known:
            raise self.refusal(unknown(what, self.scalar(), known))
        return self.written

    def sequence(self, *, minimum: int = 0) -> tuple[Value, ...]:
        """The items of a list of at least `minimum` items."""
        if self.kind != "list":
            raise self._wrong("a list")
        if len(self.items) < minimum:
            raise self.refusal(f"expected a list of at least {minimum}, found {len(self.items)}")
        return self.items

    def texts(self, *, minimum: int = 0) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(item.text() for item in self.sequence(minimum=minimum))

    def mapping(self) -> Mapping[str, Entry]:
        """The entries of a mapping whose keys are free."""
        if self.kind != "mapping":
            raise self._wrong("a mapping")
        return self.entries

    def fields(self, *, required: Iterable[str] = (), optional: Iterable[str] = ()) -> Fields:
        """The entries of a mapping whose keys are known. Every unknown and every missing key is an error."""
        needed = tuple(required)
        known = (*needed, *optional)
        for key, entry in self.mapping().items():
            if key not in known:
                raise entry.place.refusal(unknown("key", key, known))
        for key in needed:
            if key not in self.entries:
                raise self.refusal(f"missing key {key!r}; needed: {', '.join(needed)}")
        return Fields(self)

    def plain(self) -> object:
        """Ordinary lists, dicts and scalars, for parts that are handed on to another tool untouched."""
        if self.kind == "mapping":
            return {key: entry.value.plain() for key, entry in self.entries.items()}
        if self.kind == "list":
            return [item.plain() for item in self.items]
        if self.kind == "number" and _DECIMAL.fullmatch(self.written):
            return int(self.written) if _INTEGER.fullmatch(self.written) else float(self.written)
        if self.kind == "boolean":
            return self.written.lower() in ("true", "yes", "on")
        return None if self.kind == "nothing" else self.written

    def _wrong(self, expected: str, remedy: str = "") -> BadInputError:
        return self.refusal(f"expected {expected}, found {self._found()}{remedy}")

    def _found(self) -> str:
        if self.kind in ("list", "mapping"):
            return f"a {self.kind}"
        if self.kind == "nothing":
            return "nothing"
        if self.kind == "text":
            return f"the text {shorten(self.written)!r}" if self.written else "an empty text"
        return f"the {'number' if self.kind == 'number' else 'value'} {shorten(self.written)}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One key of a mapping with its value. `place` is the key's own line."""

    place: Place
    value: Value


class Fields:
    """A mapping whose keys have been checked."""

    def __init__(self, value: Value) -> None:
        self._value = value

    def __getitem__(self, key: str) -> Value:
        return self._value.entries[key].value

    def get(self, key: str) -> Value | None:
        """The value, or None when the key is not there."""
        entry = self._value.entries.get(key)
        return entry.value if entry else None

    def read(self, key: str, reader: Callable[[Value], T], default: D) -> T | D:
        """What `reader` makes of the value, or the default when the key is not there."""
        value = self.get(key)
        return default if value is None else reader(value)


def shorten(text: str, longest: int = 60) -> str:
    """At most `longest` characters, for messages of one line."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
