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
    """What any other line holds; the line is used up. Raises `ShapeError`."""
    kind = plain.pop("kind", None) if isinstance(plain, dict) else None
    if not isinstance(plain, dict) or not isinstance(kind, str) or kind not in KINDS:
        raise ShapeError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
    return _build(KINDS[kind], plain)


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
    shapers = _SHAPERS[cls]
    if not plain.keys() <= shapers.keys():
        raise ShapeError(f"unknown key {min(plain.keys() - shapers.keys())!r}; known: {', '.join(shapers)}")
    if len(plain) < len(shapers) and (missing := _required(cls) - plain.keys()):
        raise ShapeError(f"missing key {min(missing)!r}")
    return cls(**{key: shapers[key](value, key) for key, value in plain.items()})


Shaper = Callable[[object, str], Any]
"""From a value of JSON, and the name to call it by, to what its annotation wants. Raises `ShapeError`."""


def _shaper(hint: Any) -> Shaper:
    """Made once for each annotation: a history has thousands of lines of few kinds."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _shaper_of_union(args)
    if origin is Mapping:
        inner = _shaper(args[1])
        return _checked(dict, hint, lambda value, key: {n: inner(item, f"{key}.{n}") for n, item in value.items()})
    if origin in (tuple, Sequence):
        return _checked(list, hint, _shaper_of_items(args))
    if origin is Literal:
        return _one_of(hint, args)
    if hint is float:
        return _number
    return (lambda value, key: value) if hint is object else _exact(hint)


def _refusal(value: object, key: str, *hints: Any) -> ShapeError:
    expected = " or ".join(getattr(hint, "__name__", str(hint)) for hint in hints)
    return ShapeError(f"{key} cannot be {value!r}; expected {expected}")


def _number(value: object, key: str) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise _refusal(value, key, float)


def _exact(kind: type) -> Shaper:
    def shaped(value: object, key: str) -> object:
        if type(value) is kind:
            return value
        raise _refusal(value, key, kind)

    return shaped


def _one_of(hint: Any, choices: tuple[object, ...]) -> Shaper:
    def shaped(value: object, key: str) -> object:
        if value in choices:
            return value
        raise _refusal(value, key, hint)

    return shaped


def _checked(kind: type, hint: Any, inner: Callable[[Any, str], Any]) -> Shaper:
    def shaped(value: object, key: str) -> object:
        if isinstance(value, kind):
            return inner(value, key)
        raise _refusal(value, key, hint)

    return shaped


def _shaper_of_union(choices: tuple[Any, ...]) -> Shaper:
    several = [_shaper(choice) for choice in choices]

    def shaped(value: object, key: str) -> object:
        for one in several:
            try:
                return one(value, key)
            except ShapeError:
                continue
        raise _refusal(value, key, *choices)

    # What most values of an optional key are: nothing, for which no refusal need be made and caught.
    return shaped if NoneType not in choices else lambda value, key: None if value is None else shaped(value, key)


def _shaper_of_items(args: tuple[Any, ...]) -> Callable[[list[object], str], tuple[Any, ...]]:
    """A pair, or any number of one kind."""
    if len(args) != 2 or args[1] is Ellipsis:
        each = _shaper(args[0])
        return lambda value, key: tuple(each(item, key) for item in value)
    first, second = map(_shaper, args)

    def pair(value: list[object], key: str) -> tuple[Any, ...]:
        if len(value) != 2:
            raise ShapeError(f"{key} must have 2 items, not {len(value)}")
        return first(value[0], key), second(value[1], key)

    return pair


_SHAPERS: Final[Mapping[type, Mapping[str, Shaper]]] = {
    cls: {key: _shaper(hint) for key, hint in hints.items()} for cls, hints in _HINTS.items()
}
