"""How request bodies are read: the rules of Go's encoding/json, which Toxiproxy's clients rely on.

Keys in any case, unknown keys ignored, text after the first value ignored, `null` means "not given". An integer
attribute takes an integer only (`5.0` and `"5"` are refused). Every refusal is a `BadBodyError` that names the key.
"""

from __future__ import annotations

import json
import math
import re
from ctypes import c_float
from dataclasses import fields
from typing import Any, TypeVar

from windtunnel.proxy.errors import BadBodyError
from windtunnel.proxy.toxics.http_settings import HttpSettings

_T = TypeVar("_T")
_SURROGATES = re.compile("[\ud800-\udfff]")
_INT64 = range(-(2**63), 2**63)
_LARGEST_FLOAT32 = 3.4028234663852886e38


def decode_value(body: bytes) -> object:
    """The first JSON value of the body."""
    text = body.decode("utf-8", errors="replace").lstrip(" \t\r\n")
    if not text:
        raise BadBodyError("EOF")
    try:
        value, _ = _DECODER.raw_decode(text)
    except RecursionError as error:
        raise BadBodyError("nested too deeply") from error
    except ValueError as error:
        raise BadBodyError(f"not JSON: {error}") from error
    return value


def decode_object(body: bytes) -> dict[str, Any]:
    """The first JSON value as an object, keys in lower case."""
    return lower_keys(decode_value(body), "the body")


def lower_keys(value: object, what: str) -> dict[str, Any]:
    """An object with its keys in lower case; `null` is an empty one."""
    if value is None:
        return {}
    return {key.lower(): item for key, item in expect(value, dict, what, "an object").items()}


def expect(value: object, kind: type[_T], what: str, article: str) -> _T:
    """The value, if it is of this kind. A boolean is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise BadBodyError(f"{what}: got {_json_kind(value)}, want {article}")
    return value


def text_of(body: dict[str, Any], key: str) -> str | None:
    """The string under `key`, None when it is not given."""
    value = body.get(key)
    if value is None:
        return None
    return _SURROGATES.sub("\ufffd", expect(value, str, key, "a string"))


def toxicity_of(body: dict[str, Any], default: float) -> float:
    """The toxicity; any number that fits 32 bits, as Toxiproxy takes it."""
    value = body.get("toxicity")
    if value is None:
        return default
    number = expect(value, int | float, "toxicity", "a number")  # type: ignore[arg-type]
    if not abs(number) <= _LARGEST_FLOAT32:
        raise BadBodyError("toxicity: out of range")
    return _kept_in_32_bits(float(number))


def settings_of(kind: type[Any], body: dict[str, Any], current: Any = None) -> Any:
    """A toxic's settings: `current` (by default all zero), with the attributes of the body put over it."""
    given = lower_keys(body.get("attributes"), "attributes")
    if issubclass(kind, HttpSettings):
        try:
            return kind.read(given, current)
        except ValueError as error:
            raise BadBodyError(str(error)) from error
    values = {}
    for field in fields(kind):
        value = given.get(field.name)
        if value is not None:
            values[field.name] = _number(value, field.name, whole=field.type in ("int", int))
        elif current is not None:
            values[field.name] = getattr(current, field.name)
    return kind(**values)


def _kept_in_32_bits(number: float) -> float:
    """As Toxiproxy keeps and shows it: the shortest text that is the same number in 32 bits."""
    kept = c_float(number).value
    digits = (float(f"{kept:.{count}g}") for count in range(1, 10))
    return next(short for short in digits if c_float(short).value == kept)


def _number(value: object, name: str, *, whole: bool) -> int | float:
    if whole:
        number = expect(value, int, f"attributes.{name}", "an integer")
        if number not in _INT64:
            raise BadBodyError(f"attributes.{name}: does not fit 64 bits")
        return number
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadBodyError(f"attributes.{name}: got {_json_kind(value)}, want a number")
    return value


def _json_kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {str: "a string", int: "an integer", float: "a fraction", list: "an array", dict: "an object"}
    return kinds.get(type(value), "null")


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
