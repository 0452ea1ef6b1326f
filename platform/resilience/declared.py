"""Policies that are declared in a file: what protects what, at a glance, and changed without touching code.

    [inbound]
    limit = {minimum = 8, maximum = 28}

    ["orders->payments"]
    deadline = 0.9                      # seconds, as all durations
    retry = {attempts = 3, base = 0.2}

A table of the file is a frozen dataclass of settings, a key one of its fields, a table inside it a dataclass again:
whatever a policy can be set to can be written here, with no list of keys anywhere. What a table does not name is off;
inside a policy's own table, a key that is not named has that policy's default. `true` is all defaults, `false` is off.
What takes a function, such as a fallback, is given the name of one that the service offers.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from resilience.errors import SettingsError

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Source:
    """A policy file's text, for messages that say where."""

    name: str
    text: str

    def where(self, *path: str) -> str:
        """`file:line: ` of the deepest part of that path that has a line of its own."""
        found = 0
        section: str | None = None
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[([^\[\]]+)\]\s*(#.*)?$", line):
                section = header[1].strip().strip("\"'")
                if section == path[0]:
                    found = number
            elif section == path[0] and len(path) > 1 and re.match(rf"\s*[\"']?{re.escape(path[1])}[\"']?\s*=", line):
                return f"{self.name}:{number}: "
        return f"{self.name}:{found}: " if found else f"{self.name}: "


class PolicyFile:
    """A file that was read. Every method raises SettingsError: file, line, key, and what would be right.

    `functions` are those that it may name.
    """

    def __init__(
        self, path: Path, *, changes: Iterable[str] = (), functions: Mapping[str, Callable[..., Any]] = {}
    ) -> None:
        self._functions = functions
        try:
            self._source = Source(path.name, path.read_text(encoding="utf-8"))
            self._tables: dict[str, Any] = tomllib.loads(self._source.text)
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}; a readable policy file is needed") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path.name}: not TOML: {error}") from None
        for change in changes:
            self._change(change)

    def require_tables(self, known: Collection[str]) -> None:
        """No other tables than these, and none of them missing: what protects nothing must be a mistake."""
        for name in self._tables:
            if name not in known:
                raise SettingsError(f"{self._source.where(name)}unknown table {name!r}{_hint(name, known)}")
        for name in known:
            if name not in self._tables:
                raise SettingsError(f'{self._source.name}: there is no table ["{name}"]; an empty one is all off')

    def read(self, table: str, settings: type[Settings], *, off: Collection[str] = ()) -> Settings:
        """The policies of that table. `off` names fields that are switched off whatever the file says."""
        value = self._tables[table]
        if not isinstance(value, dict):
            raise SettingsError(f"{self._source.where(table)}{table} is {value!r}; right is a table")
        named = {field.name: None for field in fields(settings) if _can_be_off(field, settings)}  # type: ignore[arg-type]
        wanted = {**named, **value, **dict.fromkeys(off, False)}
        made: Settings = self._made(settings, wanted, (table,))
        return made

    def _made(self, settings: type[Any], table: Mapping[str, Any], path: tuple[str, ...]) -> Any:
        known = _hints(settings)
        for key in table:
            if key not in known:
                raise SettingsError(
                    f"{self._source.where(*path, key)}unknown key {_dotted(path, key)}{_hint(key, known)}"
                )
        values = {
            key: None if value is None else self._value(known[key], value, (*path, key)) for key, value in table.items()
        }
        try:
            return settings(**values)
        except SettingsError as error:
            raise SettingsError(f"{self._source.where(*path, *_first_key(error, path))}{path[0]}: {error}") from None
        except TypeError:
            needed = sorted(f.name for f in fields(settings) if f.name not in values and _needed(f))
            raise SettingsError(f"{self._source.where(*path)}{_dotted(path)} lacks {', '.join(needed)}") from None

    def _value(self, hint: Any, value: Any, path: tuple[str, ...]) -> Any:
        kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        optional = types.NoneType in kinds
        (kind,) = (one for one in kinds if one is not types.NoneType)
        if value is False and optional:
            return None
        if is_dataclass(kind):
            if value is True:
                value = {}
            if isinstance(value, dict):
                return self._made(kind, value, path)  # type: ignore[arg-type]
        elif (plain := self._plain(kind, value)) is not None:
            return plain
        wish = _wish(kind, optional, self._functions)
        raise SettingsError(f"{self._source.where(*path)}{_dotted(path)} is {value!r}; right is {wish}")

    def _plain(self, kind: Any, value: Any) -> Any:
        """None where the value does not fit."""
        origin = typing.get_origin(kind)
        if origin in (tuple, frozenset):
            return origin(value) if isinstance(value, list) else None
        if origin is Callable:
            return self._functions.get(value) if isinstance(value, str) else None
        if kind is float and type(value) is int:
            return float(value)
        # Exact: for Python, true is a whole number. Which word of several, the settings look at themselves.
        return value if type(value) is (str if origin is typing.Literal else kind) else None

    def _change(self, change: str) -> None:
        """`orders->payments.retry.attempts=2`, from the environment."""
        target, equals, text = change.partition("=")
        path = target.strip().split(".")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = None
        if not equals or len(path) < 2 or value is None:
            raise SettingsError(f"{change!r} is no change of a policy; right is such as inbound.limit.maximum=20")
        table = self._tables
        for key in path[:-1]:
            inner = table.get(key)
            table[key] = inner = dict(inner) if isinstance(inner, dict) else {}
            table = inner
        table[path[-1]] = value


def switches(settings: type[Any]) -> tuple[str, ...]:
    """The policies of these settings that can be off."""
    return tuple(field.name for field in fields(settings) if _can_be_off(field, settings))


def _hints(settings: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(settings)


def _can_be_off(field: Field[Any], settings: type[Any]) -> bool:
    return types.NoneType in typing.get_args(_hints(settings)[field.name])


def _needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _first_key(error: SettingsError, path: tuple[str, ...]) -> tuple[str, ...]:
    """A policy's own message begins with the key that it is about, as `retry.attempts is 0`."""
    return tuple(str(error).split(" ", 1)[0].split("."))[:1] if len(path) == 1 else ()


def _dotted(path: tuple[str, ...], *more: str) -> str:
    return ".".join((*path, *more))


def _hint(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"


def _wish(kind: Any, optional: bool, functions: Collection[str]) -> str:
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}
    wish = words.get(kind, "a table of settings, or true for its defaults" if is_dataclass(kind) else "a list")
    if typing.get_origin(kind) is Callable:
        wish = f"the name of a function; known: {', '.join(sorted(functions)) or 'none in this service'}"
    elif typing.get_origin(kind) is typing.Literal:
        wish = f"one of {', '.join(typing.get_args(kind))}"
    return f"{wish}, or false for off" if optional else wish
