"""A spec as plain data and back, without loss: histories store the experiment as it was run."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from windtunnel.errors import SpecError
from windtunnel.spec.model import Spec


def spec_to_plain(spec: Spec) -> dict[str, object]:
    """Dicts, lists, texts and numbers only, as JSON keeps them."""
    return cast("dict[str, object]", to_plain(spec))


def spec_from_plain(data: Mapping[str, object]) -> Spec:
    """The spec that `spec_to_plain` made this of. Raises `SpecError` when it cannot have been."""
    try:
        return cast(Spec, from_plain(Spec, data, "spec"))
    except ValueError as error:
        raise SpecError(f"not a stored experiment: {error}") from None


def to_plain(value: object) -> object:
    """Any frozen dataclass as plain data."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [to_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(kind: Any, data: object, where: str) -> object:
    """The reverse for a type; `where` is how an error calls the data. Raises ValueError."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _dataclass_from(cast(type, kind), data, where)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, data, where)
    if origin is tuple and isinstance(data, list):
        return tuple(from_plain(arguments[0], inner, f"{where}[{index}]") for index, inner in enumerate(data))
    if origin is Mapping and isinstance(data, dict):
        return {str(key): from_plain(arguments[1], inner, f"{where}.{key}") for key, inner in data.items()}
    return _scalar(kind, data, where)


def _scalar(kind: Any, data: object, where: str) -> object:
    if (get_origin(kind) is Literal and data in get_args(kind)) or type(data) is kind:
        return data
    if kind is Path and isinstance(data, str):
        return Path(data)
    if kind is float and type(data) is int:
        return float(data)
    raise ValueError(f"{where} cannot be {type(data).__name__} {str(data)[:40]!r}")


def _one_of(kinds: tuple[Any, ...], data: object, where: str) -> object:
    # An exact match goes first: 1 stays an int where both an int and a float would do.
    for kind in sorted(kinds, key=lambda kind: kind is not type(data)):
        with contextlib.suppress(ValueError):
            return from_plain(kind, data, where)
    raise ValueError(f"{where} cannot be {type(data).__name__} {str(data)[:40]!r}")


def _dataclass_from(kind: type, data: object, where: str) -> object:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where} is not a mapping")
    hints = _hints(kind)
    strange = sorted(set(data) - set(hints))
    if strange:
        raise ValueError(f"{where} has an unknown field {strange[0]!r}")
    try:
        return kind(**{name: from_plain(hints[name], inner, f"{where}.{name}") for name, inner in data.items()})
    except TypeError:
        raise ValueError(f"{where} lacks fields") from None


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
