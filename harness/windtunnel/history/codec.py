"""How a history's parts are spelt in JSON, and the strict way back: an unknown key or a wrong type is an error."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from windtunnel.history.model import (
    FORMAT,
    BreakerEvent,
    Call,
    Event,
    FaultEvent,
    Header,
    InvariantEvent,
    LoadEvent,
    NoteEvent,
    PhaseEvent,
    ProbeEvent,
    Sample,
    UsageEvent,
)

Redact = Callable[[str], str]
Line = Event | Sample | Call
"""What a line holds, but for the first."""
Part = TypeVar("Part", bound=Line | Header)

KINDS: Final[Mapping[str, type[Line]]] = {
    "sample": Sample,
    "call": Call,
    "phase": PhaseEvent,
    "fault": FaultEvent,
    "probe": ProbeEvent,
    "invariant": InvariantEvent,
    "load": LoadEvent,
    "breaker": BreakerEvent,
    "usage": UsageEvent,
    "note": NoteEvent,
}
_HINTS: Final[Mapping[type, dict[str, Any]]] = {cls: get_type_hints(cls) for cls in (Header, *KINDS.values())}
_KIND_OF: Final = {cls: kind for kind, cls in KINDS.items()}


class ShapeError(ValueError):
    """A line is not what the format says. The reader adds file and line."""


def header_line(header: Header) -> str:
    """The first line of a history."""
    return json.dumps({"history": FORMAT, **_fields(header)}, default=_plain) + "\n"


def event_line(event: Line) -> str:
    """Any other line of a history."""
    return json.dumps({"kind": _KIND_OF[type(event)], **_fields(event)}, default=_plain) + "\n"


def parse_header(plain: object) -> Header:
    """The header in a first line. Raises `ShapeError`."""
    if not isinstance(plain, dict) or "history" not in plain:
        raise ShapeError(f'not a history: its first line must begin with {{"history": "{FORMAT}"')
    if plain["history"] != FORMAT:
        raise ShapeError(f"history format {plain['history']!r}; this version reads {FORMAT!r}")
    return _build(Header, {key: value for key, value in plain.items() if key != "history"})


def parse_event(plain: object) -> Line:
    """What any other line holds. Raises `ShapeError`."""
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if not isinstance(plain, dict) or not isinstance(kind, str) or kind not in KINDS:
        raise ShapeError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
    return _build(KINDS[kind], {key: value for key, value in plain.items() if key != "kind"})


def redacted(part: Part, redact: Redact) -> Part:
    """The same with every text in it passed through `redact`."""
    fields = _fields(part)
    changed: dict[str, Any] = {name: _redact_value(value, redact) for name, value in fields.items()}
    return dataclasses.replace(part, **changed) if changed != fields else part


def _redact_value(value: object, redact: Redact) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _redact_value(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_redact_value(item, redact) for item in value)
    return value


def _fields(part: Line | Header) -> dict[str, Any]:
    # Not `asdict`: it copies deeply, which a thousand samples a second would pay for.
    return {name: getattr(part, name) for name in _HINTS[type(part)]}


def _plain(value: object) -> object:
    """What `json` asks about: mappings that are no dicts, and sets."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)


def _required(cls: type[Part]) -> frozenset[str]:
    none = dataclasses.MISSING
    return frozenset(f.name for f in dataclasses.fields(cls) if f.default is none and f.default_factory is none)


def _build(cls: type[Part], plain: Mapping[str, object]) -> Part:
    hints = _HINTS[cls]
    if unknown := plain.keys() - hints.keys():
        raise ShapeError(f"unknown key {min(unknown)!r}; known: {', '.join(hints)}")
    if len(plain) < len(hints) and (missing := _required(cls) - plain.keys()):
        raise ShapeError(f"missing key {min(missing)!r}")
    return cls(**{key: _shaped(value, hints[key], key) for key, value in plain.items()})


def _shaped(value: object, hint: Any, key: str) -> Any:
    """The value as its annotation wants it. Raises `ShapeError` when it cannot be."""
    if hint is float and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]
    if hint is object or (hint in (str, int, bool, NoneType) and type(value) is hint):
        return value
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal and value in args:
        return value
    if origin in (Union, UnionType):
        return _shaped_union(value, args, key)
    if origin is Mapping and isinstance(value, dict):
        return {name: _shaped(item, args[1], f"{key}.{name}") for name, item in value.items()}
    if origin in (tuple, Sequence) and isinstance(value, list):
        return _shaped_items(value, args, key)
    raise ShapeError(f"{key} cannot be {value!r}; expected {getattr(hint, '__name__', hint)}")


_Hints = tuple[Any, ...]


def _shaped_union(value: object, choices: _Hints, key: str) -> Any:
    for choice in choices:
        try:
            return _shaped(value, choice, key)
        except ShapeError:
            continue
    raise ShapeError(
        f"{key} cannot be {value!r}; expected {' or '.join(getattr(c, '__name__', str(c)) for c in choices)}"
    )


def _shaped_items(value: list[object], args: _Hints, key: str) -> tuple[Any, ...]:
    if len(args) == 2 and args[1] is not Ellipsis and len(value) != 2:
        raise ShapeError(f"{key} must have 2 items, not {len(value)}")
    kinds = args if len(args) == 2 and args[1] is not Ellipsis else args[:1] * len(value)
    return tuple(_shaped(item, kind, key) for item, kind in zip(value, kinds, strict=True))
